// The record codec in nanoseconds, and log and store on the disk under the folder for temporary
// files: set TMPDIR to the disk to be measured. A tmpfs would flatter the synced appends.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/random.h"
#include "server/storage/record.h"
#include "server/storage/rocks/rocks_store.h"
#include "server/storage/segments/segment_log.h"

namespace kvd::storage {
namespace {

constexpr size_t kValueBytes = 128;
constexpr PartitionId kPartition{1};

class BenchDir {
 public:
  BenchDir() {
    std::string name = (std::filesystem::temp_directory_path() / "kvd_bench_XXXXXX").string();
    KVD_CHECK(mkdtemp(name.data()) != nullptr, "cannot create a temporary folder");
    path_ = name;
  }
  ~BenchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  BenchDir(const BenchDir&) = delete;
  BenchDir& operator=(const BenchDir&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void BM_EncodeEntry(benchmark::State& state) {
  const Entry entry{
      .index = 1, .term = 1, .payload = std::string(static_cast<size_t>(state.range(0)), 'x')};
  for (auto _ : state) benchmark::DoNotOptimize(EncodeEntry(entry));
}
BENCHMARK(BM_EncodeEntry)->Arg(128)->Arg(4096)->Arg(1 << 20);

void BM_DecodeEntry(benchmark::State& state) {
  const std::string bytes = EncodeEntry(
      {.index = 1, .term = 1, .payload = std::string(static_cast<size_t>(state.range(0)), 'x')});
  for (auto _ : state) benchmark::DoNotOptimize(DecodeEntry(GroupId{1}, 1, bytes));
}
BENCHMARK(BM_DecodeEntry)->Arg(128)->Arg(4096)->Arg(1 << 20);

void BM_EncodeApplied(benchmark::State& state) {
  const AppliedRecord record{.index = 1, .term = 1, .configuration = std::string(64, 'c')};
  for (auto _ : state) benchmark::DoNotOptimize(EncodeApplied(record));
}
BENCHMARK(BM_EncodeApplied);

void BM_DecodeStoredValue(benchmark::State& state) {
  const std::string bytes =
      EncodeStoredValue({.version = 1, .value = std::string(kValueBytes, 'v')});
  for (auto _ : state) benchmark::DoNotOptimize(DecodeStoredValue(kPartition, "k", bytes));
}
BENCHMARK(BM_DecodeStoredValue);

// One synced batch per iteration, of as many entries as the argument says, each of another group.
void BM_LogAppendSynced(benchmark::State& state) {
  const BenchDir dir;
  auto opened = OpenSegmentLog(dir / "log", {});
  KVD_CHECK(opened.ok(), opened.status().ToString());
  const auto groups = static_cast<uint32_t>(state.range(0));
  Index index = 0;
  for (auto _ : state) {
    ++index;
    std::vector<GroupWrite> writes;
    for (uint32_t group = 0; group < groups; ++group) {
      writes.push_back(
          {.group = GroupId{group},
           .hard_state = {},
           .entries = {{.index = index, .term = 1, .payload = std::string(kValueBytes, 'x')}}});
    }
    const Status appended = opened->log->Append(writes);
    KVD_CHECK(appended.ok(), appended.ToString());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LogAppendSynced)->Arg(1)->Arg(16)->Arg(64)->UseRealTime();

std::unique_ptr<Store> OpenStore(const BenchDir& dir) {
  auto store = OpenRocksStore(dir / "data", {.memory = {}, .on_fatal = {}});
  KVD_CHECK(store.ok(), store.status().ToString());
  return *std::move(store);
}

StoreBatch OneChange(uint64_t key, Index index) {
  StoreBatch batch;
  batch.Add(StoreBatch::Put{.partition = kPartition,
                            .generation = 1,
                            .key = "user:" + std::to_string(key),
                            .value = {.version = index, .value = std::string(kValueBytes, 'v')}});
  AppliedRecord applied;
  applied.index = index;
  batch.Add(StoreBatch::SetApplied{.partition = kPartition, .record = std::move(applied)});
  return batch;
}

constexpr uint64_t kKeys = 200'000;

void BM_StoreWrite(benchmark::State& state) {
  const BenchDir dir;
  const auto store = OpenStore(dir);
  Random random(1);
  Index index = 0;
  for (auto _ : state) {
    const Status written = store->Write(OneChange(random.Below(kKeys), ++index));
    KVD_CHECK(written.ok(), written.ToString());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_StoreWrite)->UseRealTime();

void BM_StoreGet(benchmark::State& state) {
  const BenchDir dir;
  const auto store = OpenStore(dir);
  for (uint64_t key = 0; key < kKeys; ++key) {
    KVD_CHECK(store->Write(OneChange(key, key + 1)).ok(), "write");
  }
  KVD_CHECK(store->Flush().ok(), "flush");
  Random random(1);
  for (auto _ : state) {
    const auto value = store->Get(kPartition, 1, "user:" + std::to_string(random.Below(kKeys)));
    KVD_CHECK(value.ok() && value->has_value(), "every key is there");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_StoreGet)->UseRealTime();

}  // namespace
}  // namespace kvd::storage
