#include "client/kvctl/encoding.h"

#include <fmt/format.h>

#include <cstdint>

#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint32_t Byte(char c) {
  return static_cast<unsigned char>(c);
}

Status NotEncoded(std::string_view text, std::string_view what, std::string_view why) {
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("{} is not {}: {}", Quoted(text), what, why));
}

}  // namespace

std::string ToHex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHex[Byte(c) >> 4U];
    out += kHex[Byte(c) & 15U];
  }
  return out;
}

StatusOr<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return NotEncoded(text, "hex", "an odd number of digits");
  std::string out;
  out.reserve(text.size() / 2);
  uint32_t byte = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] + 32) : text[i];
    const size_t digit = kHex.find(c);
    if (digit == std::string_view::npos) {
      return NotEncoded(text, "hex", fmt::format("character {} is no digit", i + 1));
    }
    byte = byte << 4U | static_cast<uint32_t>(digit);
    if (i % 2 == 1) out += static_cast<char>(byte & 0xFFU);
  }
  return out;
}

std::string ToBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = Byte(bytes[i]) << 16U;
    if (have > 1) group |= Byte(bytes[i + 1]) << 8U;
    if (have > 2) group |= Byte(bytes[i + 2]);
    for (size_t digit = 0; digit < 4; ++digit) {
      out += digit <= have ? kBase64[group >> (18U - 6U * digit) & 63U] : '=';
    }
  }
  return out;
}

StatusOr<std::string> FromBase64(std::string_view text) {
  std::string_view digits = text;
  for (int i = 0; i < 2 && text.size() % 4 == 0 && digits.ends_with('='); ++i) {
    digits.remove_suffix(1);
  }
  if (digits.size() % 4 == 1) return NotEncoded(text, "base64", "it is cut short");
  std::string out;
  uint32_t bits = 0;
  unsigned held = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const size_t digit = kBase64.find(digits[i]);
    if (digit == std::string_view::npos) {
      return NotEncoded(text, "base64", fmt::format("character {} is no digit", i + 1));
    }
    bits = bits << 6U | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFFU);
  }
  const uint32_t rest = bits & ((1U << held) - 1);
  if (rest != 0) return NotEncoded(text, "base64", "bits are left over");
  return out;
}

}  // namespace kvd::kvctl
