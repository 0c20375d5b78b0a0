// The vocabulary of identity: who a node is, which partition, which replica, which epoch.
// Identities are types and do not convert into one another, so that a partition cannot be passed
// for a node.
//
// Pure values. Threading: values, copy freely.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>

#include "common/clock.h"

namespace kvd {

// An integer that is the name of one kind of thing. Ordered, so that pure rooms can keep it in
// ordered containers; printable, so that checks can show it.
template <typename Tag, typename Rep>
struct Id {
  Rep value{};

  friend constexpr auto operator<=>(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << +id.value; }
};

// A member of the cluster, numbered by the topology from 1, never reused. 0 names nobody. The
// number is short-hand within one cluster; who a node *is* across restarts is its Uuid.
using NodeId = Id<struct NodeIdTag, uint32_t>;

// One of P equal arcs of the 2^64 hash space, 0..P-1.
using PartitionId = Id<struct PartitionIdTag, uint32_t>;

// A copy of a partition on a node; allotted by the topology from 1, never reused. 0 names none.
using ReplicaId = Id<struct ReplicaIdTag, uint64_t>;

// A consensus group: 0 is the system group, partition p is group p + 1.
using GroupId = Id<struct GroupIdTag, uint32_t>;
inline constexpr GroupId kSystemGroup{0};
constexpr GroupId GroupOf(PartitionId partition) {
  return GroupId{partition.value + 1};
}

// The partition whose group it is. REQUIRES: not the system group.
constexpr PartitionId PartitionOf(GroupId group) {
  return PartitionId{group.value - 1};
}

// The number of a topology: consecutive, one content each. 0 is "none yet".
using Epoch = Id<struct EpochTag, uint64_t>;

// A position in a group's log, from 1; 0 is "before the first". The index of the entry that wrote a
// value is the value's version.
using Index = uint64_t;
using Version = Index;

// A leadership period of a group, from 1.
using Term = uint64_t;

// What this build can speak. Adjacent releases differ by at most one; see proto/README.md.
inline constexpr uint32_t kFeatureLevel = 1;

}  // namespace kvd
