#include "client/from_proto.h"

#include <algorithm>
#include <bit>
#include <chrono>

#include "kvd/v1/admin.pb.h"
#include "kvd/v1/cluster.pb.h"
#include "kvd/v1/kv.pb.h"

namespace kvd::client {
namespace {

using std::chrono::milliseconds;

NodeState StateOf(v1::NodeState state) {
  switch (state) {
    case v1::NODE_STATE_UP:
      return NodeState::kUp;
    case v1::NODE_STATE_SUSPECT:
      return NodeState::kSuspect;
    case v1::NODE_STATE_DOWN:
      return NodeState::kDown;
    case v1::NODE_STATE_JOINING:
      return NodeState::kJoining;
    case v1::NODE_STATE_DRAINING:
      return NodeState::kDraining;
    default:
      return NodeState::kUnknown;
  }
}

Duration FromMilliseconds(uint64_t count) {
  // A thousand years: keeps nonsense from overflowing.
  constexpr uint64_t kMost = 1000ULL * 365 * 24 * 3600 * 1000 / 4;
  return milliseconds(static_cast<int64_t>(std::min(count, kMost)));
}

NodeStatus FromProto(const v1::NodeStatus& node) {
  NodeStatus status{
      .name = node.name(),
      .uuid = Uuid::FromBytes(node.uuid()),
      .address = node.address(),
      .peer_address = node.peer_address(),
      .zone = node.zone(),
      .state = StateOf(node.state()),
      .silent = FromMilliseconds(node.silent_ms()),
      .silent_reason = node.silent_reason(),
      .owned = node.owned(),
      .replicas = node.replicas(),
      .load = std::nullopt,
      .behind = std::nullopt,
  };
  if (node.has_behind()) status.behind = node.behind();
  if (node.has_load()) {
    status.load = NodeLoad{.keys = node.load().keys(),
                           .disk_bytes = node.load().disk_bytes(),
                           .uptime = FromMilliseconds(node.load().uptime_ms()),
                           .version = node.load().version()};
  }
  return status;
}

std::optional<RingPartition> FromProto(const v1::RingPartition& partition, uint32_t nodes) {
  if (partition.owner() >= nodes) return std::nullopt;
  RingPartition result{.replicas = {},
                       .owner = partition.owner(),
                       .term = partition.term(),
                       .base = partition.base(),
                       .leaderless = partition.leaderless()};
  for (const uint32_t replica : partition.replicas()) {
    if (replica >= nodes) return std::nullopt;
    result.replicas.push_back(replica);
  }
  return result;
}

JobKind KindOf(v1::JobKind kind) {
  switch (kind) {
    case v1::JOB_KIND_JOIN:
      return JobKind::kJoin;
    case v1::JOB_KIND_LEAVE:
      return JobKind::kLeave;
    case v1::JOB_KIND_REMOVE:
      return JobKind::kRemove;
    case v1::JOB_KIND_REPLACE:
      return JobKind::kReplace;
    case v1::JOB_KIND_REBALANCE:
      return JobKind::kRebalance;
    default:
      return JobKind::kUnknown;
  }
}

JobState StateOf(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_RUNNING:
      return JobState::kRunning;
    case v1::JOB_STATE_WAITING:
      return JobState::kWaiting;
    case v1::JOB_STATE_ABORTING:
      return JobState::kAborting;
    case v1::JOB_STATE_DONE:
      return JobState::kDone;
    case v1::JOB_STATE_ABORTED:
      return JobState::kAborted;
    default:
      return JobState::kUnknown;
  }
}

Group::Role RoleOf(v1::Group::Role role) {
  switch (role) {
    case v1::Group::ROLE_VOTER:
      return Group::Role::kVoter;
    case v1::Group::ROLE_LEARNER:
      return Group::Role::kLearner;
    case v1::Group::ROLE_MISSING:
      return Group::Role::kMissing;
    default:
      return Group::Role::kUnknown;
  }
}

Group FromProto(const v1::Group& message) {
  Group group{.partition = PartitionId{message.partition()},
              .owner = message.owner(),
              .copies = {},
              .bytes = message.bytes(),
              .keys = message.keys(),
              .reason = message.reason()};
  for (const v1::Group::Copy& copy : message.copies()) {
    group.copies.push_back({.node = copy.node(),
                            .role = RoleOf(copy.role()),
                            .wished = copy.wished(),
                            .active = copy.active(),
                            .behind = copy.behind()});
  }
  return group;
}

std::optional<Job> FromProto(const v1::Job& message) {
  Job job{.id = message.id(),
          .kind = KindOf(message.kind()),
          .state = StateOf(message.state()),
          .nodes = {message.nodes().begin(), message.nodes().end()},
          .asked_by = message.asked_by(),
          .copies = message.copies(),
          .copies_left = message.copies_left(),
          .bytes_done = message.bytes_done(),
          .bytes_left = message.bytes_left(),
          .bytes_per_second = message.bytes_per_second(),
          .age = FromMilliseconds(message.age_ms()),
          .left = std::nullopt,
          .reason = message.reason()};
  if (message.has_left_ms()) job.left = FromMilliseconds(message.left_ms());
  if (std::ranges::find(job.nodes, "") != job.nodes.end()) return std::nullopt;
  return job;
}

std::optional<Plan::Transfer> FromProto(const v1::PlanResponse::Transfer& transfer) {
  if (transfer.to().empty() || transfer.to() == transfer.from()) return std::nullopt;
  return Plan::Transfer{.from = transfer.from(),
                        .to = transfer.to(),
                        .copies = transfer.copies(),
                        .bytes = transfer.bytes()};
}

std::optional<Plan::Exposure> FromProto(const v1::PlanResponse::Exposure& message) {
  using Of = Plan::Exposure::Of;
  Plan::Exposure exposure{
      .of = Of::kUnknown, .name = {}, .lost = message.lost(), .stopped = message.stopped()};
  if (message.has_node()) exposure.of = Of::kNode;
  if (message.has_zone()) exposure.of = Of::kZone;
  exposure.name = message.has_node() ? message.node() : message.zone();
  if (exposure.lost > exposure.stopped) return std::nullopt;
  return exposure;
}

// One side of a plan: its shares and its exposures.
std::optional<Plan::Side> FromProto(
    const google::protobuf::RepeatedPtrField<v1::PlanResponse::Share>& shares,
    const google::protobuf::RepeatedPtrField<v1::PlanResponse::Exposure>& exposures) {
  Plan::Side side;
  for (const auto& share : shares) {
    if (share.node().empty()) return std::nullopt;
    side.shares.push_back({.node = share.node(),
                           .zone = share.zone(),
                           .replicas = share.replicas(),
                           .owned = share.owned()});
  }
  for (const auto& message : exposures) {
    auto exposure = FromProto(message);
    if (!exposure) return std::nullopt;
    side.exposures.push_back(*std::move(exposure));
  }
  return side;
}

}  // namespace

Served FromProto(const v1::Served& served) {
  return {.partition = PartitionId{served.partition()},
          .owner = served.owner(),
          .hops = served.hops(),
          .endpoint = {},
          .took = {}};
}

ClusterStatus FromProto(const v1::GetStatusResponse& response) {
  ClusterStatus status{
      .cluster = response.cluster(),
      .epoch = Epoch{response.epoch()},
      .partitions = response.partitions(),
      .replication = response.replication(),
      .replication_wished = response.replication_wished(),
      .answered_by = response.answered_by(),
      .nodes = {},
      .waiting_for = response.waiting_for(),
      .leaderless = response.leaderless(),
      .halted = response.halted(),
      .endpoint = {},
  };
  for (const auto& node : response.nodes()) status.nodes.push_back(FromProto(node));
  return status;
}

PingAnswer FromProto(const v1::PingResponse& response) {
  return {
      .cluster = response.cluster(),
      .node = response.node(),
      .cluster_id = Uuid::FromBytes(response.cluster_id()),
      .node_uuid = Uuid::FromBytes(response.node_uuid()).value_or(Uuid{}),
      .version = response.version(),
      .feature_level = response.feature_level(),
      .endpoint = {},
      .took = {},
  };
}

std::optional<Ring> FromProto(const v1::GetRingResponse& response) {
  if (!std::has_single_bit(static_cast<unsigned>(response.partitions_size()))) return std::nullopt;
  Ring ring{.cluster = response.cluster(),
            .epoch = Epoch{response.epoch()},
            .replication = response.replication(),
            .nodes = {},
            .partitions = {},
            .endpoint = {}};
  for (const auto& node : response.nodes()) {
    ring.nodes.push_back({.name = node.name(),
                          .address = node.address(),
                          .zone = node.zone(),
                          .state = StateOf(node.state()),
                          .silent = FromMilliseconds(node.silent_ms())});
  }
  const auto nodes = static_cast<uint32_t>(response.nodes_size());
  for (const auto& message : response.partitions()) {
    auto partition = FromProto(message, nodes);
    if (!partition) return std::nullopt;
    ring.partitions.push_back(*std::move(partition));
  }
  return ring;
}

std::optional<Plan> FromProto(const v1::PlanResponse& response) {
  auto before = FromProto(response.before(), response.exposures_before());
  auto after = FromProto(response.after(), response.exposures_after());
  if (!before || !after) return std::nullopt;
  Plan plan{.transfers = {},
            .copies = response.copies(),
            .minimum_copies = response.minimum_copies(),
            .bytes = response.bytes(),
            .time = FromMilliseconds(response.time_ms()),
            .before = *std::move(before),
            .after = *std::move(after)};
  plan.before.fullest = response.fullest_before();
  plan.before.replication = response.replication_before();
  plan.after.fullest = response.fullest_after();
  plan.after.replication = response.replication_after();
  for (const auto& message : response.transfers()) {
    auto transfer = FromProto(message);
    if (!transfer) return std::nullopt;
    plan.transfers.push_back(*std::move(transfer));
  }
  return plan;
}

std::optional<Job> FromProto(const v1::JobResponse& response) {
  return response.has_job() ? FromProto(response.job()) : std::nullopt;
}

std::optional<std::vector<Job>> FromProto(const v1::ListJobsResponse& response) {
  std::vector<Job> jobs;
  for (const auto& message : response.jobs()) {
    auto job = FromProto(message);
    if (!job) return std::nullopt;
    jobs.push_back(*std::move(job));
  }
  return jobs;
}

std::vector<Group> FromProto(const v1::ListGroupsResponse& response) {
  std::vector<Group> groups;
  for (const v1::Group& group : response.groups()) groups.push_back(FromProto(group));
  return groups;
}

}  // namespace kvd::client
