// One run: a cluster is founded and used while faults strike it, then all is healed and it must
// recover, and at the end what clients saw is judged. The same options give the same run.
//
// Threading: a run is one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/simulation/swarm.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

struct RunOptions {
  uint64_t seed = 0;
  NemesisKind nemesis = NemesisKind::kFaults;
  Sabotage sabotage = Sabotage::kNone;
  bool prints_trace = false;

  // Shows how far the run is, to a process that may have to tell of its crash.
  volatile int64_t* now_ns = nullptr;
};

struct RunReport {
  std::optional<Failure> failure = {};
  uint64_t digest = 0;  // Of all that happened and of every disk at the end.

  // Operations of clients.
  uint32_t done = 0;
  uint32_t open = 0;
  uint32_t refused = 0;

  uint32_t steps = 0;  // Changes of a group's members.
  uint32_t processes = 0;
  uint32_t too_hard = 0;  // Histories of keys that were not judged to the end.
};

[[nodiscard]] RunReport Run(const RunOptions& options);

}  // namespace kvd::simulation
