#include "client/from_proto.h"

#include <bit>
#include <chrono>

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

}  // namespace kvd::client
