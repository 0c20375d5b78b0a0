// What the tests of placement share: members written as sizes of zones, and the promises restated
// as checks that hold for any ring.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/ring/moves.h"
#include "server/ring/placement.h"

namespace kvd::ring {

// `count` nodes from n1 on, each a zone of its own.
inline std::vector<Member> Nodes(uint32_t count) {
  std::vector<Member> members;
  for (uint32_t id = 1; id <= count; ++id) members.push_back({.id = NodeId{id}, .zone = ""});
  return members;
}

// Zones a, b, c... of these sizes, nodes numbered from 1 through all of them.
inline std::vector<Member> Zones(const std::vector<uint32_t>& sizes) {
  std::vector<Member> members;
  for (size_t zone = 0; zone < sizes.size(); ++zone) {
    for (uint32_t i = 0; i < sizes[zone]; ++i) {
      members.push_back({.id = NodeId{static_cast<uint32_t>(members.size() + 1)},
                         .zone = std::string(1, static_cast<char>('a' + zone))});
    }
  }
  return members;
}

inline std::string ZoneOf(const Member& member) {
  return member.zone.empty() ? "node " + std::to_string(member.id.value) : member.zone;
}

// The sizes of the zones of `members`.
inline std::map<std::string, uint32_t> ZoneSizes(const std::vector<Member>& members) {
  std::map<std::string, uint32_t> sizes;
  for (const Member& member : members) ++sizes[ZoneOf(member)];
  return sizes;
}

// The copies of one partition in each zone.
inline std::map<std::string, uint32_t> CopiesByZone(const Ring& ring, PartitionId partition,
                                                    const std::vector<Member>& members) {
  std::map<std::string, uint32_t> copies;
  for (const Member& member : members) {
    copies[ZoneOf(member)] += ring.Holds(partition, member.id) ? 1 : 0;
  }
  return copies;
}

// True if no partition could be spread more evenly: a zone that holds two copies more than another
// one holds them because the other is used up.
inline bool SpreadsZonesEvenly(const Ring& ring, const std::vector<Member>& members) {
  const auto sizes = ZoneSizes(members);
  for (uint32_t partition = 0; partition < ring.partitions(); ++partition) {
    const auto copies = CopiesByZone(ring, PartitionId{partition}, members);
    for (const auto& [full, many] : copies) {
      for (const auto& [scarce, few] : copies) {
        if (many > few + 1 && few < sizes.at(scarce)) return false;
      }
    }
  }
  return true;
}

// True if all members hold equally many copies, to within one.
inline bool HoldsEqually(const Ring& ring, const std::vector<Member>& members) {
  const uint64_t total = uint64_t{ring.partitions()} * ring.replication();
  const uint64_t share = total / members.size();
  return std::all_of(members.begin(), members.end(), [&](const Member& member) {
    const uint64_t held = ring.LoadOf(member.id).replicas;
    return held == share || held == share + (total % members.size() == 0 ? 0 : 1);
  });
}

// True if all members own equally many partitions, to within one.
inline bool OwnsEqually(const Ring& ring, const std::vector<Member>& members) {
  const uint64_t share = ring.partitions() / members.size();
  return std::all_of(members.begin(), members.end(), [&](const Member& member) {
    const uint64_t owned = ring.LoadOf(member.id).owned;
    return owned == share || owned == share + (ring.partitions() % members.size() == 0 ? 0 : 1);
  });
}

// What each survivor owns once `dead` is gone and its next owners have taken over.
inline std::map<NodeId, uint32_t> OwnedWithout(const Ring& ring, NodeId dead) {
  std::map<NodeId, uint32_t> owned;
  for (uint32_t partition = 0; partition < ring.partitions(); ++partition) {
    const auto replicas = ring.Replicas(PartitionId{partition});
    ++owned[replicas[0] == dead ? replicas[1] : replicas[0]];
  }
  return owned;
}

// The most that any node owns after any one death, over the mean of the survivors.
inline Ratio FullestAfterADeath(const Ring& ring, const std::vector<Member>& members) {
  uint64_t fullest = 0;
  for (const Member& dead : members) {
    for (const auto& [node, owned] : OwnedWithout(ring, dead.id)) {
      fullest = std::max<uint64_t>(fullest, owned);
    }
  }
  return {.numerator = fullest * (members.size() - 1), .denominator = ring.partitions()};
}

}  // namespace kvd::ring
