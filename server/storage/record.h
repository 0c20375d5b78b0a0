// Every record kvd keeps on disk, to bytes and back:
//
//   format u8 | kind u8 | fields, little-endian | checksum u32 of all that precedes it
//
// The format byte and the checksum keep their places in every future format, so that damage is
// never taken for a newer format. Decoders check the checksum first: damage is DATA_LOSS, a newer
// format FAILED_PRECONDITION naming both formats; each error names the record it is about. Decoding
// never repairs and never guesses: a record is read as it was written or not at all.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/status.h"
#include "common/types.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::storage {

// What this build writes, and the newest it reads.
inline constexpr uint8_t kRecordFormat = 1;

// Part of every record, so that none is read as another kind.
enum class RecordKind : uint8_t {
  kEntry = 'e',
  kHardState = 'h',
  kLogStart = 's',
  kStoredValue = 'v',
  kApplied = 'a',
  kSession = 'c',
  kIdentity = 'i',
  kSegment = 'g',
  kReplica = 'r',
  kTombstone = 't',
  kCheckpoint = 'x',
};

// Where a group's log begins, and the term of the entry before: what a prefix leaves behind when it
// is forgotten.
struct LogStart {
  Index first = 1;
  Term previous_term = 0;

  friend bool operator==(const LogStart&, const LogStart&) = default;
};

// The frame. The fields are written to what BeginRecord() returns, and read from what Unseal()
// returns; its errors do not name the record.
[[nodiscard]] ByteWriter BeginRecord(RecordKind kind);
[[nodiscard]] std::string Seal(ByteWriter record);
[[nodiscard]] StatusOr<ByteReader> Unseal(RecordKind kind, std::string_view bytes);

// The error for a record whose checksum holds and whose fields do not make sense.
[[nodiscard]] Status MalformedRecord(std::string_view why);

[[nodiscard]] std::string EncodeEntry(const Entry& entry);
[[nodiscard]] StatusOr<Entry> DecodeEntry(GroupId group, Index index, std::string_view bytes);

[[nodiscard]] std::string EncodeHardState(const HardState& state);
[[nodiscard]] StatusOr<HardState> DecodeHardState(GroupId group, std::string_view bytes);

[[nodiscard]] std::string EncodeLogStart(const LogStart& start);
[[nodiscard]] StatusOr<LogStart> DecodeLogStart(GroupId group, std::string_view bytes);

[[nodiscard]] std::string EncodeReplica(const GroupWrite::Create& replica);
[[nodiscard]] StatusOr<GroupWrite::Create> DecodeReplica(GroupId group, std::string_view bytes);

[[nodiscard]] std::string EncodeTombstone(ReplicaId removed);
[[nodiscard]] StatusOr<ReplicaId> DecodeTombstone(GroupId group, std::string_view bytes);

// Errors name a key by its length and hash: stored keys do not belong in logs.
[[nodiscard]] std::string EncodeStoredValue(const StoredValue& value);
[[nodiscard]] StatusOr<StoredValue> DecodeStoredValue(PartitionId partition, std::string_view key,
                                                      std::string_view bytes);

[[nodiscard]] std::string EncodeApplied(const AppliedRecord& record);
[[nodiscard]] StatusOr<AppliedRecord> DecodeApplied(PartitionId partition, std::string_view bytes);

[[nodiscard]] std::string EncodeSession(const StoredSession& session);
[[nodiscard]] StatusOr<StoredSession> DecodeSession(PartitionId partition, uint64_t client,
                                                    std::string_view bytes);

}  // namespace kvd::storage
