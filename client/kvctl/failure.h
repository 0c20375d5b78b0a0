// What kvctl says on stderr when it cannot do what was asked.
//
// Pure. Threading: values.
#pragma once

#include <map>
#include <string>

#include "client/error.h"
#include "client/kvctl/exit_code.h"

namespace kvd::kvctl {

struct Failure {
  ExitCode exit_code = ExitCode::kError;
  std::string reason{};   // "VALUE_TOO_LARGE", "NOT_FOUND"; stable.
  std::string message{};  // One sentence.
  std::map<std::string, std::string> metadata{};
};

[[nodiscard]] Failure UsageFailure(std::string message);
[[nodiscard]] Failure FromError(const client::Error& error);

// "kvctl: ..." and a newline, control characters escaped; the prefix red if `colour`.
[[nodiscard]] std::string FailureText(const Failure& failure, bool colour);

// {"error":{"reason":...,"message":...,"exit_code":...}} and a newline; metadata become fields,
// numbers where they are numbers.
[[nodiscard]] std::string FailureJson(const Failure& failure);

}  // namespace kvd::kvctl
