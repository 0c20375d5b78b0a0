// A store in front of another: keeps what is written in memory and hands it on later, a partition
// at a time and in the order of keys. What is written again and again, applied records and sessions
// with every batch, is handed on once; and what was just written is read back without a search.
//
// Loses nothing that the store behind it would keep: what is not flushed comes back from the log
// anyway. All that is in memory of a partition is handed on as one batch, so that its record and
// its data stay one; batches of several partitions do not.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/synchronization/mutex.h"
#include "server/storage/store.h"

namespace kvd::storage {

class WriteBackStore final : public Store {
 public:
  // Keeps up to about `max_bytes` in memory. `behind` must outlive this, and everybody else must
  // leave it alone.
  WriteBackStore(Store& behind, uint64_t max_bytes) : behind_(behind), max_bytes_(max_bytes) {}

  [[nodiscard]] Status Write(StoreBatch batch) override ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::optional<StoredValue>> Get(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::optional<StoredHead>> Head(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] std::optional<KnownValue> Peek(PartitionId partition, Generation generation,
                                               std::string_view key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::vector<StoredKey>> Scan(PartitionId partition, Generation generation,
                                                      std::string_view from,
                                                      size_t max_keys) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::vector<StoredSession>> ScanSessions(
      PartitionId partition, Generation generation, uint64_t from,
      size_t max_sessions) const override ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::unique_ptr<PartitionView>> OpenView(
      PartitionId partition) const override ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::vector<PartitionId>> Partitions() const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] StatusOr<std::optional<AppliedRecord>> Applied(PartitionId partition,
                                                               Tier tier) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] Status Flush() override ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] uint64_t disk_bytes() const override { return behind_.disk_bytes(); }

  // Of keys and values put since the start: what the disk would have to write if it wrote each of
  // them once.
  [[nodiscard]] uint64_t put_bytes() const { return put_bytes_.load(std::memory_order_relaxed); }

 private:
  // A key and its generation, as it is kept or as it is looked for.
  using ValueKey = std::pair<Generation, std::string>;
  using ValueName = std::pair<Generation, std::string_view>;
  struct HashOfKey {
    using is_transparent = void;
    size_t operator()(const ValueName& name) const { return absl::HashOf(name); }
    size_t operator()(const ValueKey& key) const { return (*this)(ValueName(key)); }
  };
  struct SameKey {
    using is_transparent = void;
    bool operator()(const ValueName& a, const ValueName& b) const { return a == b; }
  };

  // What the store behind does not have yet of a partition; nullopt: deleted.
  struct Kept {
    absl::flat_hash_map<ValueKey, std::optional<StoredValue>, HashOfKey, SameKey> values;
    std::map<std::pair<Generation, uint64_t>, std::optional<std::string>> sessions;
    std::optional<AppliedRecord> applied;
    uint64_t bytes = 0;
  };
  class Keeper;

  // nullptr: nothing of the key is kept here.
  [[nodiscard]] const std::optional<StoredValue>* FindKept(PartitionId partition,
                                                           Generation generation,
                                                           std::string_view key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status HandOn(PartitionId partition) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status HandOnAll() const ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] Status MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountPuts(const StoreBatch& batch);

  Store& behind_;
  const uint64_t max_bytes_;
  std::atomic<uint64_t> put_bytes_ = 0;
  mutable absl::Mutex mu_;
  mutable std::map<PartitionId, Kept> kept_ ABSL_GUARDED_BY(mu_);
  mutable uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  PartitionId last_ ABSL_GUARDED_BY(mu_);  // Who made room last: the next one is next.
};

}  // namespace kvd::storage
