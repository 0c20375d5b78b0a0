// What the world may do wrong: a Status says what was being done, what went wrong and what to do,
// in one sentence. The protocol's own refusals are not here but in refusal.h: a caller switches
// over them. Our mistakes are in check.h.
//
// The only place that knows abseil's own string_view; everyone else uses std::string_view.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kvd {

using Status = absl::Status;
using StatusCode = absl::StatusCode;
template <typename T>
using StatusOr = absl::StatusOr<T>;

inline Status OkStatus() {
  return absl::OkStatus();
}

[[nodiscard]] inline Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, absl::string_view(message.data(), message.size()));
}

// The sentence of a status.
[[nodiscard]] inline std::string Message(const Status& status) {
  return std::string(status.message());
}

// Puts what was being done in front of what went wrong: "open /data/n1: no such directory". The
// code is kept; an OK status stays OK.
[[nodiscard]] inline Status Annotate(const Status& status, std::string_view doing) {
  if (status.ok()) return status;
  return MakeStatus(status.code(), std::string(doing) + ": " + Message(status));
}

}  // namespace kvd

#define KVD_STATUS_CONCAT_INNER(a, b) a##b
#define KVD_STATUS_CONCAT(a, b) KVD_STATUS_CONCAT_INNER(a, b)

// Returns from the function if `expression` is not OK.
#define KVD_RETURN_IF_ERROR(expression)                                      \
  do {                                                                       \
    if (auto kvd_status = (expression); !kvd_status.ok()) return kvd_status; \
  } while (false)

// KVD_ASSIGN_OR_RETURN(auto value, Compute()); returns Compute()'s status if it has no value.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
#define KVD_ASSIGN_OR_RETURN(declaration, ...) \
  KVD_ASSIGN_OR_RETURN_INNER(KVD_STATUS_CONCAT(kvd_or_, __LINE__), declaration, (__VA_ARGS__))
#define KVD_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = expression;                                         \
  if (!result.ok()) return std::move(result).status();              \
  declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
