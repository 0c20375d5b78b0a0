// Why an operation of the client library has no answer. The kind says what is known about the
// operation, which is what a caller must switch over; the rest is for people and logs.
//
// Threading: values.
#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/refusal.h"

namespace kvd::client {

enum class ErrorKind : uint8_t {
  kBadRequest,      // The caller's options or arguments; nothing was sent.
  kUnreachable,     // No endpoint could be connected to; nothing was sent.
  kRefused,         // A node said no, `reason` why. Nothing was applied.
  kTimedOut,        // A read was not answered in time.
  kOutcomeUnknown,  // Writes only: it may or may not have been applied, now or a little later.
  kFault,  // A node answered what it should not have. If it was a write, nothing was applied.
};

// "refused", for logs.
[[nodiscard]] std::string_view KindName(ErrorKind kind);
std::ostream& operator<<(std::ostream& out, ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kFault;

  // What the node said: set if kind is kRefused, and perhaps if it is kOutcomeUnknown.
  std::optional<Reason> reason{};

  // One sentence: what, why, what to do. May name keys, escaped.
  std::string message{};

  // As documented per reason in proto/README.md: "limit", "partition", "owner", ... Of a write with
  // kOutcomeUnknown also "request_id": see RequestId::Parse().
  std::map<std::string, std::string> metadata{};

  // When the node thinks that asking again makes sense.
  std::optional<Duration> retry_after{};

  // Who answered, or broke the connection; empty if nobody was reached.
  std::string endpoint{};

  // Nobody refused and nothing broke: there was no answer in time.
  bool timed_out = false;
};

}  // namespace kvd::client
