#include "client/request_id.h"

#include <fmt/format.h>

#include <charconv>

namespace kvd::client {
namespace {

// All of `text`, and nothing but digits.
std::optional<uint64_t> ParseNumber(std::string_view text, int base) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped_at, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stopped_at != end) return std::nullopt;
  return value;
}

}  // namespace

std::string RequestId::ToString() const {
  return fmt::format("{:x}:{}@{}", client, sequence, base);
}

std::optional<RequestId> RequestId::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  const size_t at = text.find('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at < colon) {
    return std::nullopt;
  }
  const auto client = ParseNumber(text.substr(0, colon), 16);
  const auto sequence = ParseNumber(text.substr(colon + 1, at - colon - 1), 10);
  const auto base = ParseNumber(text.substr(at + 1), 10);
  if (!client || !sequence || !base || *sequence == 0) return std::nullopt;
  return RequestId{.client = *client, .sequence = *sequence, .base = *base};
}

}  // namespace kvd::client
