#include "server/storage/record.h"

#include <fmt/format.h>

#include <utility>

#include "common/hash.h"

namespace kvd::storage {
namespace {

constexpr size_t kChecksumBytes = 4;
constexpr size_t kLeastBytes = 2 + kChecksumBytes;

constexpr std::string_view kRemedy =
    "check the disk, then replace this node or restore its data from a backup";

Status Damaged(std::string_view why) {
  return MakeStatus(StatusCode::kDataLoss, fmt::format("damaged ({}); {}", why, kRemedy));
}

Status NewerKind(uint8_t found, uint8_t known) {
  return MakeStatus(StatusCode::kFailedPrecondition,
                    fmt::format("is for kind {}, this kvd knows up to kind {}; start the newer kvd "
                                "that wrote it",
                                found, known));
}

std::string EntryName(GroupId group, Index index) {
  return fmt::format("log entry {} of group {}", index, group.value);
}

std::string GroupRecordName(std::string_view record, GroupId group) {
  return fmt::format("{} of group {}", record, group.value);
}

std::string ValueName(PartitionId partition, std::string_view key) {
  return fmt::format("value in partition {} under a key of {} (hash {:016x})", partition.value,
                     FormatBytes(key.size()), Hash64(key));
}

std::string AppliedName(PartitionId partition) {
  return fmt::format("applied record of partition {}", partition.value);
}

}  // namespace

ByteWriter BeginRecord(RecordKind kind) {
  ByteWriter record;
  record.U8(kRecordFormat).U8(static_cast<uint8_t>(kind));
  return record;
}

std::string Seal(ByteWriter record) {
  record.U32(Checksum32(record.bytes()));
  return record.Take();
}

StatusOr<ByteReader> Unseal(RecordKind kind, std::string_view bytes) {
  if (bytes.size() < kLeastBytes) return Damaged(fmt::format("{} bytes long", bytes.size()));
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const uint32_t expected = *ByteReader(bytes.substr(body.size())).U32();
  if (const uint32_t found = Checksum32(body); found != expected) {
    return Damaged(fmt::format("checksum {:08x} instead of {:08x}", found, expected));
  }
  ByteReader fields(body);
  const uint8_t format = *fields.U8();
  if (format > kRecordFormat) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("written in format {}, this kvd reads up to format {}; start the "
                                  "newer kvd that wrote it",
                                  format, kRecordFormat));
  }
  if (format == 0) return MalformedRecord("format 0");
  if (const uint8_t found = *fields.U8(); found != static_cast<uint8_t>(kind)) {
    return MalformedRecord(fmt::format("record of kind 0x{:02x} instead of 0x{:02x}", found,
                                       static_cast<uint8_t>(kind)));
  }
  return fields;
}

Status MalformedRecord(std::string_view why) {
  return Damaged(why);
}

std::string EncodeEntry(const Entry& entry) {
  ByteWriter record = BeginRecord(RecordKind::kEntry);
  record.U64(entry.index).U64(entry.term).U8(static_cast<uint8_t>(entry.kind)).Raw(entry.payload);
  return Seal(std::move(record));
}

StatusOr<Entry> DecodeEntry(GroupId group, Index index, std::string_view bytes) {
  auto fields = Unseal(RecordKind::kEntry, bytes);
  if (!fields.ok()) return Annotate(fields.status(), EntryName(group, index));
  const Index found = fields->U64().value_or(0);
  const Term term = fields->U64().value_or(0);
  const uint8_t kind = fields->U8().value_or(0);
  if (!fields->ok()) return Annotate(MalformedRecord("too short"), EntryName(group, index));
  if (found != index) {
    return Annotate(MalformedRecord(fmt::format("holds entry {}", found)), EntryName(group, index));
  }
  if (kind > static_cast<uint8_t>(EntryKind::kConfiguration)) {
    // Never skipped: its effect would be missing here and not on other replicas.
    return Annotate(NewerKind(kind, static_cast<uint8_t>(EntryKind::kConfiguration)),
                    EntryName(group, index));
  }
  return Entry{.index = index,
               .term = term,
               .payload = std::string(fields->rest()),
               .kind = static_cast<EntryKind>(kind)};
}

std::string EncodeHardState(const HardState& state) {
  ByteWriter record = BeginRecord(RecordKind::kHardState);
  record.U64(state.term).U64(state.voted_for.value);
  return Seal(std::move(record));
}

StatusOr<HardState> DecodeHardState(GroupId group, std::string_view bytes) {
  const auto name = [&] { return GroupRecordName("term and vote", group); };
  auto fields = Unseal(RecordKind::kHardState, bytes);
  if (!fields.ok()) return Annotate(fields.status(), name());
  HardState state;
  state.term = fields->U64().value_or(0);
  state.voted_for = ReplicaId{fields->U64().value_or(0)};
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), name());
  return state;
}

std::string EncodeLogStart(const LogStart& start) {
  ByteWriter record = BeginRecord(RecordKind::kLogStart);
  record.U64(start.first).U64(start.previous_term);
  return Seal(std::move(record));
}

StatusOr<LogStart> DecodeLogStart(GroupId group, std::string_view bytes) {
  const auto name = [&] { return GroupRecordName("start of the log", group); };
  auto fields = Unseal(RecordKind::kLogStart, bytes);
  if (!fields.ok()) return Annotate(fields.status(), name());
  LogStart start;
  start.first = fields->U64().value_or(0);
  start.previous_term = fields->U64().value_or(0);
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), name());
  if (start.first == 0) return Annotate(MalformedRecord("first index 0"), name());
  return start;
}

std::string EncodeReplica(const GroupWrite::Create& replica) {
  ByteWriter record = BeginRecord(RecordKind::kReplica);
  record.U64(replica.id.value).String(replica.initial);
  return Seal(std::move(record));
}

StatusOr<GroupWrite::Create> DecodeReplica(GroupId group, std::string_view bytes) {
  const auto name = [&] { return GroupRecordName("replica", group); };
  auto fields = Unseal(RecordKind::kReplica, bytes);
  if (!fields.ok()) return Annotate(fields.status(), name());
  GroupWrite::Create replica;
  replica.id = ReplicaId{fields->U64().value_or(0)};
  replica.initial = fields->String().value_or("");
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), name());
  if (replica.id == ReplicaId{}) return Annotate(MalformedRecord("replica 0"), name());
  return replica;
}

std::string EncodeTombstone(ReplicaId removed) {
  ByteWriter record = BeginRecord(RecordKind::kTombstone);
  record.U64(removed.value);
  return Seal(std::move(record));
}

StatusOr<ReplicaId> DecodeTombstone(GroupId group, std::string_view bytes) {
  const auto name = [&] { return GroupRecordName("tombstone", group); };
  auto fields = Unseal(RecordKind::kTombstone, bytes);
  if (!fields.ok()) return Annotate(fields.status(), name());
  const ReplicaId removed{fields->U64().value_or(0)};
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), name());
  if (removed == ReplicaId{}) return Annotate(MalformedRecord("replica 0"), name());
  return removed;
}

std::string EncodeStoredValue(const StoredValue& value) {
  ByteWriter record = BeginRecord(RecordKind::kStoredValue);
  record.U64(value.version).Raw(value.value);
  return Seal(std::move(record));
}

StatusOr<StoredValue> DecodeStoredValue(PartitionId partition, std::string_view key,
                                        std::string_view bytes) {
  auto fields = Unseal(RecordKind::kStoredValue, bytes);
  if (!fields.ok()) return Annotate(fields.status(), ValueName(partition, key));
  const auto version = fields->U64();
  if (!version) return Annotate(MalformedRecord("too short"), ValueName(partition, key));
  return StoredValue{.version = *version, .value = std::string(fields->rest())};
}

std::string EncodeApplied(const AppliedRecord& record) {
  ByteWriter writer = BeginRecord(RecordKind::kApplied);
  writer.U64(record.index).U64(record.term).U64(record.generation);
  writer.U64(record.keys).U64(record.value_bytes).String(record.configuration);
  writer.U64(record.floor).U64(record.snapshot_index);
  return Seal(std::move(writer));
}

StatusOr<AppliedRecord> DecodeApplied(PartitionId partition, std::string_view bytes) {
  auto fields = Unseal(RecordKind::kApplied, bytes);
  if (!fields.ok()) return Annotate(fields.status(), AppliedName(partition));
  AppliedRecord record;
  record.index = fields->U64().value_or(0);
  record.term = fields->U64().value_or(0);
  record.generation = fields->U64().value_or(0);
  record.keys = fields->U64().value_or(0);
  record.value_bytes = fields->U64().value_or(0);
  record.configuration = fields->String().value_or("");
  record.floor = fields->U64().value_or(0);
  record.snapshot_index = fields->U64().value_or(0);
  if (!fields->exhausted()) {
    return Annotate(MalformedRecord("wrong length"), AppliedName(partition));
  }
  return record;
}

std::string EncodeSession(const StoredSession& session) {
  ByteWriter record = BeginRecord(RecordKind::kSession);
  record.U64(session.client).Raw(session.state);
  return Seal(std::move(record));
}

StatusOr<StoredSession> DecodeSession(PartitionId partition, uint64_t client,
                                      std::string_view bytes) {
  const auto name = [&] {
    return fmt::format("session of client {:016x} in partition {}", client, partition.value);
  };
  auto fields = Unseal(RecordKind::kSession, bytes);
  if (!fields.ok()) return Annotate(fields.status(), name());
  const auto found = fields->U64();
  if (!found) return Annotate(MalformedRecord("too short"), name());
  if (*found != client) {
    return Annotate(MalformedRecord(fmt::format("holds client {:016x}", *found)), name());
  }
  return StoredSession{.client = client, .state = std::string(fields->rest())};
}

}  // namespace kvd::storage
