#include "common/uuid.h"

#include <algorithm>

namespace kvd {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool HyphenBefore(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

std::optional<uint8_t> HexValue(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

Uuid Uuid::Draw(Random& random) {
  Uuid id;
  for (size_t half = 0; half < 2; ++half) {
    uint64_t bits = random.Next();
    for (size_t i = 0; i < 8; ++i, bits >>= 8U) id.bytes[half * 8 + i] = static_cast<uint8_t>(bits);
  }
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0fU) | 0x40U);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3fU) | 0x80U);
  return id;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid id;
  size_t at = 0;
  for (size_t i = 0; i < id.bytes.size(); ++i) {
    if (HyphenBefore(i) && text[at++] != '-') return std::nullopt;
    const auto high = HexValue(text[at++]);
    const auto low = HexValue(text[at++]);
    if (!high || !low) return std::nullopt;
    id.bytes[i] = static_cast<uint8_t>(*high << 4U | *low);
  }
  return id;
}

std::optional<Uuid> Uuid::FromBytes(std::string_view raw) {
  Uuid id;
  if (raw.size() != id.bytes.size()) return std::nullopt;
  std::ranges::copy(raw, id.bytes.begin());
  return id;
}

std::string Uuid::ToString() const {
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (HyphenBefore(i)) text += '-';
    text += kHexDigits[bytes[i] >> 4U];
    text += kHexDigits[bytes[i] & 0x0fU];
  }
  return text;
}

std::string Uuid::ToBytes() const {
  return {bytes.begin(), bytes.end()};
}

}  // namespace kvd
