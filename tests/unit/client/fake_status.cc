#include "fake_status.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace kvd::client {
namespace {

grpc::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kOutcomeUnknown:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Reason::kValueTooLarge:
    case Reason::kKeyTooLarge:
    case Reason::kBadRequest:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Reason::kOverloaded:
    case Reason::kDiskFull:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Reason::kBaseTooOld:
    case Reason::kStaleRequest:
    case Reason::kUnsafeChange:
    case Reason::kJobConflict:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Reason::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    default:
      return grpc::StatusCode::UNAVAILABLE;
  }
}

}  // namespace

grpc::Status ToStatus(const Refusal& refusal) {
  google::rpc::ErrorInfo info;
  info.set_domain("kvd");
  info.set_reason(std::string(ReasonName(refusal.reason)));
  for (const auto& [field, value] : refusal.metadata) (*info.mutable_metadata())[field] = value;
  google::rpc::Status rich;
  rich.set_code(CodeOf(refusal.reason));
  rich.set_message(refusal.message);
  rich.add_details()->PackFrom(info);
  if (refusal.retry_after) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(refusal.retry_after->count()));
    rich.add_details()->PackFrom(retry);
  }
  return {CodeOf(refusal.reason), refusal.message, rich.SerializeAsString()};
}

}  // namespace kvd::client
