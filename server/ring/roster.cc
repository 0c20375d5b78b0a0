#include "server/ring/roster.h"

#include <algorithm>
#include <map>
#include <string>

#include "common/check.h"
#include "common/random.h"

namespace kvd::ring {

Roster::Roster(std::span<const Member> members) {
  KVD_CHECK(!members.empty(), "a ring needs a member");
  std::map<NodeId, std::string> sorted;
  for (const Member& member : members) {
    KVD_CHECK(member.id != NodeId{0}, "node 0 is nobody");
    KVD_CHECK(sorted.emplace(member.id, member.zone).second, "a node is a member once");
  }
  std::map<std::string, ZoneIndex> named;
  for (const auto& [id, zone] : sorted) {
    ZoneIndex index = zones();
    if (!zone.empty()) index = named.try_emplace(zone, index).first->second;
    if (index == zones_.size()) zones_.emplace_back();
    zones_[index].push_back(size());
    zone_of_.push_back(index);
    ids_.push_back(id);
  }
}

std::optional<MemberIndex> Roster::Find(NodeId id) const {
  const auto it = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (it == ids_.end() || *it != id) return std::nullopt;
  return static_cast<MemberIndex>(it - ids_.begin());
}

uint64_t Roster::Scatter(uint32_t partition, MemberIndex member) const {
  return Random((uint64_t{partition} << 32U) | ids_[member].value).Next();
}

std::vector<std::vector<MemberIndex>> Survivors(const Roster& roster, const Ring& previous) {
  std::vector<std::vector<MemberIndex>> lists(previous.partitions());
  for (uint32_t partition = 0; partition < previous.partitions(); ++partition) {
    for (const NodeId node : previous.Replicas(PartitionId{partition})) {
      if (const auto member = roster.Find(node)) lists[partition].push_back(*member);
    }
  }
  return lists;
}

std::vector<uint32_t> CountHeld(const Roster& roster,
                                std::span<const std::vector<MemberIndex>> lists) {
  std::vector<uint32_t> held(roster.size());
  for (const auto& list : lists) {
    for (const MemberIndex member : list) ++held[member];
  }
  return held;
}

}  // namespace kvd::ring
