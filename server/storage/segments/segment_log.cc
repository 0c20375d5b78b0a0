#include "server/storage/segments/segment_log.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include "common/check.h"
#include "server/storage/extent.h"
#include "server/storage/files.h"
#include "server/storage/health.h"
#include "server/storage/record.h"
#include "server/storage/segments/batch.h"
#include "server/storage/segments/changes.h"
#include "server/storage/segments/log_index.h"
#include "server/storage/segments/recovery.h"
#include "server/storage/segments/segment_file.h"
#include "server/storage/segments/segment_supply.h"

namespace kvd::storage {
namespace {

// Of the first segment, so that a node that is hardly used need not fill more; it is made while
// somebody waits for the node to start.
constexpr uint64_t kFirstSegmentBytes = uint64_t{1} << 20U;

// How much of old entries is written again with a batch, at most, unless the batch is larger.
constexpr uint64_t kMoveBytes = uint64_t{64} << 10U;

constexpr std::string_view kMustStop = "kvd must stop: check the disk and its free space";

class SegmentLog : public Log {
 public:
  SegmentLog(std::string path, const SegmentLogOptions& options, Recovered recovered)
      : path_(std::move(path)),
        segment_bytes_(options.segment_bytes),
        on_synced_(options.on_synced),
        clock_(options.clock),
        health_(options.on_fatal),
        last_batch_(recovered.last_batch),
        index_(std::move(recovered.index)),
        segments_(std::move(recovered.segments)),
        supply_({.folder = path_,
                 .segment_bytes = segment_bytes_,
                 .spares = std::move(recovered.spares),
                 .ready = std::move(recovered.ready)},
                health_) {}

  // The clean stop.
  ~SegmentLog() override;

  // Makes the log ready for the first append. Everything else is after it.
  [[nodiscard]] Status Begin();

  [[nodiscard]] Status Append(std::span<const GroupWrite> writes) override;
  [[nodiscard]] StatusOr<std::vector<GroupExtent>> Groups() const override;
  [[nodiscard]] StatusOr<std::vector<Entry>> Read(GroupId group, Index from, Index to,
                                                  uint64_t max_bytes) const override;
  [[nodiscard]] Status TruncatePrefix(GroupId group, Index through) override;
  [[nodiscard]] Status TruncatePrefixes(std::span<const Prefix> prefixes) override;
  [[nodiscard]] uint64_t disk_bytes() const override { return FolderBytes(path_); }

 private:
  // Bytes to be read for consecutive entries, and where.
  struct Run {
    std::shared_ptr<SegmentFile> file;
    std::vector<Slot> slots;  // One behind the other in the file.
  };

  [[nodiscard]] std::optional<GroupExtent> ExtentOf(GroupId group) const;
  [[nodiscard]] StatusOr<std::vector<Run>> RunsOf(GroupId group, Index from, Index to,
                                                  uint64_t max_bytes) const;
  [[nodiscard]] StatusOr<std::string> ReadBytes(const SegmentFile& file, uint64_t offset,
                                                uint64_t bytes) const;

  // Makes `changes` durable and applies them: one batch, to which old entries may be added.
  [[nodiscard]] Status Commit(const std::string& changes);
  [[nodiscard]] Status CommitTo(const Segment& segment, std::string body);
  [[nodiscard]] Status WriteSynced(const Segment& segment, const std::string& batch) const;

  // Where a batch of `body_bytes` goes, a new segment if it does not fit into the last one.
  [[nodiscard]] StatusOr<Segment> SegmentFor(uint64_t body_bytes);
  [[nodiscard]] Segment LastSegment() const;

  // Changes that let entries of the oldest segment stand here, as far as they fit `max_bytes`.
  [[nodiscard]] StatusOr<std::string> MovedEntries(uint64_t max_bytes);
  void ChooseWhatToMove();

  [[nodiscard]] uint64_t RoomOf(const SegmentFile& file) const;
  void PrepareNext();
  void DropDead();
  [[nodiscard]] Status Failed(const Status& status) const;

  const std::string path_;
  const uint64_t segment_bytes_;
  const std::function<void(uint64_t bytes, Duration took)> on_synced_;
  const Clock* const clock_;
  mutable Health health_;

  // The writer's alone.
  uint64_t last_batch_;
  std::vector<LogIndex::EntryName> to_move_;  // Of the oldest segment.

  // Guards the two below, which the writer alone changes. With std::shared_mutex, against the house
  // rule: ThreadSanitizer does not see the locks of a library that was built without it.
  mutable std::shared_mutex mu_;
  LogIndex index_;
  std::map<SegmentNumber, Segment> segments_;

  SegmentSupply supply_;  // The last member: its thread ends before the others go.
};

SegmentLog::~SegmentLog() {
  {
    const std::unique_lock lock(mu_);
    if (index_.stopped() || segments_.empty()) return;
  }
  if (!health_.Check().ok()) return;
  std::string stop;
  AddChange(stop, ChangeKind::kCleanStop, kSystemGroup, "");
  CommitTo(LastSegment(), std::move(stop)).IgnoreError();  // It was told.
}

Status SegmentLog::Begin() {
  bool is_new = false;
  {
    const std::unique_lock lock(mu_);
    is_new = segments_.empty();
  }
  if (!is_new) {
    DropDead();
    return OkStatus();
  }
  KVD_ASSIGN_OR_RETURN(auto file, supply_.Take(1));
  return CommitTo({.file = std::move(file), .end = kSegmentHeaderBytes}, "");
}

std::optional<GroupExtent> SegmentLog::ExtentOf(GroupId group) const {
  const std::shared_lock lock(mu_);
  const GroupExtent* extent = index_.Find(group);
  if (extent == nullptr) return std::nullopt;
  return *extent;
}

Status SegmentLog::Append(std::span<const GroupWrite> writes) {
  KVD_RETURN_IF_ERROR(health_.Check());
  std::string changes;
  std::map<GroupId, GroupExtent> extents;
  for (const GroupWrite& write : writes) {
    if (IsEmpty(write)) continue;
    const auto [place, is_first] = extents.try_emplace(write.group);
    GroupExtent& extent = place->second;
    if (is_first) extent = ExtentOf(write.group).value_or(GroupExtent{.group = write.group});
    extent = Extended(extent, write);
    AddWrite(changes, write);
  }
  return changes.empty() ? OkStatus() : Commit(changes);
}

StatusOr<std::vector<GroupExtent>> SegmentLog::Groups() const {
  KVD_RETURN_IF_ERROR(health_.Check());
  const std::shared_lock lock(mu_);
  return index_.Extents();
}

Status SegmentLog::TruncatePrefix(GroupId group, Index through) {
  const Prefix prefix{group, through};
  return TruncatePrefixes({&prefix, 1});
}

Status SegmentLog::TruncatePrefixes(std::span<const Prefix> prefixes) {
  KVD_RETURN_IF_ERROR(health_.Check());
  std::string changes;
  std::map<GroupId, GroupExtent> extents;
  for (const auto& [group, through] : prefixes) {
    const std::shared_lock lock(mu_);
    const GroupExtent* found = index_.Find(group);
    KVD_CHECK(found != nullptr, fmt::format("group {} has no log", group.value));
    GroupExtent& extent = extents.try_emplace(group, *found).first->second;
    KVD_CHECK_OP(<=, through, extent.last);
    if (through < extent.first) continue;
    extent = Truncated(extent, through, index_.At(group, through)->term);
    const LogStart start{.first = extent.first, .previous_term = extent.previous_term};
    AddChange(changes, ChangeKind::kTruncate, group, EncodeLogStart(start));
  }
  return changes.empty() ? OkStatus() : Commit(changes);
}

StatusOr<std::vector<SegmentLog::Run>> SegmentLog::RunsOf(GroupId group, Index from, Index to,
                                                          uint64_t max_bytes) const {
  static const uint64_t kOverhead = EntryOverheadBytes();
  const std::shared_lock lock(mu_);
  if (index_.At(group, from) == nullptr || index_.At(group, to) == nullptr) {
    return NotInLog(group, from, to);
  }
  std::vector<Run> runs;
  uint64_t payload_bytes = 0;
  for (Index index = from; index <= to; ++index) {
    const Slot slot = *index_.At(group, index);
    payload_bytes += slot.bytes - kOverhead;
    if (index > from && payload_bytes > max_bytes) break;
    const bool adjoins =
        !runs.empty() && runs.back().slots.back().segment == slot.segment &&
        uint64_t{runs.back().slots.back().offset} + runs.back().slots.back().bytes == slot.offset;
    if (!adjoins) runs.push_back({.file = segments_.at(slot.segment).file, .slots = {}});
    runs.back().slots.push_back(slot);
  }
  return runs;
}

StatusOr<std::string> SegmentLog::ReadBytes(const SegmentFile& file, uint64_t offset,
                                            uint64_t bytes) const {
  auto found = file.Read(offset, bytes);
  if (found.ok() || found.status().code() == StatusCode::kDataLoss) return found;
  return Failed(found.status());
}

StatusOr<std::vector<Entry>> SegmentLog::Read(GroupId group, Index from, Index to,
                                              uint64_t max_bytes) const {
  KVD_RETURN_IF_ERROR(health_.Check());
  KVD_CHECK_OP(<=, from, to);
  KVD_ASSIGN_OR_RETURN(const std::vector<Run> runs, RunsOf(group, from, to, max_bytes));
  std::vector<Entry> entries;
  for (const Run& run : runs) {
    const uint32_t begin = run.slots.front().offset;
    const Slot& last = run.slots.back();
    KVD_ASSIGN_OR_RETURN(const std::string bytes,
                         ReadBytes(*run.file, begin, last.offset + last.bytes - begin));
    for (const Slot& slot : run.slots) {
      const auto change = std::string_view(bytes).substr(slot.offset - begin, slot.bytes);
      auto entry = DecodeEntryChange(group, from + entries.size(), slot.term, change);
      if (!entry.ok()) return Annotate(entry.status(), run.file->path());
      entries.push_back(*std::move(entry));
    }
  }
  return entries;
}

Status SegmentLog::Failed(const Status& status) const {
  health_.Fail(
      MakeStatus(status.code(), fmt::format("log {}: {}; {}", path_, Message(status), kMustStop)));
  return health_.Check();
}

Status SegmentLog::Commit(const std::string& changes) {
  auto body = MovedEntries(std::max<uint64_t>(kMoveBytes, changes.size()));
  if (!body.ok()) return Failed(body.status());
  *body += changes;
  const auto segment = SegmentFor(body->size());
  if (!segment.ok()) return Failed(segment.status());
  KVD_RETURN_IF_ERROR(CommitTo(*segment, *std::move(body)));
  PrepareNext();
  DropDead();
  ChooseWhatToMove();
  return OkStatus();
}

Status SegmentLog::CommitTo(const Segment& segment, std::string body) {
  const SegmentFile& file = *segment.file;
  if (segment.end == kSegmentHeaderBytes) {
    std::string checkpoint;
    const std::shared_lock lock(mu_);
    AddChange(checkpoint, ChangeKind::kCheckpoint, kSystemGroup,
              EncodeCheckpoint(index_.Extents()));
    body.insert(0, checkpoint);
  }
  const uint64_t number = last_batch_ + 1;
  KVD_RETURN_IF_ERROR(WriteSynced(segment, EncodeBatch(file.header().salt, number, body)));
  last_batch_ = number;
  const Batch batch{.number = number,
                    .body_at = static_cast<uint32_t>(segment.end + kBatchHeaderBytes),
                    .body = body};
  const std::unique_lock lock(mu_);
  const Status applied = index_.Apply(batch, file.number());
  KVD_CHECK(applied.ok(), Message(applied));
  segments_.insert_or_assign(file.number(), Segment{.file = segment.file, .end = batch.end()});
  return OkStatus();
}

Status SegmentLog::WriteSynced(const Segment& segment, const std::string& batch) const {
  const Instant begun = on_synced_ ? clock_->Now() : Instant();
  const Status written = segment.file->WriteSynced(segment.end, batch);
  if (!written.ok()) return Failed(written);
  if (on_synced_) on_synced_(batch.size(), clock_->Now() - begun);
  return OkStatus();
}

Segment SegmentLog::LastSegment() const {
  const std::shared_lock lock(mu_);
  return segments_.rbegin()->second;
}

// A file for which the disk had no room grows.
uint64_t SegmentLog::RoomOf(const SegmentFile& file) const {
  const uint64_t filled = file.header().filled_bytes;
  return filled > 0 ? filled : segment_bytes_;
}

StatusOr<Segment> SegmentLog::SegmentFor(uint64_t body_bytes) {
  const Segment last = LastSegment();
  // The end and a clean stop must fit behind it too.
  const uint64_t bytes = body_bytes + uint64_t{4} * kBatchHeaderBytes;
  if (last.end + bytes <= RoomOf(*last.file)) return last;
  KVD_ASSIGN_OR_RETURN(auto next, supply_.Take(last.file->number() + 1));
  return Segment{.file = std::move(next), .end = kSegmentHeaderBytes};
}

void SegmentLog::PrepareNext() {
  const Segment last = LastSegment();
  if (2 * last.end >= RoomOf(*last.file)) supply_.Prepare(last.file->number() + 1);
}

void SegmentLog::DropDead() {
  const std::unique_lock lock(mu_);
  while (segments_.size() > 1 && index_.IsDead(segments_.begin()->first)) {
    supply_.Retire(std::move(segments_.begin()->second.file));
    segments_.erase(segments_.begin());
  }
}

void SegmentLog::ChooseWhatToMove() {
  const std::shared_lock lock(mu_);
  if (!to_move_.empty() || segments_.size() < 2) return;
  uint64_t bytes = 0;
  for (const auto& [number, segment] : segments_) bytes += segment.end;
  if (bytes <= 2 * (index_.live_bytes() + segment_bytes_)) return;
  to_move_ = index_.In(segments_.begin()->first);
}

StatusOr<std::string> SegmentLog::MovedEntries(uint64_t max_bytes) {
  std::string body;
  while (!to_move_.empty() && body.size() < max_bytes) {
    const auto [group, index] = to_move_.back();
    to_move_.pop_back();
    Slot slot;
    std::shared_ptr<SegmentFile> file;
    {
      const std::shared_lock lock(mu_);
      const auto& [oldest, segment] = *segments_.begin();
      const Slot* found = index_.At(group, index);
      if (found == nullptr || found->segment != oldest) continue;  // It is gone meanwhile.
      slot = *found;
      file = segment.file;
    }
    KVD_ASSIGN_OR_RETURN(const std::string bytes, file->Read(slot.offset, slot.bytes));
    KVD_ASSIGN_OR_RETURN(const Entry entry, DecodeEntryChange(group, index, slot.term, bytes));
    AddChange(body, ChangeKind::kMoved, group, EncodeEntry(entry));
  }
  return body;
}

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return ErrnoStatus("create " + path);
  // Even if it is there: whoever made it may have died before its own sync.
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return SyncFolder(parent.empty() ? "." : parent);
}

}  // namespace

StatusOr<OpenedSegmentLog> OpenSegmentLog(const std::string& path,
                                          const SegmentLogOptions& options) {
  KVD_CHECK_OP(>=, options.segment_bytes, uint64_t{1024});
  KVD_CHECK_OP(<=, options.segment_bytes, uint64_t{1} << 29U);
  KVD_CHECK(!options.on_synced || options.clock != nullptr, "nothing to time the log by");
  const std::string doing = "open log " + path;
  auto recovered = RecoverLog(
      path, {.last_stop_was_clean = options.last_stop_was_clean, .must_exist = options.must_exist});
  if (!recovered.ok()) return Annotate(recovered.status(), doing);
  auto cut = std::move(recovered->cut);
  if (recovered->segments.empty() && !recovered->ready) {
    KVD_RETURN_IF_ERROR(Annotate(MakeFolder(path), doing));
    auto first =
        SegmentFile::Make(path, "first-segment",
                          NewSegmentHeader(1, std::min(options.segment_bytes, kFirstSegmentBytes)),
                          [] { return SegmentFile::Filling::kGoOn; });
    if (!first.ok()) return Annotate(first.status(), doing);
    recovered->ready = *std::move(first);
  }
  auto log = std::make_unique<SegmentLog>(path, options, *std::move(recovered));
  KVD_RETURN_IF_ERROR(Annotate(log->Begin(), doing));
  return OpenedSegmentLog{.log = std::move(log), .cut = std::move(cut)};
}

}  // namespace kvd::storage
