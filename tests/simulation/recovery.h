// What a process does with its disk before it serves: what daemon::Instance does, on the twins.
//
// Threading: one world, one thread.
#pragma once

#include <optional>
#include <vector>

#include "common/random.h"
#include "common/status.h"
#include "server/partition/state_machines.h"
#include "server/topology/topology.h"
#include "tests/simulation/disk.h"

namespace kvd::simulation {

// Rules broken on purpose, see Sabotage.
struct RecoveryOptions {
  bool reuse_boot = false;
  bool lose_replay = false;
};

struct Recovery {
  std::vector<partition::StateMachines::Recovered> partitions;
  std::optional<topology::Topology> topology;
};

// Counts the boot, replays the log into the data, and reads the topology.
[[nodiscard]] StatusOr<Recovery> RecoverFrom(Disk& disk, partition::StateMachines& machines,
                                             Random& random, const RecoveryOptions& options);

}  // namespace kvd::simulation
