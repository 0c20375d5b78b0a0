// What changes between two rings: the work that the topology's reconciler has to do, the plan that
// an operator is shown, and the measure of how good a plan is.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "server/ring/ring.h"

namespace kvd::ring {

struct OwnerChange {
  NodeId from;
  NodeId to;

  friend bool operator==(const OwnerChange&, const OwnerChange&) = default;
};

// All that changes for one partition. At least one of its parts is not empty; the order of the
// replicas behind the owner is not a change.
struct Move {
  PartitionId partition;
  std::vector<NodeId> added;  // In NodeId order, as is `removed`.
  std::vector<NodeId> removed;
  std::optional<OwnerChange> owner;

  friend bool operator==(const Move&, const Move&) = default;
};

// The moves that lead from one ring to the other, in the order of partitions; empty if there is
// nothing to do. REQUIRES: both have the same number of partitions.
[[nodiscard]] std::vector<Move> Moves(const Ring& from, const Ring& to);

// A sum over moves. Each added replica is one copy of a partition's data over the network.
struct MoveCount {
  uint64_t added = 0;
  uint64_t removed = 0;
  uint64_t owners = 0;

  friend bool operator==(const MoveCount&, const MoveCount&) = default;
};

[[nodiscard]] MoveCount Count(std::span<const Move> moves);

// A number of added replicas that no ring with the promises of placement.h can go below: what the
// members' fair shares and the rule of zones, each taken alone, leave of the copies there are. It
// is the exact minimum unless zones are unequal and both bind at once. REQUIRES: as for
// Rebalance().
[[nodiscard]] uint64_t MinimumMoves(const Ring& previous, std::span<const Member> members,
                                    uint32_t replication);

}  // namespace kvd::ring
