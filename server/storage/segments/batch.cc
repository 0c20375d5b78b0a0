#include "server/storage/segments/batch.h"

#include <fmt/format.h>

#include <limits>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

constexpr std::string_view kMagic = "kvdB";
constexpr size_t kHashedHeaderBytes = 24;

uint64_t HeaderChecksum(uint64_t salt, std::string_view header) {
  return Hash64(ByteWriter().U64(salt).Raw(header.substr(0, kHashedHeaderBytes)).bytes());
}

struct BatchHeader {
  uint32_t body_bytes = 0;
  uint64_t number = 0;
  uint64_t body_checksum = 0;
};

std::optional<BatchHeader> ReadHeader(std::string_view segment, uint64_t at, uint64_t salt) {
  if (at > segment.size()) return std::nullopt;
  ByteReader reader(segment.substr(at));
  if (reader.Raw(kMagic.size()) != kMagic) return std::nullopt;
  BatchHeader header;
  header.body_bytes = reader.U32().value_or(0);
  header.number = reader.U64().value_or(0);
  header.body_checksum = reader.U64().value_or(0);
  const auto checksum = reader.U64();
  if (!checksum || *checksum != HeaderChecksum(salt, segment.substr(at))) return std::nullopt;
  return header;
}

std::optional<uint64_t> FindHeader(std::string_view segment, uint64_t from, uint64_t salt) {
  while (true) {
    const size_t at = segment.find(kMagic, from);
    if (at == std::string_view::npos) return std::nullopt;
    if (const auto header = ReadHeader(segment, at, salt)) return header->number;
    from = at + 1;
  }
}

bool IsZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  ByteWriter record = BeginRecord(RecordKind::kSegment);
  record.U64(header.number).U64(header.salt).U64(header.filled_bytes);
  return Seal(std::move(record));
}

StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  constexpr std::string_view kName = "header";
  auto fields = Unseal(RecordKind::kSegment, bytes.substr(0, kSegmentHeaderBytes));
  if (!fields.ok()) return Annotate(fields.status(), kName);
  const uint64_t number = fields->U64().value_or(0);
  const uint64_t salt = fields->U64().value_or(0);
  const uint64_t filled_bytes = fields->U64().value_or(0);
  if (!fields->exhausted()) return Annotate(MalformedRecord("wrong length"), kName);
  if (number == 0 || number > std::numeric_limits<SegmentNumber>::max()) {
    return Annotate(MalformedRecord(fmt::format("number {}", number)), kName);
  }
  return SegmentHeader{
      .number = static_cast<SegmentNumber>(number), .salt = salt, .filled_bytes = filled_bytes};
}

std::string EncodeBatch(uint64_t salt, uint64_t number, std::string_view body) {
  KVD_CHECK_OP(<, body.size(), kMaxSegmentBytes);
  ByteWriter header;
  header.Raw(kMagic).U32(static_cast<uint32_t>(body.size())).U64(number).U64(Hash64(body));
  header.U64(HeaderChecksum(salt, header.bytes()));
  std::string bytes = header.Take();
  bytes.reserve(2 * kBatchHeaderBytes + body.size());
  bytes += body;
  bytes.append(kBatchHeaderBytes, '\0');
  return bytes;
}

std::optional<Batch> ReadBatch(std::string_view segment, uint64_t at, uint64_t salt) {
  const auto header = ReadHeader(segment, at, salt);
  if (!header) return std::nullopt;
  const std::string_view rest = segment.substr(at + kBatchHeaderBytes);
  const std::string_view body = rest.substr(0, header->body_bytes);
  if (body.size() < header->body_bytes || Hash64(body) != header->body_checksum) {
    return std::nullopt;
  }
  return Batch{.number = header->number,
               .body_at = static_cast<uint32_t>(at + kBatchHeaderBytes),
               .body = body};
}

SegmentScan ScanSegment(std::string_view segment, uint64_t salt, std::optional<uint64_t> expected) {
  SegmentScan scan;
  while (const auto batch = ReadBatch(segment, scan.end, salt)) {
    if (expected && batch->number != *expected) {
      scan.stray_batch = batch->number;
      return scan;
    }
    scan.batches.push_back(*batch);
    scan.end = batch->end();
    expected = batch->number + 1;
  }
  if (scan.end >= segment.size()) return scan;
  scan.begun = !IsZero(segment.substr(scan.end, kBatchHeaderBytes));
  // Of every batch but the last one somebody was told, and its follower began only then.
  scan.stray_batch = FindHeader(segment, scan.end + 1, salt);
  return scan;
}

}  // namespace kvd::storage
