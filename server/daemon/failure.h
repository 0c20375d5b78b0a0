// Why kvd does not start or go on: a sentence for a person, and the exit code for a script.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "common/status.h"
#include "server/daemon/exit_code.h"

namespace kvd::daemon {

struct Failure {
  ExitCode code = kInternal;
  std::string message;  // May have several lines, when a file has several mistakes.
};

// A value, or why there is none.
template <typename T>
using OrFailure = std::variant<T, Failure>;

// The failure of something that answers with a Status about the data directory and what is in it.
[[nodiscard]] inline Failure StorageFailure(const Status& status) {
  const auto code = [&] {
    switch (status.code()) {
      case StatusCode::kUnavailable:
        return kLocked;
      case StatusCode::kFailedPrecondition:
        return kConfiguration;
      case StatusCode::kDataLoss:
        return kDataDamaged;
      case StatusCode::kPermissionDenied:
        return kCannotCreate;
      default:
        return kIoError;
    }
  }();
  return {code, Message(status)};
}

}  // namespace kvd::daemon
