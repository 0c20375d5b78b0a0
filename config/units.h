// Numbers as people write them: sizes (512, 4KiB, 1MiB; KB and MB are powers of ten), durations
// (250ms, 5s, 10m, 2h, 7d) and plain whole numbers. One number, one unit, nothing around it. What
// these functions format, they parse back to the same value.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/status.h"

namespace kvd::config {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;
inline constexpr uint64_t kTiB = 1024 * kGiB;

// Each parser's error begins with the quoted text, so that a caller can put its key in front:
// "'4MB ' is not a size (examples: 512, 4KiB, 1MiB)".

// Decimal digits only. What other readers of YAML would take for octal, hex or a fraction is
// refused with its reason.
[[nodiscard]] StatusOr<uint64_t> ParseNumber(std::string_view text);

// Units: none or B, KiB MiB GiB TiB, KB MB GB TB.
[[nodiscard]] StatusOr<uint64_t> ParseSize(std::string_view text);

// Units: ns us ms s m h d. Only 0 needs none.
[[nodiscard]] StatusOr<Duration> ParseDuration(std::string_view text);

// "4KiB", "1MiB", "513": the largest binary unit that loses nothing.
[[nodiscard]] std::string FormatSize(uint64_t bytes);

// "250ms", "90s", "2h": the largest unit that loses nothing; "0s" for zero.
[[nodiscard]] std::string FormatDuration(Duration duration);

// `text` between single quotes, safe in a message: what is not printable ASCII as \xNN, cut after
// 64 bytes.
[[nodiscard]] std::string InQuotes(std::string_view text);

}  // namespace kvd::config
