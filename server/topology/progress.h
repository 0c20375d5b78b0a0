// What the reports of the groups say of the topology's jobs: which commands they permit, and how
// far each job is. The other half of reconciler.h: that one leads to what is wished, this one
// notices that it is so.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/topology/command.h"
#include "server/topology/reconciler.h"

namespace kvd::topology {

// The commands that can be decided because all groups' leaders reported what they need:
// - FinishJoin: the node's replica votes wherever one is wished there;
// - FinishRemoval: nothing is wished on the node, and no group's committed configuration names it;
// - FinishJob: its nodes have arrived or are gone; of a rebalance, every partition is as wished.
// While a group has not reported in this term, no removal is due. A step that was asked for while
// the node was still wished, and arrives after its group's last report, can add it as a learner
// once more: it counts for nothing, and the next pass drops it. Commands due are decided like any
// other; one that was overtaken is rejected.
[[nodiscard]] std::vector<Command> CommandsDue(const Topology& topology, const Reports& reports);

struct JobProgress {
  JobId job;
  uint64_t copies = 0;       // To be added when it was asked for.
  uint64_t copies_left = 0;  // That are still missing in the partitions it concerns: more than
                             // `copies` if other jobs move these too.
  uint64_t bytes_left = 0;   // Of these, as far as their sizes are reported.

  // A partition that the job waits for, and why: the first that nothing but somebody else can
  // help, else the first. nullopt: only the last commands are due.
  struct Waiting {
    PartitionId partition;
    Obstacle obstacle;
  };
  std::optional<Waiting> waiting;
};

// What holds a job up, for people: "n4 is silent; partition 12 and others wait for it". Empty if it
// advances: others come first for a while, or a step is under way.
[[nodiscard]] std::string Describe(const JobProgress::Waiting& waiting, const Topology& topology);

// How far a job is. It concerns every partition in which one of its nodes is to come or to go; a
// rebalance concerns them all. `pass` is the reconciler's last word.
// REQUIRES: the job has not ended.
[[nodiscard]] JobProgress ProgressOf(const Job& job, const Topology& topology,
                                     const Reports& reports, const Reconciliation& pass);

}  // namespace kvd::topology
