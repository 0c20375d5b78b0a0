// Leads the cluster from what it is to what is wished: compares the topology's ring, and the voters
// of the system group, with what the groups' leaders report, and asks for the next safe steps, a
// few at a time (group_change.h has the rules of one step).
//
// Level-triggered: it remembers nothing. Whoever leads the system group calls it again and again
// with what was reported; a step that got lost is asked for again, one that was overtaken is
// refused by its group's leader. So it does not matter where a predecessor stopped.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "server/topology/group_change.h"
#include "server/topology/reports.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// How much may be done at once.
struct Limits {
  size_t steps = 64;        // Asked for in one pass.
  uint32_t transfers = 4;   // Replicas being sent a partition's data, those under way included.
  uint64_t bytes = 0;       // That may begin to move now: one transfer more than fits may begin.
  uint64_t caught_up = 64;  // Entries that a learner may be behind to be given a vote.
};

struct Reconciliation {
  std::vector<Step> steps;                    // At most one per group.
  std::map<PartitionId, Obstacle> obstacles;  // Of every group that is not as wished.
  uint64_t bytes = 0;                         // Begun by `steps`: may exceed Limits::bytes once.
  uint32_t transfers = 0;                     // Under way or begun.

  // Whether every group is as wished.
  [[nodiscard]] bool IsDone() const { return obstacles.empty(); }
};

// The next steps. Those that move no data come first, then transfers, of groups with the fewest
// live voters before others. `silent` are the nodes from which nothing is heard.
[[nodiscard]] Reconciliation Reconcile(const Topology& topology, const Reports& reports,
                                       const std::set<NodeId>& silent, const Limits& limits);

}  // namespace kvd::topology
