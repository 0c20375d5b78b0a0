#include "server/storage/rocks/wal.h"

#include <array>
#include <string>

#include "common/bytes.h"
#include "server/storage/keys.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;

enum class FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

using CrcTable = std::array<std::array<uint32_t, 256>, 8>;

// Tables for crc32c (Castagnoli, reflected 0x82f63b78), eight bytes at a time.
constexpr CrcTable MakeCrcTable() {
  CrcTable table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[0][i] = crc;
  }
  for (size_t slice = 1; slice < 8; ++slice) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t before = table[slice - 1][i];
      table[slice][i] = (before >> 8U) ^ table[0][before & 0xffU];
    }
  }
  return table;
}

constexpr CrcTable kCrc = MakeCrcTable();

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~0U;
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    crc ^= at[0] | (uint32_t{at[1]} << 8U) | (uint32_t{at[2]} << 16U) | (uint32_t{at[3]} << 24U);
    crc = kCrc[7][crc & 0xffU] ^ kCrc[6][(crc >> 8U) & 0xffU] ^ kCrc[5][(crc >> 16U) & 0xffU] ^
          kCrc[4][crc >> 24U] ^ kCrc[3][at[4]] ^ kCrc[2][at[5]] ^ kCrc[1][at[6]] ^ kCrc[0][at[7]];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8U) ^ kCrc[0][(crc ^ *at) & 0xffU];
  return ~crc;
}

// RocksDB stores checksums rotated, so that a checksum of checksums stays strong.
uint32_t Masked(uint32_t crc) {
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

struct Fragment {
  FragmentType type;
  std::string_view payload;
  size_t end;  // Where the next fragment may begin.
};

size_t SkipTrailer(size_t at) {
  const size_t left = kBlockBytes - at % kBlockBytes;
  return left < kHeaderBytes ? at + left : at;
}

// The intact fragment at `at`, if there is one.
std::optional<Fragment> ReadFragment(std::string_view file, size_t at) {
  if (at > file.size()) return std::nullopt;
  const size_t block_left = kBlockBytes - at % kBlockBytes;
  const std::string_view rest = file.substr(at, block_left);
  if (rest.size() < kHeaderBytes) return std::nullopt;
  const size_t length = static_cast<uint8_t>(rest[4]) | (static_cast<uint8_t>(rest[5]) << 8U);
  const auto type = static_cast<uint8_t>(rest[6]);
  if (type < static_cast<uint8_t>(FragmentType::kFull) ||
      type > static_cast<uint8_t>(FragmentType::kLast) || rest.size() < kHeaderBytes + length) {
    return std::nullopt;
  }
  const uint32_t checksum = *ByteReader(rest).U32();
  if (Masked(Crc32c(rest.substr(6, 1 + length))) != checksum) return std::nullopt;
  return Fragment{.type = FragmentType{type},
                  .payload = rest.substr(kHeaderBytes, length),
                  .end = at + kHeaderBytes + length};
}

struct Batch {
  std::string head;  // Enough of it to hold the number.
  size_t end;
};

// Where the number of a batch ends, see NumberOf().
constexpr size_t kHeadBytes = 8 + 4 + 1 + (1 + 4) + (1 + 14);

// The batch that begins at `at`; nullopt unless all of it, or, if `head_suffices`, its head, is
// intact.
std::optional<Batch> ReadBatch(std::string_view file, size_t at, bool head_suffices) {
  Batch batch{.head = {}, .end = at};
  bool first = true;
  while (true) {
    const auto fragment = ReadFragment(file, SkipTrailer(batch.end));
    if (!fragment) return std::nullopt;
    const bool begins =
        fragment->type == FragmentType::kFull || fragment->type == FragmentType::kFirst;
    if (begins != first) return std::nullopt;
    first = false;
    batch.head += fragment->payload.substr(0, kHeadBytes);
    batch.end = fragment->end;
    const bool ends =
        fragment->type == FragmentType::kFull || fragment->type == FragmentType::kLast;
    if (ends || (head_suffices && batch.head.size() >= kHeadBytes)) return batch;
  }
}

// A batch is sequence u64 | count u32 | changes, a put tag 1 | length | key | length | value with
// lengths of 7 bits per byte; ours are short enough for one. Ours begin with their number.
std::optional<uint64_t> NumberOf(std::string_view head) {
  static const std::string kNumberKey = BatchNumberKey();
  ByteReader reader(head);
  reader.U64();
  reader.U32();
  const auto tag = reader.U8();
  const auto key = reader.Raw(reader.U8().value_or(0));
  const auto value = reader.Raw(reader.U8().value_or(0));
  if (!reader.ok() || tag != 1 || key != kNumberKey) return std::nullopt;
  const auto number = DecodeBatchNumber(*value);
  if (!number.ok()) return std::nullopt;
  return *number;
}

// Within a file batches are numbered without gaps. A file before it may be gone, when all it held
// was flushed. Only the empty batch that RocksDB itself writes after a recovery has no number.
bool Follows(std::string_view head, std::optional<uint64_t> number, std::optional<uint64_t> last,
             uint64_t previous_batch) {
  if (number) return last ? *number == *last + 1 : *number > previous_batch;
  ByteReader reader(head);
  reader.U64();
  return reader.U32() == 0U;
}

std::optional<uint64_t> FindBatch(std::string_view file, size_t from, uint64_t later_than) {
  for (size_t at = from; at + kHeaderBytes < file.size(); ++at) {
    const auto type = FragmentType{static_cast<uint8_t>(file[at + 6])};
    if (type != FragmentType::kFull && type != FragmentType::kFirst) continue;  // Most bytes.
    const auto batch = ReadBatch(file, at, /*head_suffices=*/true);
    if (!batch) continue;
    const auto number = NumberOf(batch->head);
    if (number && *number > later_than) return number;
  }
  return std::nullopt;
}

}  // namespace

WalScan ScanWal(std::string_view bytes, uint64_t previous_batch) {
  WalScan scan;
  while (scan.intact_bytes < bytes.size()) {
    const auto batch = ReadBatch(bytes, scan.intact_bytes, /*head_suffices=*/false);
    if (!batch) break;
    const auto number = NumberOf(batch->head);
    if (number && scan.last_batch && *number > *scan.last_batch + 1) {
      scan.batch_after_damage = number;  // Intact itself: what is missing stood before it.
    }
    if (!Follows(batch->head, number, scan.last_batch, previous_batch)) break;
    scan.intact_bytes = batch->end;
    if (number) scan.last_batch = number;
  }
  // Zeros that fill up a block are written with the next batch; no whole batch is missing then.
  const std::string_view rest = bytes.substr(scan.intact_bytes);
  const bool trailer = SkipTrailer(scan.intact_bytes) >= bytes.size() &&
                       rest.find_first_not_of('\0') == std::string_view::npos;
  scan.damaged = !rest.empty() && !trailer;
  if (!scan.damaged || scan.batch_after_damage) return scan;
  scan.batch_after_damage = FindBatch(bytes, SkipTrailer(scan.intact_bytes) + 1,
                                      scan.last_batch.value_or(previous_batch));
  return scan;
}

}  // namespace kvd::storage
