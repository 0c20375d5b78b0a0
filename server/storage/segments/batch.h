// The bytes of a segment: its header, then batches one behind the other, then zeros where the
// header of the next batch would stand. What follows those zeros has no meaning: zeros, or what a
// recycled file held before.
//
//   segment   a record (record.h) of number u64 | salt u64 | filled u64
//   batch     magic u32 | body length u32 | number u64 | checksum of the body u64
//             | checksum u64 of the salt and all that precedes it | body
//   body      changes, see changes.h
//
// Every segment has a salt of its own, drawn when its file is prepared, so that neither stale bytes
// of a recycled file nor a value that looks like a batch is ever taken for one.
//
// A batch and the zeros behind it are one write. So what stands at the end of the last batch tells
// whether another was begun: it is zero, or a torn write, or damage.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace kvd::storage {

using SegmentNumber = uint32_t;  // From 1, consecutive, never reused within a log.

struct SegmentHeader {
  SegmentNumber number = 0;
  uint64_t salt = 0;
  uint64_t filled_bytes = 0;  // The size of the file from the beginning: it never has less.

  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

inline constexpr uint32_t kSegmentHeaderBytes = 30;
inline constexpr uint32_t kBatchHeaderBytes = 32;

// The batch may take so many bytes, its header included: offsets are of 32 bits.
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{3} << 30U;

[[nodiscard]] std::string EncodeSegmentHeader(const SegmentHeader& header);

// From the beginning of a segment. Errors as in record.h.
[[nodiscard]] StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// A batch and the zeros behind it.
[[nodiscard]] std::string EncodeBatch(uint64_t salt, uint64_t number, std::string_view body);

struct Batch {
  uint64_t number = 0;
  uint32_t body_at = 0;   // Within the segment.
  std::string_view body;  // A view of the segment.

  [[nodiscard]] uint64_t end() const { return uint64_t{body_at} + body.size(); }
};

// The batch that begins at `at`, if it is intact.
[[nodiscard]] std::optional<Batch> ReadBatch(std::string_view segment, uint64_t at, uint64_t salt);

struct SegmentScan {
  std::vector<Batch> batches;           // Intact and consecutive.
  uint64_t end = kSegmentHeaderBytes;   // Of the last of them.
  bool begun = false;                   // What follows is not zero: torn or damaged.
  std::optional<uint64_t> stray_batch;  // A batch that cannot follow, whose header is intact.
};

// What `segment` holds, whose header was read. `expected` is the number of its first batch, nullopt
// for any.
[[nodiscard]] SegmentScan ScanSegment(std::string_view segment, uint64_t salt,
                                      std::optional<uint64_t> expected);

}  // namespace kvd::storage
