#include "server/storage/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "common/check.h"
#include "common/hash.h"

namespace kvd::storage {
namespace {

constexpr uint64_t kBytesPerRecord = 32;  // About what a record on disk adds to key and value.

}  // namespace

void MemoryStore::Apply(State& state, const StoreBatch& batch) {
  for (const StoreBatch::Change& change : batch.changes()) {
    std::visit(
        [&](const auto& c) {
          using Change = std::decay_t<decltype(c)>;
          if constexpr (std::is_same_v<Change, StoreBatch::Put>) {
            state.values.insert_or_assign({c.partition, c.generation, c.key}, c.value);
          } else if constexpr (std::is_same_v<Change, StoreBatch::Delete>) {
            state.values.erase({c.partition, c.generation, c.key});
          } else if constexpr (std::is_same_v<Change, StoreBatch::SetApplied>) {
            state.applied.insert_or_assign(c.partition, c.record);
          } else {
            state.values.erase(state.values.lower_bound({c.partition, c.generation, ""}),
                               state.values.lower_bound({c.partition, c.generation + 1, ""}));
          }
        },
        change);
  }
}

void MemoryStore::ForgetDamageLocked(const StoreBatch& batch) {
  if (damaged_.empty()) return;
  for (const StoreBatch::Change& change : batch.changes()) {
    if (const auto* put = std::get_if<StoreBatch::Put>(&change)) {
      damaged_.erase({put->partition, put->generation, put->key});
    } else if (const auto* gone = std::get_if<StoreBatch::Delete>(&change)) {
      damaged_.erase({gone->partition, gone->generation, gone->key});
    } else if (const auto* drop = std::get_if<StoreBatch::DropGeneration>(&change)) {
      damaged_.erase(damaged_.lower_bound({drop->partition, drop->generation, ""}),
                     damaged_.lower_bound({drop->partition, drop->generation + 1, ""}));
    }
  }
}

Status MemoryStore::TakeFailureLocked() {
  if (failed_.ok() && next_failure_) failed_ = *std::exchange(next_failure_, std::nullopt);
  return failed_;
}

Status MemoryStore::Write(const StoreBatch& batch) {
  const absl::MutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(TakeFailureLocked());
  Apply(latest_, batch);
  ForgetDamageLocked(batch);
  unflushed_.push_back(batch);
  return OkStatus();
}

Status MemoryStore::CheckReadableLocked(const Place& place) const {
  if (!damaged_.contains(place)) return OkStatus();
  const auto& [partition, generation, key] = place;
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("value in partition {} under a key of {} bytes (hash {:016x}): "
                                "damaged",
                                partition.value, key.size(), Hash64(key)));
}

StatusOr<std::optional<StoredValue>> MemoryStore::Get(PartitionId partition, Generation generation,
                                                      std::string_view key) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  const Place place{partition, generation, std::string(key)};
  const auto found = latest_.values.find(place);
  if (found == latest_.values.end()) return std::nullopt;
  KVD_RETURN_IF_ERROR(CheckReadableLocked(place));
  return found->second;
}

StatusOr<std::vector<StoredKey>> MemoryStore::Scan(PartitionId partition, Generation generation,
                                                   std::string_view from, size_t max_keys) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  std::vector<StoredKey> keys;
  const auto end = latest_.values.lower_bound({partition, generation + 1, ""});
  auto it = latest_.values.lower_bound({partition, generation, std::string(from)});
  for (; it != end && keys.size() < max_keys; ++it) {
    KVD_RETURN_IF_ERROR(CheckReadableLocked(it->first));
    keys.push_back({.key = std::get<std::string>(it->first), .value = it->second});
  }
  return keys;
}

StatusOr<std::optional<AppliedRecord>> MemoryStore::Applied(PartitionId partition,
                                                            Tier tier) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  const State& state = tier == Tier::kLatest ? latest_ : flushed_;
  const auto found = state.applied.find(partition);
  if (found == state.applied.end()) return std::nullopt;
  return found->second;
}

Status MemoryStore::Flush() {
  const absl::MutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(TakeFailureLocked());
  for (const StoreBatch& batch : unflushed_) Apply(flushed_, batch);
  unflushed_.clear();
  return OkStatus();
}

uint64_t MemoryStore::disk_bytes() const {
  const absl::ReaderMutexLock lock(&mu_);
  uint64_t bytes = 0;
  for (const auto& [place, value] : flushed_.values) {
    bytes += kBytesPerRecord + std::get<std::string>(place).size() + value.value.size();
  }
  return bytes;
}

void MemoryStore::FailNextWrite(Status error) {
  const absl::MutexLock lock(&mu_);
  KVD_CHECK(!error.ok(), "a failure is not OK");
  next_failure_ = std::move(error);
}

void MemoryStore::Crash(size_t surviving_batches) {
  const absl::MutexLock lock(&mu_);
  failed_ = OkStatus();
  next_failure_.reset();
  unflushed_.resize(std::min(surviving_batches, unflushed_.size()));
  for (const StoreBatch& batch : unflushed_) Apply(flushed_, batch);
  unflushed_.clear();
  latest_ = flushed_;
}

void MemoryStore::DamageValue(PartitionId partition, Generation generation, std::string_view key) {
  const absl::MutexLock lock(&mu_);
  Place place{partition, generation, std::string(key)};
  KVD_CHECK(latest_.values.contains(place), "only what exists can be damaged");
  damaged_.insert(std::move(place));
}

}  // namespace kvd::storage
