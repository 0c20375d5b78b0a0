#include "server/storage/rocks/rocks_log.h"

#include <fmt/format.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "server/storage/extent.h"
#include "server/storage/keys.h"
#include "server/storage/record.h"
#include "server/storage/rocks/database.h"
#include "server/storage/rocks/wal_files.h"

namespace kvd::storage {
namespace {

constexpr uint64_t kOwnCacheBytes = uint64_t{8} << 20U;

using Extents = std::map<GroupId, GroupExtent>;

// What the database holds.
struct Contents {
  Extents extents;
  uint64_t last_batch = 0;
};

bool Within(const GroupExtent& extent, Index from, Index to) {
  return from >= extent.first && to <= extent.last;
}

class RocksLog : public Log {
 public:
  RocksLog(std::unique_ptr<Database> db, Contents contents)
      : db_(std::move(db)),
        last_batch_(contents.last_batch),
        extents_(std::move(contents.extents)) {}

  [[nodiscard]] Status Append(std::span<const GroupWrite> writes) override;
  [[nodiscard]] StatusOr<std::vector<GroupExtent>> Groups() const override;
  [[nodiscard]] StatusOr<std::vector<Entry>> Read(GroupId group, Index from, Index to,
                                                  uint64_t max_bytes) const override;
  [[nodiscard]] Status TruncatePrefix(GroupId group, Index through) override;
  [[nodiscard]] Status TruncatePrefixes(std::span<const Prefix> prefixes) override;
  [[nodiscard]] uint64_t disk_bytes() const override { return db_->disk_bytes(); }

 private:
  // A batch that holds its number so far; it is the next one until WriteSynced().
  [[nodiscard]] rocksdb::WriteBatch NextBatch() const;
  [[nodiscard]] Status WriteSynced(rocksdb::WriteBatch& batch);
  [[nodiscard]] std::optional<GroupExtent> ExtentOf(GroupId group) const;

  // False if [from, to] is gone or being overwritten, so that reading it may miss entries.
  [[nodiscard]] bool IsStable(GroupId group, Index from, Index to) const;

  const std::unique_ptr<Database> db_;
  uint64_t last_batch_;  // The writer's alone.

  mutable absl::Mutex mu_;
  Extents extents_ ABSL_GUARDED_BY(mu_);

  // From which index the batch in flight overwrites.
  std::map<GroupId, Index> overwriting_ ABSL_GUARDED_BY(mu_);
};

rocksdb::WriteBatch RocksLog::NextBatch() const {
  rocksdb::WriteBatch batch;
  const rocksdb::Status put = batch.Put(BatchNumberKey(), EncodeBatchNumber(last_batch_ + 1));
  KVD_CHECK(put.ok(), put.ToString());
  return batch;
}

Status RocksLog::WriteSynced(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  ++last_batch_;
  return db_->Write(synced, batch);
}

std::optional<GroupExtent> RocksLog::ExtentOf(GroupId group) const {
  const absl::MutexLock lock(&mu_);
  const auto found = extents_.find(group);
  if (found == extents_.end()) return std::nullopt;
  return found->second;
}

// Building a batch in memory cannot fail for reasons of the world.
void Expect(const rocksdb::Status& status) {
  KVD_CHECK(status.ok(), status.ToString());
}

// Of what stood in the log before, everything from the first new entry on goes: all of it with a
// reset.
void AddWrite(rocksdb::WriteBatch& batch, const GroupWrite& write, const GroupExtent& before) {
  const GroupId group = write.group;
  if (write.hard_state) Expect(batch.Put(HardStateKey(group), EncodeHardState(*write.hard_state)));
  if (write.reset) {
    const LogStart start{.first = write.reset->index + 1, .previous_term = write.reset->term};
    Expect(batch.Put(LogStartKey(group), EncodeLogStart(start)));
  }
  std::optional<Index> gone_from;
  if (write.reset) {
    gone_from = before.first;
  } else if (!write.entries.empty() && write.entries.back().index < before.last) {
    gone_from = write.entries.back().index + 1;
  }
  if (gone_from && *gone_from <= before.last) {
    Expect(batch.DeleteRange(EntryKey(group, *gone_from), EntryKey(group, before.last + 1)));
  }
  for (const Entry& entry : write.entries) {
    Expect(batch.Put(EntryKey(group, entry.index), EncodeEntry(entry)));
  }
}

Status RocksLog::Append(std::span<const GroupWrite> writes) {
  KVD_RETURN_IF_ERROR(db_->Check());
  Extents changed;
  std::map<GroupId, Index> overwriting;
  rocksdb::WriteBatch batch = NextBatch();
  for (const GroupWrite& write : writes) {
    if (IsEmpty(write)) continue;
    const auto earlier = changed.find(write.group);
    const GroupExtent before =
        earlier != changed.end()
            ? earlier->second
            : ExtentOf(write.group).value_or(GroupExtent{.group = write.group, .hard_state = {}});
    const GroupExtent after = Extended(before, write);
    AddWrite(batch, write, before);
    if (write.reset) {
      overwriting.insert_or_assign(write.group, 0);
    } else if (!write.entries.empty() && write.entries.front().index <= before.last) {
      const Index from = write.entries.front().index;
      Index& lowest = overwriting.try_emplace(write.group, from).first->second;
      lowest = std::min(lowest, from);
    }
    changed.insert_or_assign(write.group, after);
  }
  if (changed.empty()) return OkStatus();
  {
    const absl::MutexLock lock(&mu_);
    overwriting_ = std::move(overwriting);
  }
  KVD_RETURN_IF_ERROR(WriteSynced(batch));
  const absl::MutexLock lock(&mu_);
  overwriting_.clear();
  for (const auto& [group, extent] : changed) extents_.insert_or_assign(group, extent);
  return OkStatus();
}

StatusOr<std::vector<GroupExtent>> RocksLog::Groups() const {
  KVD_RETURN_IF_ERROR(db_->Check());
  const absl::MutexLock lock(&mu_);
  std::vector<GroupExtent> extents;
  extents.reserve(extents_.size());
  for (const auto& [group, extent] : extents_) extents.push_back(extent);
  return extents;
}

bool RocksLog::IsStable(GroupId group, Index from, Index to) const {
  const absl::MutexLock lock(&mu_);
  const auto overwritten = overwriting_.find(group);
  if (overwritten != overwriting_.end() && to >= overwritten->second) return false;
  const auto found = extents_.find(group);
  return found != extents_.end() && Within(found->second, from, to);
}

StatusOr<std::vector<Entry>> RocksLog::Read(GroupId group, Index from, Index to,
                                            uint64_t max_bytes) const {
  KVD_CHECK_OP(<=, from, to);
  const auto extent = ExtentOf(group);
  if (!extent || !Within(*extent, from, to)) return NotInLog(group, from, to);

  std::vector<Entry> entries;
  uint64_t bytes = 0;
  bool full = false;
  const auto collect = [&](std::string_view key, std::string_view value) -> StatusOr<bool> {
    const Index next = from + entries.size();
    if (key != EntryKey(group, next)) return false;  // A hole: found below.
    KVD_ASSIGN_OR_RETURN(Entry entry, DecodeEntry(group, next, value));
    bytes += entry.payload.size();
    full = !entries.empty() && bytes > max_bytes;
    if (full) return false;
    entries.push_back(std::move(entry));
    return true;
  };
  KVD_RETURN_IF_ERROR(db_->Visit(EntryKey(group, from), EntryKey(group, to + 1), collect));
  if (full || entries.size() == to - from + 1) return entries;
  if (!IsStable(group, from, to)) return NotInLog(group, from, to);
  return MakeStatus(StatusCode::kDataLoss,
                    fmt::format("log entry {} of group {}: missing; check the disk, then replace "
                                "this node or restore its data directory from a backup",
                                from + entries.size(), group.value));
}

Status RocksLog::TruncatePrefix(GroupId group, Index through) {
  const Prefix prefix{group, through};
  return TruncatePrefixes({&prefix, 1});
}

Status RocksLog::TruncatePrefixes(std::span<const Prefix> prefixes) {
  KVD_RETURN_IF_ERROR(db_->Check());
  rocksdb::WriteBatch batch = NextBatch();
  Extents changed;
  for (const auto& [group, through] : prefixes) {
    const auto before = ExtentOf(group);
    KVD_CHECK(before.has_value(), fmt::format("group {} has no log", group.value));
    KVD_CHECK_OP(<=, through, before->last);
    if (through < before->first) continue;
    KVD_ASSIGN_OR_RETURN(const std::vector<Entry> last, Read(group, through, through, 0));
    const GroupExtent after = Truncated(*before, through, last.front().term);
    const LogStart start{.first = after.first, .previous_term = after.previous_term};
    Expect(batch.Put(LogStartKey(group), EncodeLogStart(start)));
    Expect(batch.DeleteRange(EntryKey(group, before->first), EntryKey(group, after.first)));
    changed.insert_or_assign(group, after);
  }
  if (changed.empty()) return OkStatus();
  {
    // First, so that nobody looks for what is about to go.
    const absl::MutexLock lock(&mu_);
    for (const auto& [group, extent] : changed) extents_.insert_or_assign(group, extent);
  }
  return WriteSynced(batch);
}

StatusOr<GroupExtent> LoadExtent(const Database& db, GroupId group) {
  GroupExtent extent{.group = group, .hard_state = {}};
  KVD_ASSIGN_OR_RETURN(const auto hard_state, db.Get({}, HardStateKey(group)));
  if (hard_state) {
    KVD_ASSIGN_OR_RETURN(extent.hard_state, DecodeHardState(group, *hard_state));
  }
  LogStart start;
  KVD_ASSIGN_OR_RETURN(const auto start_record, db.Get({}, LogStartKey(group)));
  if (start_record) {
    KVD_ASSIGN_OR_RETURN(start, DecodeLogStart(group, *start_record));
  }
  extent.first = start.first;
  extent.last = start.first - 1;
  extent.last_term = extent.previous_term = start.previous_term;

  KVD_ASSIGN_OR_RETURN(const auto last, db.Last(EntryKey(group, start.first), EndOfGroup(group)));
  if (!last) return extent;
  const auto index = IndexOfEntryKey(last->key);
  KVD_CHECK(index.has_value(), "above a group's first entry there are only entries");
  KVD_ASSIGN_OR_RETURN(const Entry entry, DecodeEntry(group, *index, last->value));
  extent.last = entry.index;
  extent.last_term = entry.term;
  return extent;
}

StatusOr<Contents> Load(const Database& db) {
  Contents contents;
  KVD_ASSIGN_OR_RETURN(const auto number, db.Get({}, BatchNumberKey()));
  if (number) {
    KVD_ASSIGN_OR_RETURN(contents.last_batch, DecodeBatchNumber(*number));
  }
  std::string from;
  while (true) {
    KVD_ASSIGN_OR_RETURN(const auto record, db.First(from, BatchNumberKey()));
    if (!record) return contents;
    const auto group = GroupOfLogKey(record->key);
    if (!group) {
      return MakeStatus(StatusCode::kDataLoss,
                        fmt::format("the log holds a record under a key of {} bytes, which no kvd "
                                    "writes; check the disk, then replace this node",
                                    record->key.size()));
    }
    KVD_ASSIGN_OR_RETURN(const GroupExtent extent, LoadExtent(db, *group));
    contents.extents.emplace(*group, extent);
    from = EndOfGroup(*group);
  }
}

rocksdb::Options LogOptions(const RocksLogOptions& options) {
  const auto memory = options.memory ? options.memory : MakeSharedMemory(kOwnCacheBytes);
  rocksdb::Options rocks = SafeOptions(*memory, options.must_exist);
  rocks.write_buffer_size = options.write_buffer_bytes;
  rocks.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory->block_cache();
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return rocks;
}

}  // namespace

StatusOr<OpenedRocksLog> OpenRocksLog(const std::string& path, const RocksLogOptions& options) {
  const std::string doing = "open log " + path;
  if (const Status headless = CheckNotHeadless(path); !headless.ok()) {
    return Annotate(headless, doing);
  }
  auto wal = CheckWal(path, options.last_stop_was_clean);
  if (!wal.ok()) return Annotate(wal.status(), doing);
  KVD_ASSIGN_OR_RETURN(auto db, Database::Open(LogOptions(options), path, options.on_fatal));
  auto contents = Load(*db);
  if (!contents.ok()) return Annotate(contents.status(), doing);
  if (contents->last_batch < wal->last_batch) {
    return MakeStatus(
        StatusCode::kDataLoss,
        fmt::format("{}: ends at batch {} although its write-ahead files reach batch "
                    "{}; replace this node or restore its data directory from a backup",
                    doing, contents->last_batch, wal->last_batch));
  }
  return OpenedRocksLog{.log = std::make_unique<RocksLog>(std::move(db), *std::move(contents)),
                        .cut = std::move(wal->cut)};
}

}  // namespace kvd::storage
