#include "fake_admin.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "fake_status.h"
#include "kvd/v1/admin.grpc.pb.h"

namespace kvd::client {
namespace {

void Fill(const FakeAdmin::Job& job, v1::Job* out) {
  out->set_id(job.id);
  out->set_kind(static_cast<v1::JobKind>(job.kind));
  out->set_state(static_cast<v1::JobState>(job.state));
  for (const std::string& node : job.nodes) out->add_nodes(node);
  out->set_asked_by(job.asked_by);
  out->set_copies(job.copies);
  out->set_copies_left(job.copies_left);
  out->set_bytes_done(job.bytes_done);
  out->set_bytes_left(job.bytes_left);
  out->set_bytes_per_second(job.bytes_per_second);
  out->set_age_ms(job.age_ms);
  if (job.left_ms) out->set_left_ms(*job.left_ms);
  out->set_reason(job.reason);
}

void FillPlan(v1::PlanResponse* plan) {
  for (const char* name : {"n1", "n2", "n3"}) {
    auto* transfer = plan->add_transfers();
    transfer->set_from(name);
    transfer->set_to("n4");
    transfer->set_copies(64);
    transfer->set_bytes(uint64_t{512} << 20U);
    auto* share = plan->add_before();
    share->set_node(name);
    share->set_replicas(256);
    share->set_owned(85);
  }
  for (const char* name : {"n1", "n2", "n3", "n4"}) {
    auto* share = plan->add_after();
    share->set_node(name);
    share->set_replicas(192);
    share->set_owned(64);
  }
  plan->set_copies(192);
  plan->set_minimum_copies(192);
  plan->set_bytes(uint64_t{1536} << 20U);
  plan->set_time_ms(96'000);
  plan->set_fullest_before(1000);
  plan->set_fullest_after(1000);
  plan->set_replication_before(3);
  plan->set_replication_after(3);
}

// One after the other, the last one from then on.
template <typename T>
T Next(std::vector<T>& script) {
  if (script.empty()) return {};
  T next = script.front();
  if (script.size() > 1) script.erase(script.begin());
  return next;
}

void FillGroup(uint32_t partition, v1::Group* group) {
  group->set_partition(partition);
  group->set_owner("n1");
  group->set_bytes(4096);
  group->set_keys(12);
  group->set_reason("n2 is silent");
  v1::Group::Copy& voter = *group->add_copies();
  voter.set_node("n1");
  voter.set_role(v1::Group::ROLE_VOTER);
  voter.set_active(true);
  v1::Group::Copy& missing = *group->add_copies();
  missing.set_node("n2");
  missing.set_role(v1::Group::ROLE_MISSING);
  missing.set_wished(true);
}

}  // namespace

class FakeAdmin::Service final : public v1::Admin::Service {
 public:
  grpc::Status PlanChange(grpc::ServerContext* /*context*/, const v1::ChangeRequest* request,
                          v1::PlanResponse* response) override {
    if (auto refused = Arrived("PlanChange", *request)) return *refused;
    const std::lock_guard lock(mu);
    if (!plans_nothing) FillPlan(response);
    return grpc::Status::OK;
  }

  grpc::Status StartChange(grpc::ServerContext* /*context*/, const v1::ChangeRequest* request,
                           v1::JobResponse* response) override {
    if (auto refused = Arrived("StartChange", *request)) return *refused;
    const std::lock_guard lock(mu);
    Fill(Next(starts), response->mutable_job());
    return grpc::Status::OK;
  }

  grpc::Status AbortJob(grpc::ServerContext* /*context*/, const v1::AbortJobRequest* request,
                        v1::JobResponse* response) override {
    if (auto refused = Arrived("AbortJob", *request)) return *refused;
    const std::lock_guard lock(mu);
    Fill(Next(starts), response->mutable_job());
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext* /*context*/, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    if (auto refused = Arrived("ListJobs", *request)) return *refused;
    const std::lock_guard lock(mu);
    for (const Job& job : Next(lists)) {
      if (request->job() == 0 || request->job() == job.id) Fill(job, response->add_jobs());
    }
    if (request->job() == 0 || response->jobs_size() > 0) return grpc::Status::OK;
    return ToStatus({.reason = Reason::kNotFound,
                     .message = "there is no job " + std::to_string(request->job())});
  }

  grpc::Status ListGroups(grpc::ServerContext* /*context*/, const v1::ListGroupsRequest* request,
                          v1::ListGroupsResponse* response) override {
    if (auto refused = Arrived("ListGroups", *request)) return *refused;
    const std::lock_guard lock(mu);
    const auto moving = request->has_partition() ? std::vector{request->partition()} : moved;
    for (const uint32_t partition : moving) FillGroup(partition, response->add_groups());
    return grpc::Status::OK;
  }

  std::mutex mu;
  std::vector<uint32_t> moved;
  bool plans_nothing = false;
  std::vector<Job> starts;
  std::vector<std::vector<Job>> lists;
  std::optional<grpc::Status> refusal;
  int refusals_left = 0;
  std::vector<std::string> asked;
  std::string asker;

 private:
  // Who asks differs from machine to machine, and is remembered by itself.
  std::string Shown(v1::ChangeRequest request) {
    asker = request.asked_by();
    request.clear_asked_by();
    return request.ShortDebugString();
  }
  template <typename Request>
  static std::string Shown(const Request& request) {
    return request.ShortDebugString();
  }

  template <typename Request>
  std::optional<grpc::Status> Arrived(const std::string& call, const Request& request) {
    const std::lock_guard lock(mu);
    const std::string text = Shown(request);
    asked.push_back(text.empty() ? call : call + " " + text);
    if (refusals_left == 0) return std::nullopt;
    --refusals_left;  // Below zero: for ever.
    return refusal;
  }
};

FakeAdmin::FakeAdmin() : service_(std::make_unique<Service>()) {}
FakeAdmin::~FakeAdmin() = default;

void FakeAdmin::PlanNothing() {
  const std::lock_guard lock(service_->mu);
  service_->plans_nothing = true;
}

void FakeAdmin::Move(std::vector<uint32_t> partitions) {
  const std::lock_guard lock(service_->mu);
  service_->moved = std::move(partitions);
}

void FakeAdmin::Start(std::vector<Job> jobs) {
  const std::lock_guard lock(service_->mu);
  service_->starts = std::move(jobs);
}

void FakeAdmin::List(std::vector<std::vector<Job>> lists) {
  const std::lock_guard lock(service_->mu);
  service_->lists = std::move(lists);
}

void FakeAdmin::Refuse(const Refusal& refusal) {
  RefuseNext(-1, refusal);
}

void FakeAdmin::RefuseNext(int times, const Refusal& refusal) {
  const std::lock_guard lock(service_->mu);
  service_->refusal = ToStatus(refusal);
  service_->refusals_left = times;
}

std::vector<std::string> FakeAdmin::asked() const {
  const std::lock_guard lock(service_->mu);
  return service_->asked;
}

std::string FakeAdmin::asker() const {
  const std::lock_guard lock(service_->mu);
  return service_->asker;
}

grpc::Service* FakeAdmin::service() {
  return service_.get();
}

}  // namespace kvd::client
