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
#include "server/storage/keys.h"
#include "server/storage/record.h"
#include "server/storage/rocks/wal.h"

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

void TryKeys(std::string_view bytes) {
  (void)GroupOfLogKey(bytes);
  const auto index = IndexOfEntryKey(bytes);
  const auto group = GroupOfLogKey(bytes);
  if (index && group->value != UINT32_MAX) RequireSame(bytes, EntryKey(*group, *index));
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

void TryWal(std::string_view bytes) {
  const WalScan scan = ScanWal(bytes, 0);
  Require(scan.intact_bytes <= bytes.size());
  Require(scan.damaged || !scan.batch_after_damage);
  // What remains after the cut is intact, and holds the same batches.
  const WalScan again = ScanWal(bytes.substr(0, scan.intact_bytes), 0);
  Require(!again.damaged && again.last_batch == scan.last_batch);
}

template <typename Decoded, typename Encode>
void Try(std::string_view bytes, const Decoded& decoded, Encode encode) {
  if (decoded.ok()) RequireSame(bytes, encode(*decoded));
}

void Decode(uint8_t choice, std::string_view bytes) {
  switch (choice % 13) {
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
      return Try(bytes, DecodeBatchNumber(bytes), EncodeBatchNumber);
    case 6:
      return Try(bytes, DecodeIdentity(bytes), EncodeIdentity);
    case 7:
      return TryKeys(bytes);
    case 8:
      return TryWal(bytes);
    case 9:
      return TrySession(bytes);
    case 10:
      return Try(bytes, partition::DecodeCommand(bytes), partition::EncodeCommand);
    case 11:
      return Try(bytes, partition::DecodeChunk(bytes), partition::EncodeChunk);
    default:
      return TrySessionState(bytes);
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
