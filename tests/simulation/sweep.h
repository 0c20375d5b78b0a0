// Many runs, each in a process that may crash without taking the others along.
//
// Threading: forks; call it from a process with one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/simulation.h"

namespace kvd::simulation {

struct SweepOptions {
  uint64_t from = 1;
  uint64_t to = 1;  // Inclusive.
  uint32_t jobs = 1;
  NemesisKind nemesis = NemesisKind::kFaults;
  Sabotage sabotage = Sabotage::kNone;
  bool prints_trace = false;
  bool stops_at_first = false;
};

struct SeedFailure {
  uint64_t seed = 0;
  Failure failure;
};

struct SweepReport {
  uint64_t runs = 0;
  uint64_t done = 0;
  uint64_t open = 0;
  uint64_t refused = 0;
  uint64_t steps = 0;
  uint64_t processes = 0;
  uint64_t too_hard = 0;
  std::vector<SeedFailure> failures;  // In order of seed.
};

// Runs every seed; every twentieth twice, which must take the same course.
[[nodiscard]] SweepReport Sweep(const SweepOptions& options);

// "kvsim --seed=7 failed: WHAT at 1.5 s": exactly one line, which replays it.
[[nodiscard]] std::string Line(const SeedFailure& failure, const SweepOptions& options);

}  // namespace kvd::simulation
