// What every part of a simulated cluster shares.
#pragma once

#include "tests/simulation/consensus.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/links.h"
#include "tests/simulation/network.h"
#include "tests/simulation/swarm.h"
#include "tests/simulation/truth.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

struct Surroundings {
  World& world;
  const Swarm& swarm;
  Sabotage sabotage;
  Network& network;
  Links& links;
  Ledger& ledger;
  Truth& truth;
  Consensus& consensus;

  // One write of a disk.
  [[nodiscard]] Duration DrawWriteTime() const {
    if (network.is_calm()) return std::chrono::microseconds(200);
    if (world.random().Chance(swarm.slow_write_ppm)) {
      return world.Between(Duration::zero(), swarm.write_max);
    }
    return world.Between(std::chrono::microseconds(50), std::chrono::milliseconds(2));
  }
};

}  // namespace kvd::simulation
