#include "server/rpc/admin_service.h"

#include "server/rpc/convert.h"
#include "server/rpc/operation_call.h"

namespace kvd::rpc {
namespace {

constexpr int kAnnounced = 8;  // Calls per method at any time; others wait in gRPC.

using Service = pb::Admin::AsyncService;

template <typename Request, typename Response>
using AdminCall = OperationCall<Service, Request, Response>;

}  // namespace

void AdminService::Start() {
  for (int i = 0; i < kAnnounced; ++i) {
    AdminCall<pb::ChangeRequest, pb::PlanResponse>::New(
        {service_, &Service::RequestPlanChange, loop_}, &PlanFromProto, calls_);
    AdminCall<pb::ChangeRequest, pb::JobResponse>::New(
        {service_, &Service::RequestStartChange, loop_}, &StartFromProto, calls_);
    AdminCall<pb::AbortJobRequest, pb::JobResponse>::New(
        {service_, &Service::RequestAbortJob, loop_}, &FromProto, calls_);
    AdminCall<pb::ListJobsRequest, pb::ListJobsResponse>::New(
        {service_, &Service::RequestListJobs, loop_}, &FromProto, calls_);
    AdminCall<pb::ListGroupsRequest, pb::ListGroupsResponse>::New(
        {service_, &Service::RequestListGroups, loop_}, &FromProto, calls_);
  }
}

}  // namespace kvd::rpc
