// From the status of a call that was sent to what the caller may conclude. The rule: our own
// ErrorInfo is believed (every reason but OUTCOME_UNKNOWN promises that nothing was applied);
// whatever else ends a write leaves its outcome unknown.
//
// Pure. Threading: values.
#pragma once

#include <string>

#include "client/error.h"
#include "common/clock.h"

namespace grpc {
class Status;
}

namespace kvd::client {

// The call that ended.
struct SentCall {
  bool writes = false;
  std::string endpoint;
  Duration timeout{};  // What it was given; zero: no limit.
};

// REQUIRES: `status` is not OK.
[[nodiscard]] Error Translate(const grpc::Status& status, const SentCall& call);

// True if another endpoint may do better, and asking it is harmless: the node is starting or
// stopping, or the connection broke under a read.
[[nodiscard]] bool IsWorthAnotherEndpoint(const Error& error);

}  // namespace kvd::client
