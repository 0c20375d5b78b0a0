// Whoever decides where replicas should be, in the place of a system group: gives every partition a
// set of nodes, another one now and then, and takes the partition's leader there step by step: add
// a learner under an id that no other try had, promote it by a joint change, remove who is not
// wanted. Now and then a replica is to be replaced by another one on its own node. Sits at one of
// the nodes: reports of leaders and steps to them travel as its messages, are lost, late and stale;
// a step may come twice.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "server/node/membership.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Oracle {
 public:
  using Machines = std::vector<std::unique_ptr<Machine>>;

  Oracle(const Surroundings& around, Machines& machines) : around_(around), machines_(machines) {}

  // Decides until Stop(), if the swarm says so.
  void Start();
  void Stop() { stopped_ = true; }

  // What a node heard that is for whoever sits there.
  void Hear(const node::GroupReport& report);
  void Hear(const node::StepAnswer& answer);

  // Steps that leaders made.
  [[nodiscard]] uint32_t steps() const { return steps_; }

 private:
  // What is wanted of a partition.
  struct Goal {
    std::set<NodeId> nodes;
    std::set<ReplicaId> retired;
    Duration until{};
  };

  void CollectLater();
  void DecideLater();
  void Decide(PartitionId partition);
  void DrawGoal(const node::GroupReport& report, Goal& goal);
  [[nodiscard]] std::optional<node::Step> NextStep(const node::GroupReport& report,
                                                   const Goal& goal);
  [[nodiscard]] std::optional<NodeId> MissingNode(const node::GroupReport& report,
                                                  const Goal& goal) const;
  void Send(NodeId leader, const node::Step& step);

  const Surroundings& around_;
  Machines& machines_;
  NodeId seat_;
  std::map<PartitionId, node::GroupReport> reports_;  // The newest of each.
  std::map<PartitionId, Goal> goals_;
  uint64_t last_id_ = 0;
  uint32_t steps_ = 0;
  bool stopped_ = false;
};

}  // namespace kvd::simulation
