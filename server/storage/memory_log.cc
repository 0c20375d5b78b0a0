#include "server/storage/memory_log.h"

#include <fmt/format.h>

#include "common/check.h"
#include "server/storage/extent.h"

namespace kvd::storage {
namespace {

constexpr uint64_t kBytesPerRecord = 32;  // About what a record on disk adds to its payload.

Status Damaged(GroupId group, Index index) {
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("log entry {} of group {}: damaged", index, group.value));
}

}  // namespace

Status MemoryLog::Append(std::span<const GroupWrite> writes) {
  Write(writes);
  return Sync();
}

void MemoryLog::Write(std::span<const GroupWrite> writes) {
  const absl::MutexLock lock(&mu_);
  if (!failed_.ok()) return;  // Sync() will tell.
  KVD_CHECK(!written_.has_value(), "one batch is in flight at a time");
  written_.emplace(writes.begin(), writes.end());
}

Status MemoryLog::Sync() {
  const absl::MutexLock lock(&mu_);
  return SyncLocked();
}

std::unique_ptr<MemoryLog> MemoryLog::Copy() const {
  auto copy = std::make_unique<MemoryLog>();
  const absl::MutexLock lock(&mu_);
  const absl::MutexLock lock_copy(&copy->mu_);
  copy->groups_ = groups_;
  copy->damaged_ = damaged_;
  return copy;
}

Status MemoryLog::SyncLocked() {
  KVD_RETURN_IF_ERROR(TakeFailureLocked());
  if (!written_) return OkStatus();
  for (const GroupWrite& write : *written_) ApplyLocked(write);
  written_.reset();
  return OkStatus();
}

Status MemoryLog::TakeFailureLocked() {
  if (failed_.ok() && next_failure_) failed_ = *std::exchange(next_failure_, std::nullopt);
  return failed_;
}

void MemoryLog::ApplyLocked(const GroupWrite& write) {
  if (IsEmpty(write)) return;
  Group& group = groups_[write.group];
  group.extent.group = write.group;
  group.extent = Extended(group.extent, write);
  const bool anew = write.reset || write.remove;
  if (write.entries.empty() && !anew) return;

  const Index from = anew ? 0 : write.entries.front().index;
  group.entries.erase(group.entries.lower_bound(from), group.entries.end());
  damaged_.erase(damaged_.lower_bound({write.group, from}),
                 damaged_.lower_bound({GroupId{write.group.value + 1}, 0}));
  for (const Entry& entry : write.entries) group.entries.emplace(entry.index, entry);
}

StatusOr<std::vector<GroupExtent>> MemoryLog::Groups() const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  std::vector<GroupExtent> extents;
  extents.reserve(groups_.size());
  for (const auto& [id, group] : groups_) extents.push_back(group.extent);
  return extents;
}

const MemoryLog::Group& MemoryLog::GroupLocked(GroupId group) const {
  const auto found = groups_.find(group);
  KVD_CHECK(found != groups_.end(), fmt::format("group {} has no log", group.value));
  return found->second;
}

StatusOr<std::vector<Entry>> MemoryLog::Read(GroupId group, Index from, Index to,
                                             uint64_t max_bytes) const {
  const absl::ReaderMutexLock lock(&mu_);
  KVD_RETURN_IF_ERROR(failed_);
  KVD_CHECK_OP(<=, from, to);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return NotInLog(group, from, to);
  const Group& log = found->second;
  if (from < log.extent.first || to > log.extent.last) return NotInLog(group, from, to);

  std::vector<Entry> entries;
  uint64_t bytes = 0;
  for (auto it = log.entries.find(from); it != log.entries.end() && it->first <= to; ++it) {
    bytes += it->second.payload.size();
    if (!entries.empty() && bytes > max_bytes) break;
    if (damaged_.contains({group, it->first})) return Damaged(group, it->first);
    entries.push_back(it->second);
  }
  return entries;
}

Status MemoryLog::TruncatePrefix(GroupId group, Index through) {
  const absl::MutexLock lock(&mu_);
  KVD_CHECK(!written_.has_value() || !failed_.ok(), "one batch is in flight at a time");
  KVD_RETURN_IF_ERROR(TakeFailureLocked());
  const auto found = groups_.find(group);
  KVD_CHECK(found != groups_.end(), fmt::format("group {} has no log", group.value));
  Group& log = found->second;
  const auto last = log.entries.find(through);
  if (damaged_.contains({group, through})) return Damaged(group, through);
  log.extent = Truncated(log.extent, through, last == log.entries.end() ? 0 : last->second.term);
  log.entries.erase(log.entries.begin(), log.entries.lower_bound(log.extent.first));
  damaged_.erase(damaged_.lower_bound({group, 0}), damaged_.lower_bound({group, log.extent.first}));
  return OkStatus();
}

uint64_t MemoryLog::disk_bytes() const {
  const absl::ReaderMutexLock lock(&mu_);
  uint64_t bytes = 0;
  for (const auto& [id, group] : groups_) {
    bytes += kBytesPerRecord;
    for (const auto& [index, entry] : group.entries)
      bytes += kBytesPerRecord + entry.payload.size();
  }
  return bytes;
}

void MemoryLog::FailNextAppend(Status error) {
  const absl::MutexLock lock(&mu_);
  KVD_CHECK(!error.ok(), "a failure is not OK");
  next_failure_ = std::move(error);
}

void MemoryLog::Crash(bool tear_last_batch) {
  const absl::MutexLock lock(&mu_);
  failed_ = OkStatus();
  next_failure_.reset();
  if (tear_last_batch) written_.reset();
  const Status synced = SyncLocked();
  KVD_CHECK(synced.ok(), "opening again cannot fail");
}

void MemoryLog::DamageEntry(GroupId group, Index index) {
  const absl::MutexLock lock(&mu_);
  KVD_CHECK(GroupLocked(group).entries.contains(index), "only what exists can be damaged");
  damaged_.insert({group, index});
}

}  // namespace kvd::storage
