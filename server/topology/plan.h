// What a change would do, before it is asked for: the values that an operator is shown. A plan is
// made by deciding the command on the topology there is (decision.h) and comparing the two.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "server/ring/ring.h"
#include "server/topology/exposure.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// Copies that one node takes over from another.
struct Transfer {
  std::optional<NodeId> from;  // Unset: additional copies, nobody gives one up.
  NodeId to;
  uint64_t copies = 0;
  uint64_t bytes = 0;

  friend bool operator==(const Transfer&, const Transfer&) = default;
};

struct Balance {
  ring::Ratio replicas;  // The fullest node over the mean.
  ring::Ratio owned;     // The node that owns most over the mean.
};

struct Plan {
  std::vector<Transfer> transfers;            // In order of `from` and `to`.
  uint64_t copies = 0;                        // The sum of the transfers,
  uint64_t bytes = 0;                         // likewise: as far as sizes are known.
  uint64_t minimum_copies = 0;                // That no fair ring could do without.
  std::map<NodeId, uint64_t> bytes_to_take;   // By node.
  std::map<NodeId, ring::Load> loads_before;  // Of nodes that hold a copy.
  std::map<NodeId, ring::Load> loads_after;
  Balance balance_before;
  Balance balance_after;
  std::vector<Exposure> exposures_before;
  std::vector<Exposure> exposures_after;
};

// What leads from one topology to the other. `sizes` are those of the partitions, as reported.
// REQUIRES: both have the same number of partitions, and members who take copies.
[[nodiscard]] Plan MakePlan(const Topology& before, const Topology& after,
                            const std::map<PartitionId, uint64_t>& sizes);

}  // namespace kvd::topology
