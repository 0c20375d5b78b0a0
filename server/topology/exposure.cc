#include "server/topology/exposure.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace kvd::topology {
namespace {

Exposure Lose(const Topology& topology, const std::set<NodeId>& nodes) {
  Exposure exposure;
  for (const auto& replicas : topology.ring) {
    const auto is_lost = [&](const Replica& replica) { return nodes.contains(replica.node); };
    const auto lost = static_cast<size_t>(std::ranges::count_if(replicas, is_lost));
    if (lost == replicas.size()) ++exposure.lost;
    if ((replicas.size() - lost) * 2 <= replicas.size()) ++exposure.stopped;
  }
  return exposure;
}

}  // namespace

std::vector<Exposure> ExposuresOf(const Topology& topology) {
  std::vector<std::pair<std::variant<NodeId, Zone>, std::set<NodeId>>> failures;
  std::map<std::string, std::set<NodeId>> zones;
  for (const Member& member : topology.members) {
    failures.emplace_back(member.id, std::set{member.id});
    if (!member.card.zone.empty()) zones[member.card.zone].insert(member.id);
  }
  for (const auto& [name, nodes] : zones) {
    if (nodes.size() > 1) failures.emplace_back(Zone{name}, nodes);
  }
  std::vector<Exposure> exposures;
  for (const auto& [failure, nodes] : failures) {
    Exposure exposure = Lose(topology, nodes);
    if (exposure.stopped == 0) continue;
    exposure.failure = failure;
    exposures.push_back(std::move(exposure));
  }
  return exposures;
}

}  // namespace kvd::topology
