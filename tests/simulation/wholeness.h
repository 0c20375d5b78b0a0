// Whether the cluster is whole: everybody who is a member runs and holds the newest topology, every
// group consists of whom it should, has a leader and is equal byte for byte, nothing is under way,
// and nobody else holds anything.
//
// Threading: one world, one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/raft/replica.h"
#include "server/topology/topology.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Wholeness {
 public:
  using Machines = std::vector<std::unique_ptr<Machine>>;

  Wholeness(const Surroundings& around, Machines& machines)
      : around_(around), machines_(machines) {}

  // The first thing that is; empty if nothing is. Replicas that differ fail the world.
  [[nodiscard]] std::string WhatIsMissing();

  // Traces the newest topology and the replicas of all groups, for whoever wonders why.
  void TraceAll();

 private:
  [[nodiscard]] std::string WhatIsMissingOn(Machine& machine);
  [[nodiscard]] std::string WhatMembersWaitFor();
  [[nodiscard]] std::string WhatIsMissingOf(PartitionId partition);
  [[nodiscard]] std::string WhatIsNotAsWished(PartitionId partition,
                                              const raft::Replica& owner) const;
  [[nodiscard]] std::string WhatMembersMiss(PartitionId partition, const raft::Replica& owner);
  [[nodiscard]] std::string DescribeReplicas(PartitionId partition) const;

  [[nodiscard]] const raft::Replica* OwnerOf(PartitionId partition) const;
  [[nodiscard]] raft::Member FirstOf(PartitionId partition,
                                     const std::vector<raft::Member>& voters) const;
  [[nodiscard]] const std::vector<topology::Replica>& WishOf(PartitionId partition) const;
  [[nodiscard]] const topology::Topology* FindNewest() const;
  [[nodiscard]] Machine* MachineOf(NodeId node) const;

  const Surroundings& around_;
  Machines& machines_;
  const topology::Topology* newest_ = nullptr;  // While looking.
};

}  // namespace kvd::simulation
