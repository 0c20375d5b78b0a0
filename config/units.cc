#include "config/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace kvd::config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array kSizeUnits = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"KiB", kKiB},
    Unit{"MiB", kMiB},
    Unit{"GiB", kGiB},
    Unit{"TiB", kTiB},
    Unit{"KB", 1000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
};

// In nanoseconds, the largest first: formatting takes the first that divides.
constexpr std::array kDurationUnits = {
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1000},
    Unit{"ns", 1},
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view LeadingDigits(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && IsDigit(text[size])) ++size;
  return text.substr(0, size);
}

bool HasLeadingZero(std::string_view digits) {
  return digits.size() > 1 && digits.front() == '0';
}

// nullopt beyond 2^64 - 1. REQUIRES: `digits` are digits.
std::optional<uint64_t> Value(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string WithoutLeadingZeros(std::string_view digits) {
  const size_t first = digits.find_first_not_of('0');
  return std::string(first == std::string_view::npos ? "0" : digits.substr(first));
}

Status Refused(std::string_view text, std::string_view why) {
  return MakeStatus(StatusCode::kInvalidArgument, fmt::format("{} {}", InQuotes(text), why));
}

Status LeadingZero(std::string_view digits) {
  return Refused(digits, fmt::format("has a leading zero, which YAML reads as octal; write {}",
                                     WithoutLeadingZeros(digits)));
}

// A number and one of `units`, not above `max`; nullopt for anything else.
template <size_t N>
std::optional<uint64_t> WithUnit(std::string_view text, const std::array<Unit, N>& units,
                                 uint64_t max) {
  const std::string_view digits = LeadingDigits(text);
  if (digits.empty() || HasLeadingZero(digits)) return std::nullopt;
  const auto value = Value(digits);
  if (!value) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(digits.size())) continue;
    if (*value > max / unit.factor) return std::nullopt;
    return *value * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

StatusOr<uint64_t> ParseNumber(std::string_view text) {
  const std::string_view digits = LeadingDigits(text);
  if (text.starts_with("0x") || text.starts_with("0X") || text.starts_with("0o")) {
    return Refused(text, "is a hex or octal number; write it in decimal");
  }
  if (digits.empty() || digits.size() != text.size()) {
    return Refused(text, "is not a whole number (digits only, like 42)");
  }
  if (HasLeadingZero(digits)) return LeadingZero(digits);
  const auto value = Value(digits);
  if (!value) return Refused(text, "is too large");
  return *value;
}

StatusOr<uint64_t> ParseSize(std::string_view text) {
  if (HasLeadingZero(text) && LeadingDigits(text).size() == text.size()) return LeadingZero(text);
  const auto size = WithUnit(text, kSizeUnits, std::numeric_limits<uint64_t>::max());
  if (!size) return Refused(text, "is not a size (examples: 512, 4KiB, 1MiB)");
  return *size;
}

StatusOr<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const auto count = WithUnit(text, kDurationUnits,
                              static_cast<uint64_t>(std::numeric_limits<Duration::rep>::max()));
  if (!count) return Refused(text, "is not a duration (examples: 250ms, 5s, 10m, 2h, 7d)");
  return Duration(static_cast<Duration::rep>(*count));
}

std::string FormatSize(uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const auto& [name, factor] :
       {Unit{"TiB", kTiB}, Unit{"GiB", kGiB}, Unit{"MiB", kMiB}, Unit{"KiB", kKiB}}) {
    if (bytes % factor == 0) return fmt::format("{}{}", bytes / factor, name);
  }
  return fmt::format("{}", bytes);
}

std::string FormatDuration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  for (const auto& [name, factor] : kDurationUnits) {
    const auto unit = static_cast<Duration::rep>(factor);
    if (duration.count() % unit == 0) return fmt::format("{}{}", duration.count() / unit, name);
  }
  return fmt::format("{}ns", duration.count());
}

std::string InQuotes(std::string_view text) {
  constexpr size_t kMaxBytes = 64;
  std::string out = "'";
  for (const char c : text.substr(0, kMaxBytes)) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
  }
  if (text.size() > kMaxBytes) out += "...";
  return out + "'";
}

}  // namespace kvd::config
