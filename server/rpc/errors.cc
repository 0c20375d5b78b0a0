// The one table between refusals, gRPC's codes and google.rpc.Status.

#include <google/protobuf/any.pb.h>

#include <algorithm>

#include "common/check.h"
#include "google/rpc/error_details.pb.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

constexpr char kDomain[] = "kvd";

grpc::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kNoMajority:
    case Reason::kNodeDraining:
    case Reason::kNodeJoining:
    case Reason::kNotOwner:
      return grpc::StatusCode::UNAVAILABLE;
    case Reason::kOutcomeUnknown:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Reason::kKeyTooLarge:
    case Reason::kValueTooLarge:
    case Reason::kBadRequest:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Reason::kOverloaded:
    case Reason::kDiskFull:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Reason::kWrongCluster:
    case Reason::kWrongNode:
    case Reason::kNameInUse:
    case Reason::kNodeRemoved:
    case Reason::kBaseTooOld:
    case Reason::kStaleRequest:
    case Reason::kUnsafeChange:
    case Reason::kJobConflict:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Reason::kUnauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Reason::kPermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Reason::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Reason::kDataDamaged:
      return grpc::StatusCode::DATA_LOSS;
    case Reason::kInternal:
      return grpc::StatusCode::INTERNAL;
  }
  KVD_CHECK(false, "every reason has a code");
}

// Cut to between nothing and a year: a peer's nonsense must not overflow our arithmetic.
Duration FromProto(const google::protobuf::Duration& in) {
  constexpr int64_t kYear = int64_t{365} * 24 * 3600;
  if (in.seconds() < 0) return Duration::zero();
  if (in.seconds() >= kYear) return std::chrono::seconds(kYear);
  const Duration read = std::chrono::seconds(in.seconds()) + std::chrono::nanoseconds(in.nanos());
  return std::max(read, Duration::zero());
}

}  // namespace

google::rpc::Status ToProto(const Refusal& refusal) {
  google::rpc::Status status;
  status.set_code(CodeOf(refusal.reason));
  status.set_message(refusal.message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ReasonName(refusal.reason)));
  info.set_domain(kDomain);
  for (const auto& [key, value] : refusal.metadata) (*info.mutable_metadata())[key] = value;
  status.add_details()->PackFrom(info);
  if (refusal.retry_after) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*refusal.retry_after);
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(seconds.count());
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>((*refusal.retry_after - seconds).count()));
    status.add_details()->PackFrom(retry);
  }
  return status;
}

grpc::Status ToGrpc(const Refusal& refusal) {
  return {CodeOf(refusal.reason), refusal.message, ToProto(refusal).SerializeAsString()};
}

Refusal FromProto(const google::rpc::Status& status) {
  Refusal refusal{.reason = Reason::kInternal, .message = status.message()};
  for (const google::protobuf::Any& detail : status.details()) {
    if (google::rpc::ErrorInfo info; detail.UnpackTo(&info) && info.domain() == kDomain) {
      refusal.reason = ParseReason(info.reason()).value_or(Reason::kInternal);
      refusal.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (google::rpc::RetryInfo retry; detail.UnpackTo(&retry)) {
      refusal.retry_after = FromProto(retry.retry_delay());
    }
  }
  return refusal;
}

}  // namespace kvd::rpc
