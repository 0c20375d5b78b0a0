// What a process does with its disk before it serves: what daemon::Instance does, on the twins.
//
// Threading: one world, one thread.
#pragma once

#include "common/random.h"
#include "common/status.h"
#include "server/node/recovery.h"
#include "server/partition/state_machines.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/swarm.h"

namespace kvd::simulation {

// Counts the boot, and puts together what log and data hold.
[[nodiscard]] StatusOr<node::Recovery> RecoverFrom(Disk& disk, partition::StateMachines& machines,
                                                   Random& random, Sabotage sabotage);

}  // namespace kvd::simulation
