// Bytes as text: hex and base64 (RFC 4648, with padding).
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"

namespace kvd::kvctl {

[[nodiscard]] std::string ToHex(std::string_view bytes);
[[nodiscard]] std::string ToBase64(std::string_view bytes);

// Either case. The error names the text and the first offence.
[[nodiscard]] StatusOr<std::string> FromHex(std::string_view text);

// Padding may be left out; nothing else may deviate.
[[nodiscard]] StatusOr<std::string> FromBase64(std::string_view text);

}  // namespace kvd::kvctl
