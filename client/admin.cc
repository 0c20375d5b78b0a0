#include "client/admin.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "client/core.h"
#include "client/from_proto.h"
#include "common/bytes.h"
#include "config/units.h"

namespace kvd::client {
namespace {

constexpr size_t kMaxAskedByBytes = 128;

struct SetChange {
  v1::ChangeRequest& request;

  void operator()(const Join& join) const {
    request.mutable_join()->set_node(join.node);
    request.mutable_join()->set_zone(join.zone);
  }
  void operator()(const Leave& leave) const {
    request.mutable_leave()->set_node(leave.node);
    request.mutable_leave()->set_accept_fewer_copies(leave.accept_fewer_copies);
  }
  void operator()(const Remove& remove) const {
    request.mutable_remove()->set_node(remove.node);
    request.mutable_remove()->set_accept_fewer_copies(remove.accept_fewer_copies);
  }
  void operator()(const Replace& replace) const {
    request.mutable_replace()->set_node(replace.node);
    request.mutable_replace()->set_by(replace.by);
    request.mutable_replace()->set_zone(replace.zone);
  }
  void operator()(const Rebalance& /*rebalance*/) const { request.mutable_rebalance(); }
};

// Fails with kBadRequest for what protobuf cannot carry, or what can name no node.
Result<v1::ChangeRequest> ToProto(const Change& change, const std::string& asked_by) {
  for (const std::string& node : NodesOf(change)) {
    if (node.empty() || !IsUtf8(node)) {
      return BadRequest(fmt::format("{} is not the name of a node", config::InQuotes(node)));
    }
  }
  if (asked_by.size() > kMaxAskedByBytes || !IsUtf8(asked_by)) {
    return BadRequest(fmt::format("who asks is named by at most {} bytes of UTF-8, not by {}",
                                  kMaxAskedByBytes, config::InQuotes(asked_by)));
  }
  v1::ChangeRequest request;
  std::visit(SetChange{request}, change);
  request.set_asked_by(asked_by);
  return request;
}

std::optional<Error> BadJob(uint64_t job) {
  if (job != 0) return std::nullopt;
  return BadRequest("0 is no job; jobs are numbered from 1");
}

Result<Job> JobOf(const Result<Reply<v1::JobResponse>>& reply) {
  if (!reply.ok()) return reply.error();
  auto job = FromProto(reply->response);
  if (!job) return Nonsense("a job", reply->answered.endpoint);
  return *std::move(job);
}

}  // namespace

Admin::Admin(const Client& client) : core_(client.core_) {}

Result<Admin> Admin::Open(const Options& options) {
  const auto client = Client::Open(options);
  if (!client.ok()) return client.error();
  return Admin(*client);
}

Result<Plan> Admin::PlanChange(const Change& change, CallOptions options) const {
  const auto request = ToProto(change, /*asked_by=*/"");
  if (!request.ok()) return request.error();
  const auto reply =
      core_->Read<v1::PlanResponse>(*request, options.timeout, /*persistent=*/true,
                                    [](auto& at, auto* context, const auto& sent, auto* response) {
                                      return at.admin->PlanChange(context, sent, response);
                                    });
  if (!reply.ok()) return reply.error();
  auto plan = FromProto(reply->response);
  if (!plan) return Nonsense("a plan", reply->answered.endpoint);
  return *std::move(plan);
}

Result<Job> Admin::StartChange(const Change& change, const ChangeOptions& options) const {
  const auto request = ToProto(change, options.asked_by);
  if (!request.ok()) return request.error();
  return JobOf(
      core_->Read<v1::JobResponse>(*request, options.timeout, /*persistent=*/true,
                                   [](auto& at, auto* context, const auto& sent, auto* response) {
                                     return at.admin->StartChange(context, sent, response);
                                   }));
}

Result<Job> Admin::AbortJob(uint64_t job, CallOptions options) const {
  if (auto bad = BadJob(job)) return *std::move(bad);
  v1::AbortJobRequest request;
  request.set_job(job);
  return JobOf(
      core_->Read<v1::JobResponse>(request, options.timeout, /*persistent=*/true,
                                   [](auto& at, auto* context, const auto& sent, auto* response) {
                                     return at.admin->AbortJob(context, sent, response);
                                   }));
}

Result<std::vector<Job>> Admin::ListJobs(std::optional<uint64_t> job, CallOptions options) const {
  if (job) {
    if (auto bad = BadJob(*job)) return *std::move(bad);
  }
  v1::ListJobsRequest request;
  request.set_job(job.value_or(0));
  const auto reply = core_->Read<v1::ListJobsResponse>(
      request, options.timeout, /*persistent=*/true,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.admin->ListJobs(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  auto jobs = FromProto(reply->response);
  const bool fits = jobs && (!job || (jobs->size() == 1 && jobs->front().id == *job));
  if (!fits) return Nonsense("a list of jobs", reply->answered.endpoint);
  return *std::move(jobs);
}

Result<std::vector<Group>> Admin::ListGroups(std::optional<PartitionId> partition,
                                             CallOptions options) const {
  v1::ListGroupsRequest request;
  if (partition) request.set_partition(partition->value);
  const auto reply = core_->Read<v1::ListGroupsResponse>(
      request, options.timeout, /*persistent=*/true,
      [](auto& at, auto* context, const auto& sent, auto* response) {
        return at.admin->ListGroups(context, sent, response);
      });
  if (!reply.ok()) return reply.error();
  auto groups = FromProto(reply->response);
  const bool fits = !partition || (groups.size() == 1 && groups.front().partition == *partition);
  if (!fits) return Nonsense("a list of groups", reply->answered.endpoint);
  return groups;
}

}  // namespace kvd::client
