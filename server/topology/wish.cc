#include "server/topology/wish.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/check.h"
#include "server/ring/placement.h"

namespace kvd::topology {
namespace {

// One allotment: ids of replicas that stay, and numbers for those that come.
std::vector<Replica> Allot(std::span<const NodeId> nodes, const std::vector<Replica>& before,
                           ReplicaId& next) {
  std::vector<Replica> replicas;
  for (const NodeId node : nodes) {
    const auto same = std::ranges::find(before, node, &Replica::node);
    if (same != before.end()) {
      replicas.push_back(*same);
      continue;
    }
    replicas.push_back({next, node});
    ++next.value;
  }
  return replicas;
}

}  // namespace

std::vector<ring::Member> Placeable(const Topology& topology) {
  std::vector<ring::Member> members;
  for (const Member& member : topology.members) {
    if (member.TakesCopies()) members.push_back({member.id, member.card.zone});
  }
  return members;
}

ring::Ring RingOf(const Topology& topology) {
  std::vector<std::vector<NodeId>> lists(topology.ring.size());
  for (size_t p = 0; p < lists.size(); ++p) {
    for (const Replica& replica : topology.ring[p]) lists[p].push_back(replica.node);
  }
  StatusOr<ring::Ring> ring = ring::Ring::FromLists(lists);
  KVD_CHECK(ring.ok(), Message(ring.status()));
  return *std::move(ring);
}

Topology WithWishedRing(Topology topology) {
  const std::vector<ring::Member> members = Placeable(topology);
  const auto most = static_cast<uint32_t>(members.size());
  const uint32_t copies = std::min(topology.replication_wished, most);
  const bool is_new = topology.ring.front().empty();
  const ring::Ring ring = is_new ? ring::Place(members, topology.partitions(), copies)
                                 : ring::Rebalance(RingOf(topology), members, copies);
  topology.copies = ring.replication();
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    topology.ring[p] =
        Allot(ring.Replicas(PartitionId{p}), topology.ring[p], topology.next_replica);
  }
  return topology;
}

Topology WithVoters(Topology topology, const std::vector<NodeId>& voters) {
  topology.system_voters = Allot(voters, topology.system_voters, topology.next_replica);
  return topology;
}

}  // namespace kvd::topology
