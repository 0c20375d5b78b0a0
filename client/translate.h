// From the status of a call that was sent to what the caller may conclude of it. The rule: our own
// ErrorInfo is believed (every reason but OUTCOME_UNKNOWN promises that nothing was applied);
// whatever else ends a write leaves its outcome unknown. retry.h decides what follows.
//
// Pure. Threading: values.
#pragma once

#include <string>

#include "client/error.h"

namespace grpc {
class Status;
}

namespace kvd::client {

// The call that ended.
struct SentCall {
  bool writes = false;
  std::string endpoint;
};

// REQUIRES: `status` is not OK.
[[nodiscard]] Error Translate(const grpc::Status& status, const SentCall& call);

}  // namespace kvd::client
