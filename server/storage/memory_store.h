// The twin of the data on disk, for tests and the simulator: the same promises, and a disk that
// loses what was not flushed, fails, and rots. Deterministic.
//
// Threading: as Store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status.h"
#include "server/storage/store.h"

namespace kvd::storage {

class MemoryStore : public Store {
 public:
  MemoryStore() = default;

  [[nodiscard]] Status Write(StoreBatch batch) override;
  [[nodiscard]] StatusOr<std::optional<StoredValue>> Get(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const override;
  [[nodiscard]] std::optional<KnownValue> Peek(PartitionId partition, Generation generation,
                                               std::string_view key) const override;
  [[nodiscard]] StatusOr<std::vector<StoredKey>> Scan(PartitionId partition, Generation generation,
                                                      std::string_view from,
                                                      size_t max_keys) const override;
  [[nodiscard]] StatusOr<std::vector<StoredSession>> ScanSessions(
      PartitionId partition, Generation generation, uint64_t from,
      size_t max_sessions) const override;
  [[nodiscard]] StatusOr<std::unique_ptr<PartitionView>> OpenView(
      PartitionId partition) const override;
  [[nodiscard]] StatusOr<std::vector<PartitionId>> Partitions() const override;
  [[nodiscard]] StatusOr<std::optional<AppliedRecord>> Applied(PartitionId partition,
                                                               Tier tier) const override;
  [[nodiscard]] Status Flush() override;
  [[nodiscard]] uint64_t disk_bytes() const override;

  // The next Write() or Flush() answers `error`, changes nothing, and the store is unusable until
  // Crash().
  void FailNextWrite(Status error);

  // The process died and the store was opened again: usable, with the state at the last Flush() and
  // the first `surviving_batches` of those written since, which a database may have flushed by
  // itself.
  void Crash(size_t surviving_batches = 0);

  // Another disk with what is flushed on this one.
  [[nodiscard]] std::unique_ptr<MemoryStore> Copy() const;

  // The disk damages one value: reading it is DATA_LOSS from now on, until it is overwritten.
  // REQUIRES: the key exists.
  void DamageValue(PartitionId partition, Generation generation, std::string_view key);

 private:
  class View;

  using Place = std::tuple<PartitionId, Generation, std::string>;
  using SessionPlace = std::tuple<PartitionId, Generation, uint64_t>;

  struct State {
    std::map<Place, StoredValue> values;
    std::map<SessionPlace, std::string> sessions;
    std::map<PartitionId, AppliedRecord> applied;
  };

  static std::vector<StoredSession> SessionsOf(const State& state, const SessionPlace& from,
                                               size_t max_sessions);
  // Of values and sessions, [from, to).
  static void Drop(State& state, const Place& from, const Place& to);
  static void Apply(State& state, const StoreBatch& batch);

  // What damage `batch` undoes, by overwriting.
  void ForgetDamageLocked(const StoreBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status TakeFailureLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status CheckReadableLocked(const Place& place) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  State latest_ ABSL_GUARDED_BY(mu_);
  State flushed_ ABSL_GUARDED_BY(mu_);
  std::vector<StoreBatch> unflushed_ ABSL_GUARDED_BY(mu_);  // What turns flushed_ into latest_.
  std::set<Place> damaged_ ABSL_GUARDED_BY(mu_);
  std::optional<Status> next_failure_ ABSL_GUARDED_BY(mu_);
  Status failed_ ABSL_GUARDED_BY(mu_);  // OK while usable.
};

}  // namespace kvd::storage
