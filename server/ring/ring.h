// The ring: which nodes are wished to hold a copy of which partition, and in which order. This room
// decides placement: placement.h makes rings from members and zones, moves.h compares two of them.
// Whether a node really holds a copy is not known here: the ring is the wish, a group's
// configuration the truth.
//
// All of the room is pure and deterministic: integers and sorted containers only, so that every
// node computes the same ring from the same members. A ring is stored, not recomputed, so a later
// release may place better without moving a byte of existing clusters.
//
// Threading: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/types.h"

namespace kvd::ring {

// A node that takes copies.
struct Member {
  NodeId id;
  std::string zone;  // Failure domain. Empty: the node is a failure domain of its own.

  friend bool operator==(const Member&, const Member&) = default;
};

// What a ring asks of one node.
struct Load {
  uint32_t owned = 0;     // Partitions it is the preferred owner of.
  uint32_t replicas = 0;  // Partitions it holds a copy of, the owned ones included.

  friend bool operator==(const Load&, const Load&) = default;
};

// An exact fraction, so that limits such as 1.01 are compared without rounding.
struct Ratio {
  uint64_t numerator = 0;
  uint64_t denominator = 1;

  // True if the fraction is at most `parts` / `whole`.
  [[nodiscard]] bool IsAtMost(uint64_t parts, uint64_t whole) const {
    return numerator * whole <= parts * denominator;
  }
};

class Ring {
 public:
  // One list of replicas per partition, preferred owner first. Fails unless the number of
  // partitions is a power of two, every list has the same length of at least one, and no list names
  // a node twice or node 0.
  [[nodiscard]] static StatusOr<Ring> FromLists(std::span<const std::vector<NodeId>> lists);

  [[nodiscard]] uint32_t partitions() const { return partitions_; }

  // The copies each partition has: what was asked for, or one per member if members were fewer.
  [[nodiscard]] uint32_t replication() const { return replication_; }

  // The nodes wished to hold `partition`, preferred owner first, next owner second.
  // REQUIRES: partition < partitions().
  [[nodiscard]] std::span<const NodeId> Replicas(PartitionId partition) const;

  // The preferred owner. REQUIRES: partition < partitions().
  [[nodiscard]] NodeId Owner(PartitionId partition) const { return Replicas(partition).front(); }

  [[nodiscard]] bool Holds(PartitionId partition, NodeId node) const;

  // Zero for a node without a copy.
  [[nodiscard]] Load LoadOf(NodeId node) const;

  // Every node that holds a copy.
  [[nodiscard]] const std::map<NodeId, Load>& loads() const { return loads_; }

  // The fullest node over the mean of `members` nodes: 1 is perfect. The number of members is given
  // because a ring does not know of a node without copies. REQUIRES: members > 0.
  [[nodiscard]] Ratio FullestByReplicas(size_t members) const;
  [[nodiscard]] Ratio FullestByOwned(size_t members) const;

  friend bool operator==(const Ring&, const Ring&) = default;

 private:
  explicit Ring(std::span<const std::vector<NodeId>> lists);

  uint32_t partitions_ = 0;
  uint32_t replication_ = 0;
  std::vector<NodeId> replicas_;  // Partition by partition, `replication_` each.
  std::map<NodeId, Load> loads_;
};

}  // namespace kvd::ring
