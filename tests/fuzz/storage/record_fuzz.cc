// Every decoder of bytes from the disk, or that a peer's disk has read. The first byte of the input
// chooses the decoder, the rest is what the disk holds. With the high bit set the rest is sealed
// with a checksum first, so that the fuzzer reaches the fields behind it.
//
// What must hold: no crash; whatever is decoded, encoded again, is the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/partition/command.h"
#include "server/partition/sessions.h"
#include "server/partition/snapshot.h"
#include "server/storage/data_dir.h"
#include "server/storage/record.h"
#include "server/storage/segments/batch.h"
#include "server/storage/segments/changes.h"
#include "server/storage/segments/log_index.h"

namespace kvd::storage {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// `encoded` is what the decoded value became again.
void RequireSame(std::string_view bytes, std::string_view encoded) {
  Require(bytes == encoded);
}

void TryEntry(std::string_view bytes) {
  // The index stands in the record too: ask for the one that is there.
  ByteReader reader(bytes);
  reader.Raw(2);
  const Index index = reader.U64().value_or(0);
  const auto entry = DecodeEntry(GroupId{1}, index, bytes);
  if (entry.ok()) RequireSame(bytes, EncodeEntry(*entry));
}

void TrySession(std::string_view bytes) {
  // The client stands in the record too: ask for the one that is there.
  ByteReader reader(bytes);
  reader.Raw(2);
  const uint64_t client = reader.U64().value_or(0);
  const auto session = DecodeSession(PartitionId{1}, client, bytes);
  if (session.ok()) RequireSame(bytes, EncodeSession(*session));
}

// What is restored takes part in a decision without harm.
void TrySessionState(std::string_view bytes) {
  constexpr Index kEnd = ~Index{0};
  partition::Sessions sessions;
  if (!sessions.Restore({.client = 1, .state = std::string(bytes)}).ok()) return;
  (void)sessions.Judge({.client = 1, .sequence = 3}, kEnd);
  StoreBatch batch;
  sessions.AddChangesTo(batch, PartitionId{1}, 1);
  Require(batch.changes().size() == 1);
}

// The input is the body of a batch: sealed as one, it is read again, and is applied or refused.
void TryChanges(std::string_view body) {
  constexpr uint64_t kSalt = 1;
  const std::string bytes = EncodeBatch(kSalt, 1, body);
  const auto batch = ReadBatch(bytes, 0, kSalt);
  Require(batch.has_value());
  RequireSame(body, batch->body);
  std::string again;
  ChangeReader changes(body);
  while (const auto change = changes.Next()) {
    AddChange(again, change->kind, change->group, change->bytes);
  }
  RequireSame(body.substr(0, again.size()), again);
  Require(changes.exhausted() == (again.size() == body.size()));
  LogIndex index;
  const std::string start = EncodeBatch(kSalt, 1, "k" + std::string(8, '\0'));
  Require(index.Apply(*ReadBatch(start, 0, kSalt), 1).ok());
  (void)index.Apply(*batch, 1);
}

// The input is a segment, its header included.
void TrySegment(std::string_view bytes) {
  const auto header = DecodeSegmentHeader(bytes);
  if (!header.ok()) return;
  RequireSame(bytes.substr(0, kSegmentHeaderBytes), EncodeSegmentHeader(*header));
  const SegmentScan scan = ScanSegment(bytes, header->salt, std::nullopt);
  Require(scan.end <= bytes.size());
  // What remains after the cut is intact, and holds the same batches.
  const SegmentScan again = ScanSegment(bytes.substr(0, scan.end), header->salt, std::nullopt);
  Require(!again.begun && !again.stray_batch && again.batches.size() == scan.batches.size());
}

template <typename Decoded, typename Encode>
void Try(std::string_view bytes, const Decoded& decoded, Encode encode) {
  if (decoded.ok()) RequireSame(bytes, encode(*decoded));
}

void Decode(uint8_t choice, std::string_view bytes) {
  switch (choice % 15) {
    case 0:
      return TryEntry(bytes);
    case 1:
      return Try(bytes, DecodeHardState(GroupId{1}, bytes), EncodeHardState);
    case 2:
      return Try(bytes, DecodeLogStart(GroupId{1}, bytes), EncodeLogStart);
    case 3:
      return Try(bytes, DecodeStoredValue(PartitionId{1}, "k", bytes), EncodeStoredValue);
    case 4:
      return Try(bytes, DecodeApplied(PartitionId{1}, bytes), EncodeApplied);
    case 5:
      (void)DecodePlainExtents(bytes);
      return Try(bytes, DecodeCheckpoint(bytes), EncodeCheckpoint);
    case 6:
      return Try(bytes, DecodeIdentity(bytes), EncodeIdentity);
    case 7:
      return TryChanges(bytes);
    case 8:
      return TrySegment(bytes);
    case 9:
      return TrySession(bytes);
    case 10:
      return Try(bytes, partition::DecodeCommand(bytes), partition::EncodeCommand);
    case 11:
      return Try(bytes, partition::DecodeChunk(bytes), partition::EncodeChunk);
    case 12:
      return TrySessionState(bytes);
    case 13:
      return Try(bytes, DecodeReplica(GroupId{1}, bytes), EncodeReplica);
    default:
      return Try(bytes, DecodeTombstone(GroupId{1}, bytes), EncodeTombstone);
  }
}

}  // namespace
}  // namespace kvd::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool seal = (data[0] & 0x80U) != 0;
  const uint8_t choice = data[0] & 0x7fU;
  if (!seal) {
    kvd::storage::Decode(choice, rest);
    return 0;
  }
  const std::string sealed = kvd::ByteWriter().Raw(rest).U32(kvd::Checksum32(rest)).Take();
  kvd::storage::Decode(choice, sealed);
  return 0;
}
