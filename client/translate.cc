#include "client/translate.h"

#include <fmt/format.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>
#include <utility>

#include "common/check.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace kvd::client {
namespace {

constexpr std::string_view kDomain = "kvd";

struct Details {
  std::optional<google::rpc::ErrorInfo> info;  // Ours only.
  std::optional<Duration> retry_after;
};

Details Unpack(const grpc::Status& status) {
  Details details;
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return details;
  for (const auto& any : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info) && info.domain() == kDomain) {
      details.info = std::move(info);
    } else if (any.Is<google::rpc::RetryInfo>() && any.UnpackTo(&retry)) {
      details.retry_after = std::chrono::seconds(retry.retry_delay().seconds()) +
                            std::chrono::nanoseconds(retry.retry_delay().nanos());
    }
  }
  return details;
}

// A node spoke.
Error FromInfo(const grpc::Status& status, const Details& details) {
  Error error;
  error.kind = ErrorKind::kRefused;
  // A reason of a newer node keeps the promise all reasons keep: nothing was applied.
  error.reason = ParseReason(details.info->reason()).value_or(Reason::kInternal);
  error.message = status.error_message();
  if (error.message.empty()) error.message = "refused: " + details.info->reason();
  error.metadata = {details.info->metadata().begin(), details.info->metadata().end()};
  error.retry_after = details.retry_after;
  if (error.reason == Reason::kOutcomeUnknown) error.kind = ErrorKind::kOutcomeUnknown;
  return error;
}

// The transport, a proxy or a broken node spoke.
Error FromTransport(const grpc::Status& status, const SentCall& call) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return {.kind = ErrorKind::kFault,
              .message = call.endpoint +
                         " does not know this operation: it is another version of "
                         "kvd, or not kvd"};
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED: {
      const bool who = status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
      return {.kind = ErrorKind::kRefused,
              .reason = who ? Reason::kUnauthenticated : Reason::kPermissionDenied,
              .message =
                  (who ? "not authenticated: " : "permission denied: ") + status.error_message()};
    }
    default:
      break;
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return {.kind = call.writes ? ErrorKind::kOutcomeUnknown : ErrorKind::kTimedOut,
            .message = "no answer from " + call.endpoint,
            .timed_out = true};
  }
  Error error{.kind = ErrorKind::kOutcomeUnknown,
              .message = fmt::format("{} broke off without an answer ({})", call.endpoint,
                                     status.error_message())};
  if (call.writes) return error;
  const bool gone = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::CANCELLED;
  error.kind = gone ? ErrorKind::kUnreachable : ErrorKind::kFault;
  if (gone) error.message = "no endpoint answered: " + error.message;
  return error;
}

}  // namespace

Error Translate(const grpc::Status& status, const SentCall& call) {
  KVD_CHECK(!status.ok(), "only failures are translated");
  const Details details = Unpack(status);
  Error error = details.info ? FromInfo(status, details) : FromTransport(status, call);
  error.endpoint = call.endpoint;
  // A read cannot have an unknown outcome: whatever a node says, nothing was changed.
  if (!call.writes && error.kind == ErrorKind::kOutcomeUnknown) {
    error.kind = ErrorKind::kTimedOut;
    error.timed_out = true;
  }
  return error;
}

}  // namespace kvd::client
