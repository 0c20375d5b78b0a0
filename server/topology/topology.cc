#include "server/topology/topology.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"
#include "server/topology/voters.h"
#include "server/topology/wish.h"

namespace kvd::topology {

const Replica& Topology::PreferredOwner(PartitionId partition) const {
  KVD_CHECK_OP(<, partition.value, partitions());
  return ring[partition.value].front();
}

const Member* Topology::Find(NodeId id) const {
  const auto it = std::ranges::lower_bound(members, id, {}, &Member::id);
  return it != members.end() && it->id == id ? &*it : nullptr;
}

const Member* Topology::Find(const Uuid& uuid) const {
  const auto it = std::ranges::find(members, uuid, [](const Member& m) { return m.card.uuid; });
  return it != members.end() ? &*it : nullptr;
}

const Member* Topology::FindName(std::string_view name) const {
  const auto is_named = [&](const Member& member) { return member.card.name == name; };
  const auto it = std::find_if(members.rbegin(), members.rend(), is_named);  // The latest first.
  return it != members.rend() ? &*it : nullptr;
}

const Removed* Topology::FindRemoved(const Uuid& uuid) const {
  const auto it = std::ranges::find(removed, uuid, &Removed::uuid);
  return it != removed.end() ? &*it : nullptr;
}

const Job* Topology::FindJob(JobId id) const {
  const auto it = std::ranges::find(jobs, id, &Job::id);
  return it != jobs.end() ? &*it : nullptr;
}

const Job* Topology::FindJobOf(NodeId node) const {
  const auto it = std::ranges::find_if(
      jobs, [&](const Job& job) { return !job.HasEnded() && job.Concerns(node); });
  return it != jobs.end() ? &*it : nullptr;
}

bool Topology::IsWishedOn(NodeId node) const {
  const auto is_there = [&](const std::vector<Replica>& replicas) {
    return std::ranges::find(replicas, node, &Replica::node) != replicas.end();
  };
  return is_there(system_voters) || std::ranges::any_of(ring, is_there);
}

bool Job::Concerns(NodeId node) const {
  return std::ranges::find(nodes, node) != nodes.end();
}

Topology FoundTopology(const Uuid& cluster_id, const ClusterTerms& terms,
                       std::vector<NodeCard> cards) {
  std::ranges::sort(cards, {}, &NodeCard::name);
  Topology topology;
  topology.cluster_id = cluster_id;
  topology.cluster_name = terms.name;
  topology.epoch = kFoundingEpoch;
  topology.replication_wished = terms.replication;
  for (NodeCard& card : cards) {
    topology.members.push_back({topology.next_node, std::move(card)});
    ++topology.next_node.value;
  }
  topology.ring.resize(terms.partitions);
  const std::vector<NodeId> voters = ChooseVoters(topology.members, {}, {});
  return WithVoters(WithWishedRing(std::move(topology)), voters);
}

Status CheckTerms(const ClusterTerms& terms, const Topology& topology) {
  const auto differs = [](std::string_view key, const auto& file, const auto& founded) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("cluster.{} is {} in the cluster file and {} in the founded "
                                  "cluster; it is fixed at founding: correct the file",
                                  key, file, founded));
  };
  if (terms.name != topology.cluster_name) {
    return differs("name", terms.name, topology.cluster_name);
  }
  if (terms.partitions != topology.partitions()) {
    return differs("partitions", terms.partitions, topology.partitions());
  }
  if (terms.replication != topology.replication_wished) {
    return differs("replication", terms.replication, topology.replication_wished);
  }
  return OkStatus();
}

}  // namespace kvd::topology
