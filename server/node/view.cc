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

void CountReplicas(const topology::Topology& topology, std::vector<NodeView>& nodes) {
  for (const auto& replicas : topology.ring) {
    for (size_t i = 0; i < replicas.size(); ++i) {
      const topology::Member* member = topology.Find(replicas[i].node);
      NodeView& node = nodes[static_cast<size_t>(member - topology.members.data())];
      node.replicas += 1;
      if (i == 0) node.owned += 1;
    }
  }
}

}  // namespace

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
  CountReplicas(*topology, view.nodes);
  return view;
}

std::optional<RingView> Node::ViewRing(Instant now) const {
  const topology::Topology* topology = founding_.topology();
  if (topology == nullptr) return std::nullopt;
  RingView view{.cluster = ViewCluster(now), .partitions = {}};
  for (uint32_t p = 0; p < topology->partitions(); ++p) {
    PartitionView partition;
    for (const topology::Replica& replica : topology->ring[p]) {
      partition.replicas.push_back(
          static_cast<uint32_t>(topology->Find(replica.node) - topology->members.data()));
    }
    partition.owner = partition.replicas.front();
    if (const auto owner = owners_.find(PartitionId{p}); owner != owners_.end()) {
      partition.term = owner->second.term();
      partition.base = owner->second.applied();
    }
    view.partitions.push_back(std::move(partition));
  }
  return view;
}

}  // namespace kvd::node
