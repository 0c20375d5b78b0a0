// What Node shows of itself and of the cluster.

#include "server/node/view.h"

#include <algorithm>
#include <utility>

#include "server/node/node.h"

namespace kvd::node {
namespace {

// Before founding the cluster file is all there is to show.
std::vector<NodeView> ListedNodes(const topology::Founding::Options& founding) {
  std::vector<NodeView> nodes = {{.card = founding.self}};
  for (const auto& peer : founding.peers) {
    nodes.push_back({
        .card = {.name = peer.name,
                 .uuid = {},
                 .address = {},
                 .peer_address = peer.peer_address,
                 .zone = {}},

    });
  }
  std::ranges::sort(nodes, {}, [](const NodeView& node) { return node.card.name; });
  return nodes;
}

uint32_t PositionOf(const topology::Topology& topology, NodeId id) {
  return static_cast<uint32_t>(topology.Find(id) - topology.members.data());
}

}  // namespace

void Merge(ClusterView& first, const ClusterView& other) {
  if (other.epoch != first.epoch) return;
  for (size_t i = 0; i < first.nodes.size(); ++i) {
    NodeView& to = first.nodes[i];
    const NodeView& from = other.nodes[i];
    to.owned += from.owned;
    // Of other nodes the first shard was told by all of theirs.
    const bool is_self = to.card.uuid == first.self.uuid;
    if (is_self && to.load && from.load) to.load->keys += from.load->keys;
  }
  first.leaderless += other.leaderless;
}

void Merge(RingView& first, const RingView& other, const Shard& of) {
  Merge(first.cluster, other.cluster);
  if (other.cluster.epoch != first.cluster.epoch) return;
  for (uint32_t p = 0; p < first.partitions.size(); ++p) {
    if (of.Holds(PartitionId{p})) first.partitions[p] = other.partitions[p];
  }
}

void Node::CountReplicas(std::vector<NodeView>& nodes) const {
  const topology::Topology& topology = *founding_.topology();
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    for (const topology::Replica& replica : topology.ring[p]) {
      nodes[PositionOf(topology, replica.node)].replicas += 1;
    }
    if (!options_.shard.Holds(PartitionId{p})) continue;
    const auto hint = HintFor(PartitionId{p});
    const NodeId preferred = topology.ring[p].front().node;
    const bool is_known = hint && topology.Find(hint->node) != nullptr;
    const NodeId owner = is_known ? hint->node : preferred;
    nodes[PositionOf(topology, owner)].owned += 1;
  }
}

ClusterView Node::ViewCluster(Instant now) const {
  const topology::Topology* topology = founding_.topology();
  ClusterView view{.cluster = options_.founding.terms.name,
                   .cluster_id = founding_.binding().cluster_id,
                   .partitions = options_.founding.terms.partitions,
                   .replication_wished = options_.founding.terms.replication,
                   .self = options_.founding.self,
                   .nodes = {},
                   .waiting_for = founding_.WaitingFor()};
  if (topology == nullptr) {
    view.nodes = ListedNodes(options_.founding);
    return view;
  }
  view.cluster_id = topology->cluster_id;
  view.epoch = topology->epoch;
  view.copies = topology->copies;
  view.halted = system_halted_;
  for (const topology::Member& member : topology->members) {
    NodeView node{.card = member.card};
    if (member.id == self_) {
      node.state = draining_ ? NodeState::kDraining : NodeState::kUp;
      node.load = MakeLoad(now);
    } else {
      peers_->Describe(member.id, now, node);
    }
    view.nodes.push_back(std::move(node));
  }
  CountReplicas(view.nodes);
  view.leaderless = replicas_->CountLeaderless([this](NodeId id) { return IsReachable(id); });
  return view;
}

Counts Node::CountsAt(Instant now) const {
  Counts counts = counts_;
  if (!peers_) return counts;
  counts.groups = replicas_->counts();
  counts.led = replicas_->CountLed();
  counts.late = peers_->Late(now);
  return counts;
}

std::optional<RingView> Node::ViewRing(Instant now) const {
  const topology::Topology* topology = founding_.topology();
  if (topology == nullptr) return std::nullopt;
  const auto is_alive = [this](NodeId id) { return IsReachable(id); };
  RingView view{.cluster = ViewCluster(now), .partitions = {}};
  for (uint32_t p = 0; p < topology->partitions(); ++p) {
    PartitionView partition;
    for (const topology::Replica& replica : topology->ring[p]) {
      partition.replicas.push_back(PositionOf(*topology, replica.node));
    }
    partition.owner = partition.replicas.front();
    const auto hint = HintFor(PartitionId{p});
    if (hint && topology->Find(hint->node) != nullptr) {
      partition.owner = PositionOf(*topology, hint->node);
      partition.term = hint->term;
    }
    partition.leaderless = replicas_->IsLeaderless(PartitionId{p}, is_alive);
    const auto waiters = waiters_.find(PartitionId{p});
    if (waiters != waiters_.end()) partition.base = waiters->second.applied;
    view.partitions.push_back(std::move(partition));
  }
  return view;
}

}  // namespace kvd::node
