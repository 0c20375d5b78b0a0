#include "server/storage/write_back.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"

namespace kvd::storage {
namespace {

// What a record in memory costs beside its bytes, about.
constexpr uint64_t kOverhead = 128;

uint64_t SizeOf(const std::optional<StoredValue>& value) {
  return kOverhead + (value ? value->value.size() : 0);
}

uint64_t SizeOf(const std::optional<std::string>& state) {
  return kOverhead + (state ? state->size() : 0);
}

uint64_t SizeOf(const std::pair<Generation, std::string>& key) {
  return key.second.size();
}

uint64_t SizeOf(const std::pair<Generation, uint64_t>& /*client*/) {
  return 0;
}

bool DropsSomething(const StoreBatch& batch) {
  return std::ranges::any_of(batch.changes(), [](const StoreBatch::Change& change) {
    return std::holds_alternative<StoreBatch::DropGeneration>(change) ||
           std::holds_alternative<StoreBatch::DropPartition>(change);
  });
}

}  // namespace

// Takes each kind of change into memory.
class WriteBackStore::Keeper {
 public:
  Keeper(std::map<PartitionId, Kept>& kept, uint64_t& bytes) : kept_(kept), bytes_(bytes) {}

  void operator()(StoreBatch::Put& put) const {
    Keep(kept_[put.partition], &Kept::values, {put.generation, std::move(put.key)},
         std::move(put.value));
  }
  void operator()(StoreBatch::Delete& gone) const {
    Keep(kept_[gone.partition], &Kept::values, {gone.generation, std::move(gone.key)},
         std::nullopt);
  }
  void operator()(StoreBatch::PutSession& put) const {
    Keep(kept_[put.partition], &Kept::sessions, {put.generation, put.session.client},
         std::move(put.session.state));
  }
  void operator()(const StoreBatch::DeleteSession& gone) const {
    Keep(kept_[gone.partition], &Kept::sessions, {gone.generation, gone.client}, std::nullopt);
  }
  void operator()(StoreBatch::SetApplied& applied) const {
    kept_[applied.partition].applied = std::move(applied.record);
  }
  void operator()(const StoreBatch::DropGeneration& /*drop*/) const {
    KVD_CHECK(false, "is for the store behind");
  }
  void operator()(const StoreBatch::DropPartition& /*drop*/) const {
    KVD_CHECK(false, "is for the store behind");
  }

 private:
  template <typename Map>
  void Keep(Kept& kept, Map Kept::*map, typename Map::key_type key,
            typename Map::mapped_type value) const {
    const auto [at, fresh] = (kept.*map).try_emplace(std::move(key));
    const uint64_t before = fresh ? 0 : SizeOf(at->first) + SizeOf(at->second);
    at->second = std::move(value);
    const uint64_t after = SizeOf(at->first) + SizeOf(at->second);
    kept.bytes += after - before;
    bytes_ += after - before;
  }

  std::map<PartitionId, Kept>& kept_;
  uint64_t& bytes_;
};

void WriteBackStore::CountPuts(const StoreBatch& batch) {
  uint64_t bytes = 0;
  for (const StoreBatch::Change& change : batch.changes()) {
    const auto* put = std::get_if<StoreBatch::Put>(&change);
    if (put != nullptr) bytes += put->key.size() + put->value.value.size();
  }
  put_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

Status WriteBackStore::Write(StoreBatch batch) {
  CountPuts(batch);
  const absl::MutexLock lock(&mu_);
  if (DropsSomething(batch)) {
    for (const StoreBatch::Change& change : batch.changes()) {
      KVD_RETURN_IF_ERROR(std::visit([this](const auto& one) ABSL_EXCLUSIVE_LOCKS_REQUIRED(
                                         mu_) { return HandOn(one.partition); },
                                     change));
    }
    return behind_.Write(std::move(batch));
  }
  const Keeper keeper(kept_, bytes_);
  for (StoreBatch::Change& change : batch.changes()) std::visit(keeper, change);
  return MakeRoom();
}

// One partition after the other, so that no batch waits for all of them.
Status WriteBackStore::MakeRoom() {
  while (bytes_ > max_bytes_) {
    auto at = kept_.upper_bound(last_);
    if (at == kept_.end()) at = kept_.begin();
    last_ = at->first;
    KVD_RETURN_IF_ERROR(HandOn(at->first));
  }
  return OkStatus();
}

Status WriteBackStore::HandOn(PartitionId partition) const {
  const auto found = kept_.find(partition);
  if (found == kept_.end()) return OkStatus();
  Kept kept = std::move(found->second);
  kept_.erase(found);
  bytes_ -= kept.bytes;
  StoreBatch batch;
  // In order: the store behind then finds each place from the one before.
  std::vector<decltype(kept.values)::value_type*> values;
  values.reserve(kept.values.size());
  for (auto& each : kept.values) values.push_back(&each);
  std::ranges::sort(values, {}, [](const auto* each) -> const ValueKey& { return each->first; });
  for (auto* each : values) {
    const auto& [generation, key] = each->first;
    if (each->second) {
      batch.Add(StoreBatch::Put{partition, generation, key, *std::move(each->second)});
    } else {
      batch.Add(StoreBatch::Delete{partition, generation, key});
    }
  }
  for (auto& [client, state] : kept.sessions) {
    if (state) {
      batch.Add(
          StoreBatch::PutSession{partition, client.first, {client.second, *std::move(state)}});
    } else {
      batch.Add(StoreBatch::DeleteSession{partition, client.first, client.second});
    }
  }
  if (kept.applied) batch.Add(StoreBatch::SetApplied{partition, *std::move(kept.applied)});
  return behind_.Write(std::move(batch));
}

Status WriteBackStore::HandOnAll() const {
  std::vector<PartitionId> partitions;
  {
    const absl::MutexLock lock(&mu_);
    for (const auto& [partition, kept] : kept_) partitions.push_back(partition);
  }
  for (const PartitionId partition : partitions) {
    const absl::MutexLock lock(&mu_);
    KVD_RETURN_IF_ERROR(HandOn(partition));
  }
  return OkStatus();
}

const std::optional<StoredValue>* WriteBackStore::FindKept(PartitionId partition,
                                                           Generation generation,
                                                           std::string_view key) const {
  const auto kept = kept_.find(partition);
  if (kept == kept_.end()) return nullptr;
  const auto found = kept->second.values.find(ValueName(generation, key));
  return found == kept->second.values.end() ? nullptr : &found->second;
}

StatusOr<std::optional<StoredValue>> WriteBackStore::Get(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const {
  {
    const absl::MutexLock lock(&mu_);
    if (const auto* kept = FindKept(partition, generation, key)) return *kept;
  }
  return behind_.Get(partition, generation, key);
}

StatusOr<std::optional<StoredHead>> WriteBackStore::Head(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const {
  {
    const absl::MutexLock lock(&mu_);
    if (const auto* kept = FindKept(partition, generation, key)) {
      if (!*kept) return std::nullopt;
      return StoredHead{.version = (*kept)->version, .bytes = (*kept)->value.size()};
    }
  }
  return behind_.Head(partition, generation, key);
}

// Whoever has the lock may be handing on, and wait for the disk.
std::optional<KnownValue> WriteBackStore::Peek(PartitionId partition, Generation generation,
                                               std::string_view key) const {
  if (!mu_.TryLock()) return std::nullopt;
  std::optional<KnownValue> known;
  if (const auto* kept = FindKept(partition, generation, key)) known = KnownValue{*kept};
  mu_.Unlock();
  if (known) return known;
  return behind_.Peek(partition, generation, key);
}

StatusOr<std::vector<StoredKey>> WriteBackStore::Scan(PartitionId partition, Generation generation,
                                                      std::string_view from,
                                                      size_t max_keys) const {
  {
    const absl::MutexLock lock(&mu_);
    KVD_RETURN_IF_ERROR(HandOn(partition));
  }
  return behind_.Scan(partition, generation, from, max_keys);
}

StatusOr<std::vector<StoredSession>> WriteBackStore::ScanSessions(PartitionId partition,
                                                                  Generation generation,
                                                                  uint64_t from,
                                                                  size_t max_sessions) const {
  {
    const absl::MutexLock lock(&mu_);
    KVD_RETURN_IF_ERROR(HandOn(partition));
  }
  return behind_.ScanSessions(partition, generation, from, max_sessions);
}

StatusOr<std::unique_ptr<PartitionView>> WriteBackStore::OpenView(PartitionId partition) const {
  const absl::MutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(HandOn(partition));
  return behind_.OpenView(partition);
}

StatusOr<std::vector<PartitionId>> WriteBackStore::Partitions() const {
  KVD_RETURN_IF_ERROR(HandOnAll());
  return behind_.Partitions();
}

StatusOr<std::optional<AppliedRecord>> WriteBackStore::Applied(PartitionId partition,
                                                               Tier tier) const {
  if (tier == Tier::kLatest) {
    const absl::MutexLock lock(&mu_);
    const auto kept = kept_.find(partition);
    if (kept != kept_.end() && kept->second.applied) return kept->second.applied;
  }
  return behind_.Applied(partition, tier);
}

Status WriteBackStore::Flush() {
  KVD_RETURN_IF_ERROR(HandOnAll());
  return behind_.Flush();
}

}  // namespace kvd::storage
