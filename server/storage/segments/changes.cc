#include "server/storage/segments/changes.h"

#include <fmt/format.h>

#include <utility>

#include "common/bytes.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

Status EntryDamaged(GroupId group, Index index, std::string_view why) {
  return Annotate(MalformedRecord(why),
                  fmt::format("log entry {} of group {}", index, group.value));
}

void WriteExtent(const GroupExtent& extent, ByteWriter& writer) {
  writer.U32(extent.group.value).U64(extent.hard_state.term);
  writer.U64(extent.hard_state.voted_for.value).U64(extent.first).U64(extent.last);
  writer.U64(extent.last_term).U64(extent.previous_term);
}

GroupExtent ReadExtent(ByteReader& reader) {
  GroupExtent extent;
  extent.group = GroupId{reader.U32().value_or(0)};
  extent.hard_state.term = reader.U64().value_or(0);
  extent.hard_state.voted_for = ReplicaId{reader.U64().value_or(0)};
  extent.first = reader.U64().value_or(0);
  extent.last = reader.U64().value_or(0);
  extent.last_term = reader.U64().value_or(0);
  extent.previous_term = reader.U64().value_or(0);
  return extent;
}

// `read` takes one extent from the reader.
template <typename Read>
StatusOr<std::vector<GroupExtent>> ReadExtents(ByteReader& reader, Read read) {
  std::vector<GroupExtent> extents;
  while (!reader.rest().empty()) {
    GroupExtent extent = read(reader);
    if (!reader.ok()) return MalformedRecord("checkpoint of wrong length");
    const bool in_order = extents.empty() || extents.back().group < extent.group;
    if (!in_order || extent.first == 0 || extent.last < extent.first - 1) {
      return MalformedRecord("checkpoint makes no sense");
    }
    extents.push_back(std::move(extent));
  }
  return extents;
}

}  // namespace

void AddChange(std::string& body, ChangeKind kind, GroupId group, std::string_view bytes) {
  body += ByteWriter().U8(static_cast<uint8_t>(kind)).U32(group.value).bytes();
  body += ByteWriter().U32(static_cast<uint32_t>(bytes.size())).bytes();
  body += bytes;
}

std::optional<Change> ChangeReader::Next() {
  ByteReader reader(body_.substr(at_));
  Change change;
  change.kind = ChangeKind{reader.U8().value_or(0)};
  change.group = GroupId{reader.U32().value_or(0)};
  const auto bytes = reader.String();
  if (!bytes) return std::nullopt;
  change.bytes = *bytes;
  change.offset = static_cast<uint32_t>(at_);
  at_ += kChangeHeaderBytes + bytes->size();
  return change;
}

std::string EncodeCheckpoint(const std::vector<GroupExtent>& extents) {
  ByteWriter writer = BeginRecord(RecordKind::kCheckpoint);
  for (const GroupExtent& extent : extents) {
    WriteExtent(extent, writer);
    writer.U64(extent.replica.value).U64(extent.removed.value).String(extent.initial);
  }
  return Seal(std::move(writer));
}

StatusOr<std::vector<GroupExtent>> DecodeCheckpoint(std::string_view bytes) {
  auto fields = Unseal(RecordKind::kCheckpoint, bytes);
  if (!fields.ok()) return Annotate(fields.status(), "checkpoint");
  return ReadExtents(*fields, [](ByteReader& reader) {
    GroupExtent extent = ReadExtent(reader);
    extent.replica = ReplicaId{reader.U64().value_or(0)};
    extent.removed = ReplicaId{reader.U64().value_or(0)};
    extent.initial = reader.String().value_or("");
    return extent;
  });
}

StatusOr<std::vector<GroupExtent>> DecodePlainExtents(std::string_view bytes) {
  ByteReader reader(bytes);
  return ReadExtents(reader, ReadExtent);
}

void AddWrite(std::string& body, const GroupWrite& write) {
  const GroupId group = write.group;
  if (write.remove) AddChange(body, ChangeKind::kRemove, group, EncodeTombstone(*write.remove));
  if (write.create) AddChange(body, ChangeKind::kCreate, group, EncodeReplica(*write.create));
  if (write.hard_state) {
    AddChange(body, ChangeKind::kHardState, group, EncodeHardState(*write.hard_state));
  }
  if (write.reset) {
    const LogStart start{.first = write.reset->index + 1, .previous_term = write.reset->term};
    AddChange(body, ChangeKind::kReset, group, EncodeLogStart(start));
  }
  for (const Entry& entry : write.entries) {
    AddChange(body, ChangeKind::kEntry, group, EncodeEntry(entry));
  }
}

uint64_t EntryOverheadBytes() {
  return kChangeHeaderBytes + EncodeEntry({}).size();
}

StatusOr<Entry> DecodeEntryChange(GroupId group, Index index, Term term, std::string_view bytes) {
  const auto change = ChangeReader(bytes).Next();
  const bool holds_entry =
      change && change->bytes.size() + kChangeHeaderBytes == bytes.size() &&
      (change->kind == ChangeKind::kEntry || change->kind == ChangeKind::kMoved);
  if (!holds_entry) return EntryDamaged(group, index, "no entry stands where it was written");
  if (change->group != group) return EntryDamaged(group, index, "it is of another group");
  KVD_ASSIGN_OR_RETURN(Entry entry, DecodeEntry(group, index, change->bytes));
  if (entry.term != term) return EntryDamaged(group, index, "it is of another term");
  return entry;
}

}  // namespace kvd::storage
