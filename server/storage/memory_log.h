// The twin of the log on disk, for tests and the simulator: the same promises, and a disk that can
// lose what was not synced, fail, and rot. Deterministic.
//
// Threading: as Log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status.h"
#include "server/storage/log.h"

namespace kvd::storage {

class MemoryLog : public Log {
 public:
  MemoryLog() = default;

  // Write() and Sync() at once.
  [[nodiscard]] Status Append(std::span<const GroupWrite> writes) override;
  [[nodiscard]] StatusOr<std::vector<GroupExtent>> Groups() const override;
  [[nodiscard]] StatusOr<std::vector<Entry>> Read(GroupId group, Index from, Index to,
                                                  uint64_t max_bytes) const override;
  [[nodiscard]] Status TruncatePrefix(GroupId group, Index through) override;
  [[nodiscard]] uint64_t disk_bytes() const override;

  // The two halves of Append(), for a driver in whose time an fsync takes a while. What is written
  // is not readable before it is synced, and one batch may be under way at a time.
  void Write(std::span<const GroupWrite> writes);
  [[nodiscard]] Status Sync();

  // The next Append(), Sync() or TruncatePrefix() answers `error` and the log is unusable until
  // Crash(). What an Append() had written then counts as written and not synced: whether it is on
  // disk is unknown.
  void FailNextAppend(Status error);

  // The process died, or the power went, and the log was opened again: usable, with everything that
  // was synced. A batch written but not synced is lost if `tear_last_batch`, and is otherwise
  // there as a whole.
  void Crash(bool tear_last_batch);

  // Another disk with what is synced on this one.
  [[nodiscard]] std::unique_ptr<MemoryLog> Copy() const;

  // The disk damages one entry: reading it is DATA_LOSS from now on, until it is overwritten.
  // REQUIRES: the entry exists.
  void DamageEntry(GroupId group, Index index);

 private:
  struct Group {
    GroupExtent extent;
    std::map<Index, Entry> entries;
  };

  void ApplyLocked(const GroupWrite& write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status SyncLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] Status TakeFailureLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] const Group& GroupLocked(GroupId group) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::map<GroupId, Group> groups_ ABSL_GUARDED_BY(mu_);
  std::optional<std::vector<GroupWrite>> written_ ABSL_GUARDED_BY(mu_);  // Not yet synced.
  std::set<std::pair<GroupId, Index>> damaged_ ABSL_GUARDED_BY(mu_);
  std::optional<Status> next_failure_ ABSL_GUARDED_BY(mu_);
  Status failed_ ABSL_GUARDED_BY(mu_);  // OK while usable.
};

}  // namespace kvd::storage
