#include "server/storage/segments/log_index.h"

#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"
#include "server/storage/extent.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

// More would not fit into memory: what says so was not written by kvd.
constexpr uint64_t kMaxEntries = uint64_t{1} << 32U;

struct EntryHead {
  Index index = 0;
  Term term = 0;
};

// The beginning of an entry's record, whose checksum is left to who reads the entry.
StatusOr<EntryHead> ReadHead(std::string_view record) {
  ByteReader reader(record);
  reader.Raw(2);  // Format and kind.
  EntryHead head;
  head.index = reader.U64().value_or(0);
  head.term = reader.U64().value_or(0);
  if (!reader.ok()) return MalformedRecord("entry of wrong length");
  return head;
}

Status DoesNotFit(std::string_view what, const GroupExtent& extent) {
  return MalformedRecord(fmt::format("{} does not fit group {}, whose log is {} to {}", what,
                                     extent.group.value, extent.first, extent.last));
}

}  // namespace

Status LogIndex::Apply(const Batch& batch, SegmentNumber segment) {
  ChangeReader changes(batch.body);
  stopped_ = false;
  while (const auto change = changes.Next()) {
    const bool says_extents =
        change->kind == ChangeKind::kCheckpoint || change->kind == ChangeKind::kPlainExtents;
    if (!started_ && !says_extents) {
      return MalformedRecord("the first batch begins with no checkpoint");
    }
    const Slot slot{.segment = segment,
                    .offset = batch.body_at + change->offset,
                    .bytes = kChangeHeaderBytes + static_cast<uint32_t>(change->bytes.size())};
    KVD_RETURN_IF_ERROR(ApplyChange(*change, slot));
  }
  return changes.exhausted() ? OkStatus() : MalformedRecord("changes of wrong length");
}

Status LogIndex::ApplyChange(const Change& change, Slot slot) {
  switch (change.kind) {
    case ChangeKind::kCheckpoint: {
      KVD_ASSIGN_OR_RETURN(const auto extents, DecodeCheckpoint(change.bytes));
      return ApplyCheckpoint(extents);
    }
    case ChangeKind::kPlainExtents: {
      KVD_ASSIGN_OR_RETURN(const auto extents, DecodePlainExtents(change.bytes));
      return ApplyCheckpoint(extents);
    }
    case ChangeKind::kRemove:
      return ApplyRemove(GroupOf(change.group), change.bytes);
    case ChangeKind::kCreate:
      return ApplyCreate(GroupOf(change.group), change.bytes);
    case ChangeKind::kHardState:
      return ApplyHardState(GroupOf(change.group), change.bytes);
    case ChangeKind::kReset:
      return ApplyReset(GroupOf(change.group), change.bytes);
    case ChangeKind::kTruncate:
      return ApplyTruncate(GroupOf(change.group), change.bytes);
    case ChangeKind::kEntry:
      return ApplyEntry(GroupOf(change.group), change.bytes, slot);
    case ChangeKind::kMoved:
      return ApplyMoved(GroupOf(change.group), change.bytes, slot);
    case ChangeKind::kCleanStop:
      stopped_ = true;
      return OkStatus();
  }
  return MalformedRecord(fmt::format("change of kind 0x{:02x}", static_cast<int>(change.kind)));
}

Status LogIndex::ApplyCheckpoint(const std::vector<GroupExtent>& extents) {
  if (started_) {
    if (extents == Extents()) return OkStatus();
    return MalformedRecord("the checkpoint is not what the segments before it come to");
  }
  started_ = true;
  for (const GroupExtent& extent : extents) {
    const uint64_t entries = extent.last + 1 - extent.first;
    if (entries > kMaxEntries) return MalformedRecord("checkpoint of too many entries");
    groups_.emplace(extent.group, Group{.extent = extent, .slots = std::deque<Slot>(entries)});
    if (entries > 0) live_[0] += entries;
  }
  return OkStatus();
}

Status LogIndex::ApplyRemove(Group& group, std::string_view bytes) {
  GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(const ReplicaId removed, DecodeTombstone(extent.group, bytes));
  if (removed < extent.replica) {
    return DoesNotFit(fmt::format("the tombstone of replica {}", removed.value), extent);
  }
  PopBack(group, group.slots.size());
  extent = Without(extent, removed);
  return OkStatus();
}

Status LogIndex::ApplyCreate(Group& group, std::string_view bytes) {
  GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(GroupWrite::Create created, DecodeReplica(extent.group, bytes));
  const bool is_other = extent.replica != ReplicaId{} && extent.replica != created.id;
  if (is_other || created.id <= extent.removed) {
    return DoesNotFit(fmt::format("replica {}", created.id.value), extent);
  }
  extent.replica = created.id;
  extent.initial = std::move(created.initial);
  return OkStatus();
}

Status LogIndex::ApplyHardState(Group& group, std::string_view bytes) {
  KVD_ASSIGN_OR_RETURN(const HardState state, DecodeHardState(group.extent.group, bytes));
  if (state.term < group.extent.hard_state.term) return DoesNotFit("a lower term", group.extent);
  group.extent.hard_state = state;
  return OkStatus();
}

Status LogIndex::ApplyReset(Group& group, std::string_view bytes) {
  GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(const LogStart start, DecodeLogStart(extent.group, bytes));
  if (start.first < extent.first) return DoesNotFit("a reset", extent);
  PopBack(group, group.slots.size());
  extent.first = start.first;
  extent.last = start.first - 1;
  extent.last_term = extent.previous_term = start.previous_term;
  return OkStatus();
}

Status LogIndex::ApplyTruncate(Group& group, std::string_view bytes) {
  GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(const LogStart start, DecodeLogStart(extent.group, bytes));
  if (start.first < extent.first || start.first > extent.last + 1) {
    return DoesNotFit(fmt::format("a truncation below {}", start.first), extent);
  }
  PopFront(group, start.first - extent.first);
  extent.first = start.first;
  extent.previous_term = start.previous_term;
  return OkStatus();
}

Status LogIndex::ApplyEntry(Group& group, std::string_view bytes, Slot slot) {
  GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(const EntryHead head, ReadHead(bytes));
  if (head.index < extent.first || head.index > extent.last + 1) {
    return DoesNotFit(fmt::format("entry {}", head.index), extent);
  }
  PopBack(group, extent.last + 1 - head.index);
  slot.term = head.term;
  group.slots.push_back(slot);
  Enter(slot);
  extent.last = head.index;
  extent.last_term = head.term;
  return OkStatus();
}

Status LogIndex::ApplyMoved(Group& group, std::string_view bytes, Slot slot) {
  const GroupExtent& extent = group.extent;
  KVD_ASSIGN_OR_RETURN(const EntryHead head, ReadHead(bytes));
  if (head.index < extent.first || head.index > extent.last) {
    return DoesNotFit(fmt::format("moved entry {}", head.index), extent);
  }
  Slot& place = group.slots[head.index - extent.first];
  if (place.segment != 0 && place.term != head.term) {
    return DoesNotFit(fmt::format("moved entry {} of term {}", head.index, head.term), extent);
  }
  slot.term = head.term;
  Leave(place);
  Enter(slot);
  place = slot;
  return OkStatus();
}

LogIndex::Group& LogIndex::GroupOf(GroupId id) {
  Group& group = groups_[id];
  group.extent.group = id;
  return group;
}

void LogIndex::PopFront(Group& group, uint64_t count) {
  for (; count > 0; --count) {
    Leave(group.slots.front());
    group.slots.pop_front();
  }
}

void LogIndex::PopBack(Group& group, uint64_t count) {
  for (; count > 0; --count) {
    Leave(group.slots.back());
    group.slots.pop_back();
  }
}

void LogIndex::Enter(const Slot& slot) {
  ++live_[slot.segment];
  live_bytes_ += slot.bytes;
}

void LogIndex::Leave(const Slot& slot) {
  const auto live = live_.find(slot.segment);
  if (--live->second == 0) live_.erase(live);
  live_bytes_ -= slot.bytes;
}

const GroupExtent* LogIndex::Find(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second.extent;
}

std::vector<GroupExtent> LogIndex::Extents() const {
  std::vector<GroupExtent> extents;
  extents.reserve(groups_.size());
  for (const auto& [id, group] : groups_) extents.push_back(group.extent);
  return extents;
}

const Slot* LogIndex::At(GroupId group, Index index) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return nullptr;
  const auto& [extent, slots] = found->second;
  if (index < extent.first || index > extent.last) return nullptr;
  return &slots[index - extent.first];
}

std::optional<LogIndex::EntryName> LogIndex::Missing() const {
  if (IsDead(0)) return std::nullopt;
  return In(0).front();
}

std::vector<LogIndex::EntryName> LogIndex::In(SegmentNumber segment) const {
  std::vector<EntryName> names;
  for (const auto& [id, group] : groups_) {
    for (size_t i = 0; i < group.slots.size(); ++i) {
      if (group.slots[i].segment == segment) names.push_back({id, group.extent.first + i});
    }
  }
  return names;
}

}  // namespace kvd::storage
