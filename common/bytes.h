// Bytes as values: showing them to people, and the building blocks of every record kvd writes to
// disk (little-endian integers, length-prefixed strings). Records themselves, with their format
// byte and checksum, belong to the room that owns them.
//
// Pure. Threading: values; a writer or reader is confined to its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvd {

// `bytes` between double quotes, everything but printable ASCII as \xNN, cut after `max_bytes` with
// an ellipsis: safe in a log line or on a terminal.
[[nodiscard]] std::string Quoted(std::string_view bytes, size_t max_bytes = 64);

// True if `bytes` is well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms).
[[nodiscard]] bool IsUtf8(std::string_view bytes);

// "1 MiB", "6.0 MiB", "512 bytes": a size as people read it. Whole multiples have no fraction.
[[nodiscard]] std::string FormatBytes(uint64_t bytes);

// As FormatBytes(), for a sentence that also names `other`: in bytes to the last digit if rounding
// would make the two look alike, "4097 bytes" beside "4 KiB".
[[nodiscard]] std::string FormatBytesBeside(uint64_t bytes, uint64_t other);

// Appends fields to a record.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value);
  ByteWriter& U32(uint32_t value);
  ByteWriter& U64(uint64_t value);

  // A u32 length, then the bytes. REQUIRES: fewer than 2^32 bytes.
  ByteWriter& String(std::string_view bytes);

  // The bytes alone; the reader must know their length.
  ByteWriter& Raw(std::string_view bytes);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads the fields of a record. Each read answers nullopt when the bytes are too short, and from
// then on every read does: a decoder may check once, at the end, with `exhausted()`.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<uint8_t> U8();
  std::optional<uint32_t> U32();
  std::optional<uint64_t> U64();

  // The view points into the bytes being read.
  std::optional<std::string_view> String();
  std::optional<std::string_view> Raw(size_t size);

  // What has not been read yet.
  [[nodiscard]] std::string_view rest() const { return rest_; }

  // True if every byte was read and nothing was missing.
  [[nodiscard]] bool exhausted() const { return ok_ && rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace kvd
