#include "server/storage/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "common/check.h"
#include "common/hash.h"

namespace kvd::storage {
namespace {

// Above every generation there is.
constexpr Generation kBeyond = std::numeric_limits<Generation>::max();

constexpr uint64_t kBytesPerRecord = 32;  // About what a record on disk adds to key and value.

}  // namespace

// Holds one partition's part of the state, copied.
class MemoryStore::View : public PartitionView {
 public:
  View(PartitionId partition, AppliedRecord applied, State state, std::set<Place> damaged)
      : partition_(partition), applied_(std::move(applied)) {
    const absl::MutexLock lock(&store_.mu_);
    store_.latest_ = std::move(state);
    store_.damaged_ = std::move(damaged);
  }

  [[nodiscard]] const AppliedRecord& applied() const override { return applied_; }
  [[nodiscard]] StatusOr<std::vector<StoredKey>> Scan(std::string_view from,
                                                      size_t max_keys) const override {
    return store_.Scan(partition_, applied_.generation, from, max_keys);
  }
  [[nodiscard]] StatusOr<std::vector<StoredSession>> ScanSessions(
      uint64_t from, size_t max_sessions) const override {
    return store_.ScanSessions(partition_, applied_.generation, from, max_sessions);
  }

 private:
  const PartitionId partition_;
  const AppliedRecord applied_;
  MemoryStore store_;
};

void MemoryStore::Drop(State& state, const Place& from, const Place& to) {
  const auto session = [](const Place& place) {
    return SessionPlace(std::get<0>(place), std::get<1>(place), 0);
  };
  state.values.erase(state.values.lower_bound(from), state.values.lower_bound(to));
  state.sessions.erase(state.sessions.lower_bound(session(from)),
                       state.sessions.lower_bound(session(to)));
}

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
          } else if constexpr (std::is_same_v<Change, StoreBatch::PutSession>) {
            state.sessions.insert_or_assign({c.partition, c.generation, c.session.client},
                                            c.session.state);
          } else if constexpr (std::is_same_v<Change, StoreBatch::DeleteSession>) {
            state.sessions.erase({c.partition, c.generation, c.client});
          } else if constexpr (std::is_same_v<Change, StoreBatch::DropPartition>) {
            Drop(state, {c.partition, 0, ""}, {c.partition, kBeyond, ""});
            state.applied.erase(c.partition);
          } else {
            Drop(state, {c.partition, c.generation, ""}, {c.partition, c.generation + 1, ""});
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
    } else if (const auto* all = std::get_if<StoreBatch::DropPartition>(&change)) {
      damaged_.erase(damaged_.lower_bound({all->partition, 0, ""}),
                     damaged_.lower_bound({all->partition, kBeyond, ""}));
    }
  }
}

Status MemoryStore::TakeFailureLocked() {
  if (failed_.ok() && next_failure_) failed_ = *std::exchange(next_failure_, std::nullopt);
  return failed_;
}

Status MemoryStore::Write(StoreBatch batch) {
  const absl::MutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(TakeFailureLocked());
  Apply(latest_, batch);
  ForgetDamageLocked(batch);
  unflushed_.push_back(std::move(batch));
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

std::optional<KnownValue> MemoryStore::Peek(PartitionId partition, Generation generation,
                                            std::string_view key) const {
  auto value = Get(partition, generation, key);
  if (!value.ok()) return std::nullopt;
  return KnownValue{*std::move(value)};
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

std::vector<StoredSession> MemoryStore::SessionsOf(const State& state, const SessionPlace& from,
                                                   size_t max_sessions) {
  const auto& [partition, generation, client] = from;
  const auto end = state.sessions.lower_bound({partition, generation + 1, 0});
  std::vector<StoredSession> sessions;
  for (auto it = state.sessions.lower_bound(from); it != end && sessions.size() < max_sessions;
       ++it) {
    sessions.push_back({.client = std::get<2>(it->first), .state = it->second});
  }
  return sessions;
}

StatusOr<std::vector<StoredSession>> MemoryStore::ScanSessions(PartitionId partition,
                                                               Generation generation, uint64_t from,
                                                               size_t max_sessions) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  return SessionsOf(latest_, {partition, generation, from}, max_sessions);
}

StatusOr<std::unique_ptr<PartitionView>> MemoryStore::OpenView(PartitionId partition) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  State state;
  state.values = {latest_.values.lower_bound({partition, 0, ""}),
                  latest_.values.lower_bound({partition, kBeyond, ""})};
  state.sessions = {latest_.sessions.lower_bound({partition, 0, 0}),
                    latest_.sessions.lower_bound({partition, kBeyond, 0})};
  const auto found = latest_.applied.find(partition);
  return std::make_unique<View>(partition,
                                found == latest_.applied.end() ? AppliedRecord() : found->second,
                                std::move(state), damaged_);
}

StatusOr<std::vector<PartitionId>> MemoryStore::Partitions() const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  std::vector<PartitionId> partitions;
  for (const auto& [partition, record] : latest_.applied) partitions.push_back(partition);
  return partitions;
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

std::unique_ptr<MemoryStore> MemoryStore::Copy() const {
  auto copy = std::make_unique<MemoryStore>();
  const absl::MutexLock lock(&mu_);
  const absl::MutexLock lock_copy(&copy->mu_);
  copy->latest_ = flushed_;
  copy->flushed_ = flushed_;
  copy->damaged_ = damaged_;
  return copy;
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
