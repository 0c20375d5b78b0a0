#include "common/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "common/check.h"

namespace kvd {
namespace {

// The length of the well-formed UTF-8 sequence at the start of `bytes`; 0 if there is none.
size_t Utf8SequenceLength(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const auto continues = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return i < bytes.size() && at(i) >= low && at(i) <= high;
  };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return continues(1) ? 2 : 0;
  if (lead < 0xf0) {
    const uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;   // Overlong forms.
    const uint8_t high = lead == 0xed ? 0x9f : 0xbf;  // Surrogates.
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead > 0xf4) return 0;
  const uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;  // Beyond U+10FFFF.
  return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
}

// Most records that outgrow what a string holds without memory of its own fit in this.
constexpr size_t kFirstBytes = 192;

void Append(std::string& out, std::string_view bytes) {
  const size_t size = out.size() + bytes.size();
  if (size > out.capacity()) out.reserve(std::max({size, 2 * out.capacity(), kFirstBytes}));
  out += bytes;
}

template <typename T>
void AppendLittleEndian(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes{};
  for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  Append(out, {bytes.data(), bytes.size()});
}

template <typename T>
T ParseLittleEndian(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<uint8_t>(bytes[i])) << (8 * i));
  }
  return value;
}

}  // namespace

std::string Quoted(std::string_view bytes, size_t max_bytes) {
  std::string out = "\"";
  for (const char c : bytes.substr(0, max_bytes)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
  }
  out += '"';
  if (bytes.size() > max_bytes) out += "...";
  return out;
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = Utf8SequenceLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  uint64_t one = 1024;
  while (unit + 1 < kUnits.size() && bytes / 1024 >= one) {
    one *= 1024;
    ++unit;
  }
  if (bytes % one == 0) return fmt::format("{} {}", bytes / one, kUnits[unit]);
  return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(one),
                     kUnits[unit]);
}

std::string FormatBytesBeside(uint64_t bytes, uint64_t other) {
  if (bytes == other || bytes < 1024) return FormatBytes(bytes);
  const auto looks_like = [](uint64_t size) {
    std::string text = FormatBytes(size);
    if (const size_t point = text.find(".0 "); point != std::string::npos) text.erase(point, 2);
    return text;
  };
  return looks_like(bytes) == looks_like(other) ? fmt::format("{} bytes", bytes)
                                                : FormatBytes(bytes);
}

ByteWriter& ByteWriter::U8(uint8_t value) {
  bytes_ += static_cast<char>(value);
  return *this;
}

ByteWriter& ByteWriter::U32(uint32_t value) {
  AppendLittleEndian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::U64(uint64_t value) {
  AppendLittleEndian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::String(std::string_view bytes) {
  KVD_CHECK_OP(<=, bytes.size(), size_t{std::numeric_limits<uint32_t>::max()});
  U32(static_cast<uint32_t>(bytes.size()));
  return Raw(bytes);
}

ByteWriter& ByteWriter::Raw(std::string_view bytes) {
  Append(bytes_, bytes);
  return *this;
}

std::optional<std::string_view> ByteReader::Raw(size_t size) {
  if (!ok_ || rest_.size() < size) {
    ok_ = false;
    return std::nullopt;
  }
  const std::string_view field = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return field;
}

std::optional<uint8_t> ByteReader::U8() {
  const auto raw = Raw(1);
  if (!raw) return std::nullopt;
  return static_cast<uint8_t>(raw->front());
}

std::optional<uint32_t> ByteReader::U32() {
  const auto raw = Raw(4);
  if (!raw) return std::nullopt;
  return ParseLittleEndian<uint32_t>(*raw);
}

std::optional<uint64_t> ByteReader::U64() {
  const auto raw = Raw(8);
  if (!raw) return std::nullopt;
  return ParseLittleEndian<uint64_t>(*raw);
}

std::optional<std::string_view> ByteReader::String() {
  const auto size = U32();
  if (!size) return std::nullopt;
  return Raw(*size);
}

}  // namespace kvd
