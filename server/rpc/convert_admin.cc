// What operators ask and are told, as protocol buffers: the same to clients and between nodes.

#include <utility>

#include "common/check.h"
#include "server/rpc/convert_frame.h"

namespace kvd::rpc {
namespace {

using node::PlanView;

std::optional<node::Change> ReadChange(const pb::ChangeRequest& in) {
  switch (in.change_case()) {
    case pb::ChangeRequest::kJoin:
      return node::JoinNode{.node = in.join().node(), .zone = in.join().zone()};
    case pb::ChangeRequest::kLeave:
      return node::LeaveNode{.node = in.leave().node(),
                             .accept_fewer_copies = in.leave().accept_fewer_copies()};
    case pb::ChangeRequest::kRemove:
      return node::RemoveNode{.node = in.remove().node(),
                              .accept_fewer_copies = in.remove().accept_fewer_copies()};
    case pb::ChangeRequest::kReplace:
      return node::ReplaceNode{
          .node = in.replace().node(), .by = in.replace().by(), .zone = in.replace().zone()};
    case pb::ChangeRequest::kRebalance:
      return node::Rebalance{};
    case pb::ChangeRequest::CHANGE_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

struct WriteChange {
  pb::ChangeRequest& out;

  void operator()(const node::JoinNode& join) const {
    out.mutable_join()->set_node(join.node);
    out.mutable_join()->set_zone(join.zone);
  }
  void operator()(const node::LeaveNode& leave) const {
    out.mutable_leave()->set_node(leave.node);
    out.mutable_leave()->set_accept_fewer_copies(leave.accept_fewer_copies);
  }
  void operator()(const node::RemoveNode& remove) const {
    out.mutable_remove()->set_node(remove.node);
    out.mutable_remove()->set_accept_fewer_copies(remove.accept_fewer_copies);
  }
  void operator()(const node::ReplaceNode& replace) const {
    out.mutable_replace()->set_node(replace.node);
    out.mutable_replace()->set_by(replace.by);
    out.mutable_replace()->set_zone(replace.zone);
  }
  void operator()(const node::Rebalance&) const { out.mutable_rebalance(); }
};

struct WriteRequest {
  peer_pb::Forward::Administer& out;

  void operator()(const node::ListJobs& list) const {
    out.mutable_list()->set_job(list.job ? list.job->value : 0);
  }
  void operator()(const node::PlanChange& plan) const {
    std::visit(WriteChange{*out.mutable_plan()}, plan.change);
  }
  void operator()(const node::StartChange& start) const {
    std::visit(WriteChange{*out.mutable_start()}, start.change);
    out.mutable_start()->set_asked_by(start.asked_by);
  }
  void operator()(const node::AbortJob& abort) const {
    out.mutable_abort()->set_job(abort.job.value);
  }
  void operator()(const node::ListGroups& list) const {
    out.mutable_groups();
    if (list.partition) out.mutable_groups()->set_partition(list.partition->value);
  }
};

node::ListJobs ReadList(const pb::ListJobsRequest& in) {
  if (in.job() == 0) return {};
  return {.job = topology::JobId{in.job()}};
}

node::ListGroups ReadList(const pb::ListGroupsRequest& in) {
  if (!in.has_partition()) return {};
  return {.partition = PartitionId{in.partition()}};
}

Asked NoChange() {
  return Refusal{.reason = Reason::kBadRequest,
                 .message = "the request has no change that this node knows",
                 .metadata = {{"field", "change"}}};
}

node::Operation OperationOf(node::Administer asked) {
  return {.key = {}, .action = std::move(asked)};
}

// Kinds, stages: a number on the wire is the enumerator's. nullopt: it is none.
std::optional<topology::JobKind> ReadKind(pb::JobKind in) {
  if (in < pb::JOB_KIND_JOIN || in > pb::JOB_KIND_REBALANCE) return std::nullopt;
  return static_cast<topology::JobKind>(in);
}
static_assert(static_cast<int>(topology::JobKind::kJoin) == pb::JOB_KIND_JOIN);
static_assert(static_cast<int>(topology::JobKind::kLeave) == pb::JOB_KIND_LEAVE);
static_assert(static_cast<int>(topology::JobKind::kRemove) == pb::JOB_KIND_REMOVE);
static_assert(static_cast<int>(topology::JobKind::kReplace) == pb::JOB_KIND_REPLACE);
static_assert(static_cast<int>(topology::JobKind::kRebalance) == pb::JOB_KIND_REBALANCE);

std::optional<node::JobStage> ReadStage(pb::JobState in) {
  if (in < pb::JOB_STATE_RUNNING || in > pb::JOB_STATE_ABORTED) return std::nullopt;
  return static_cast<node::JobStage>(in);
}
static_assert(static_cast<int>(node::JobStage::kRunning) == pb::JOB_STATE_RUNNING);
static_assert(static_cast<int>(node::JobStage::kWaiting) == pb::JOB_STATE_WAITING);
static_assert(static_cast<int>(node::JobStage::kAborting) == pb::JOB_STATE_ABORTING);
static_assert(static_cast<int>(node::JobStage::kDone) == pb::JOB_STATE_DONE);
static_assert(static_cast<int>(node::JobStage::kAborted) == pb::JOB_STATE_ABORTED);

std::optional<node::CopyRole> ReadRole(pb::Group::Role in) {
  if (in < pb::Group::ROLE_VOTER || in > pb::Group::ROLE_MISSING) return std::nullopt;
  return static_cast<node::CopyRole>(in);
}
static_assert(static_cast<int>(node::CopyRole::kVoter) == pb::Group::ROLE_VOTER);
static_assert(static_cast<int>(node::CopyRole::kLearner) == pb::Group::ROLE_LEARNER);
static_assert(static_cast<int>(node::CopyRole::kMissing) == pb::Group::ROLE_MISSING);

std::optional<node::GroupView> ReadGroup(const pb::Group& in) {
  node::GroupView out{.partition = PartitionId{in.partition()},
                      .owner = in.owner(),
                      .bytes = in.bytes(),
                      .keys = in.keys(),
                      .reason = in.reason()};
  for (const pb::Group::Copy& copy : in.copies()) {
    const auto role = ReadRole(copy.role());
    if (!role) return std::nullopt;
    out.copies.push_back({.node = copy.node(),
                          .role = *role,
                          .wished = copy.wished(),
                          .active = copy.active(),
                          .behind = copy.behind()});
  }
  return out;
}

void WriteGroup(const node::GroupView& in, pb::Group& out) {
  out.set_partition(in.partition.value);
  out.set_owner(in.owner);
  out.set_bytes(in.bytes);
  out.set_keys(in.keys);
  out.set_reason(in.reason);
  for (const node::GroupView::Copy& copy : in.copies) {
    pb::Group::Copy& written = *out.add_copies();
    written.set_node(copy.node);
    written.set_role(static_cast<pb::Group::Role>(copy.role));
    written.set_wished(copy.wished);
    written.set_active(copy.active);
    written.set_behind(copy.behind);
  }
}

std::optional<node::JobView> ReadJob(const pb::Job& in) {
  const auto kind = ReadKind(in.kind());
  const auto stage = ReadStage(in.state());
  if (!kind || !stage) return std::nullopt;
  node::JobView out{.id = topology::JobId{in.id()},
                    .kind = *kind,
                    .stage = *stage,
                    .nodes = {in.nodes().begin(), in.nodes().end()},
                    .asked_by = in.asked_by(),
                    .copies = in.copies(),
                    .copies_left = in.copies_left(),
                    .bytes_done = in.bytes_done(),
                    .bytes_left = in.bytes_left(),
                    .bytes_per_second = in.bytes_per_second(),
                    .age = FromMilliseconds(in.age_ms()),
                    .reason = in.reason()};
  if (in.has_left_ms()) out.left = FromMilliseconds(in.left_ms());
  return out;
}

void WriteJob(const node::JobView& in, pb::Job& out) {
  out.set_id(in.id.value);
  out.set_kind(static_cast<pb::JobKind>(in.kind));
  out.set_state(static_cast<pb::JobState>(in.stage));
  for (const std::string& node : in.nodes) out.add_nodes(node);
  out.set_asked_by(in.asked_by);
  out.set_copies(in.copies);
  out.set_copies_left(in.copies_left);
  out.set_bytes_done(in.bytes_done);
  out.set_bytes_left(in.bytes_left);
  out.set_bytes_per_second(in.bytes_per_second);
  out.set_age_ms(Milliseconds(in.age));
  if (in.left) out.set_left_ms(Milliseconds(*in.left));
  out.set_reason(in.reason);
}

template <typename Shares, typename Exposures>
PlanView::Side ReadSide(const Shares& shares, uint32_t fullest, const Exposures& exposures,
                        uint32_t copies) {
  PlanView::Side side{.fullest = fullest, .copies = copies};
  for (const auto& share : shares) {
    side.shares.push_back({.node = share.node(),
                           .zone = share.zone(),
                           .replicas = share.replicas(),
                           .owned = share.owned()});
  }
  for (const auto& exposure : exposures) {
    side.failures.push_back({.name = exposure.has_zone() ? exposure.zone() : exposure.node(),
                             .is_zone = exposure.has_zone(),
                             .lost = exposure.lost(),
                             .stopped = exposure.stopped()});
  }
  return side;
}

template <typename Shares, typename Exposures>
void WriteSide(const PlanView::Side& side, Shares& shares, Exposures& exposures) {
  for (const PlanView::Share& share : side.shares) {
    auto& out = *shares.Add();
    out.set_node(share.node);
    out.set_zone(share.zone);
    out.set_replicas(share.replicas);
    out.set_owned(share.owned);
  }
  for (const PlanView::Failure& failure : side.failures) {
    auto& out = *exposures.Add();
    failure.is_zone ? out.set_zone(failure.name) : out.set_node(failure.name);
    out.set_lost(failure.lost);
    out.set_stopped(failure.stopped);
  }
}

}  // namespace

Asked PlanFromProto(pb::ChangeRequest& in) {
  auto change = ReadChange(in);
  if (!change) return NoChange();
  return OperationOf({.request = node::PlanChange{*std::move(change)}});
}

Asked StartFromProto(pb::ChangeRequest& in) {
  auto change = ReadChange(in);
  if (!change) return NoChange();
  return OperationOf({.request = node::StartChange{*std::move(change), in.asked_by()}});
}

Asked FromProto(pb::AbortJobRequest& in) {
  return OperationOf({.request = node::AbortJob{topology::JobId{in.job()}}});
}

Asked FromProto(pb::ListJobsRequest& in) {
  return OperationOf({.request = ReadList(in)});
}

Asked FromProto(pb::ListGroupsRequest& in) {
  return OperationOf({.request = ReadList(in)});
}

void ToProto(node::Answer answer, pb::ListGroupsResponse& out) {
  WriteAdmin(std::get<node::Groups>(answer.result), out);
}

void ToProto(node::Answer answer, pb::PlanResponse& out) {
  WriteAdmin(std::get<PlanView>(answer.result), out);
}

void ToProto(node::Answer answer, pb::JobResponse& out) {
  const auto& jobs = std::get<node::Jobs>(answer.result).jobs;
  KVD_CHECK_OP(==, jobs.size(), size_t{1});
  WriteJob(jobs.front(), *out.mutable_job());
}

void ToProto(node::Answer answer, pb::ListJobsResponse& out) {
  WriteAdmin(std::get<node::Jobs>(answer.result), out);
}

std::optional<node::Administer> ReadAdmin(const peer_pb::Forward::Administer& in) {
  using Case = peer_pb::Forward::Administer;
  switch (in.request_case()) {
    case Case::kPlan:
      if (auto change = ReadChange(in.plan())) {
        return node::Administer{node::PlanChange{*std::move(change)}};
      }
      return std::nullopt;
    case Case::kStart:
      if (auto change = ReadChange(in.start())) {
        return node::Administer{node::StartChange{*std::move(change), in.start().asked_by()}};
      }
      return std::nullopt;
    case Case::kAbort:
      return node::Administer{node::AbortJob{topology::JobId{in.abort().job()}}};
    case Case::kList:
      return node::Administer{ReadList(in.list())};
    case Case::kGroups:
      return node::Administer{ReadList(in.groups())};
    case Case::REQUEST_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

void WriteAdmin(const node::Administer& in, peer_pb::Forward::Administer& out) {
  std::visit(WriteRequest{out}, in.request);
}

PlanView ReadAdmin(const pb::PlanResponse& in) {
  PlanView out{.copies = in.copies(),
               .minimum_copies = in.minimum_copies(),
               .bytes = in.bytes(),
               .time = FromMilliseconds(in.time_ms()),
               .before = ReadSide(in.before(), in.fullest_before(), in.exposures_before(),
                                  in.replication_before()),
               .after = ReadSide(in.after(), in.fullest_after(), in.exposures_after(),
                                 in.replication_after())};
  for (const auto& transfer : in.transfers()) {
    out.transfers.push_back({.from = transfer.from(),
                             .to = transfer.to(),
                             .copies = transfer.copies(),
                             .bytes = transfer.bytes()});
  }
  return out;
}

void WriteAdmin(const PlanView& in, pb::PlanResponse& out) {
  for (const PlanView::Transfer& transfer : in.transfers) {
    auto& written = *out.add_transfers();
    written.set_from(transfer.from);
    written.set_to(transfer.to);
    written.set_copies(transfer.copies);
    written.set_bytes(transfer.bytes);
  }
  out.set_copies(in.copies);
  out.set_minimum_copies(in.minimum_copies);
  out.set_bytes(in.bytes);
  out.set_time_ms(Milliseconds(in.time));
  out.set_fullest_before(in.before.fullest);
  out.set_fullest_after(in.after.fullest);
  out.set_replication_before(in.before.copies);
  out.set_replication_after(in.after.copies);
  WriteSide(in.before, *out.mutable_before(), *out.mutable_exposures_before());
  WriteSide(in.after, *out.mutable_after(), *out.mutable_exposures_after());
}

std::optional<node::Jobs> ReadAdmin(const pb::ListJobsResponse& in) {
  node::Jobs out;
  for (const pb::Job& job : in.jobs()) {
    auto read = ReadJob(job);
    if (!read) return std::nullopt;
    out.jobs.push_back(*std::move(read));
  }
  return out;
}

void WriteAdmin(const node::Jobs& in, pb::ListJobsResponse& out) {
  for (const node::JobView& job : in.jobs) WriteJob(job, *out.add_jobs());
}

std::optional<node::Groups> ReadAdmin(const pb::ListGroupsResponse& in) {
  node::Groups out;
  for (const pb::Group& group : in.groups()) {
    auto read = ReadGroup(group);
    if (!read) return std::nullopt;
    out.groups.push_back(*std::move(read));
  }
  return out;
}

void WriteAdmin(const node::Groups& in, pb::ListGroupsResponse& out) {
  for (const node::GroupView& group : in.groups) WriteGroup(group, *out.add_groups());
}

}  // namespace kvd::rpc
