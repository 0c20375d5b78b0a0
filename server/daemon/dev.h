// `kvd --dev`: a cluster to try things on, without a file: N nodes on loopback, data in a temporary
// folder that goes when they stop.
#pragma once

#include "server/daemon/options.h"

namespace kvd::daemon {

// Runs until interrupted; returns the exit code. Each node is a process of its own. `run` is what
// such a process does with its command line.
// REQUIRES: no thread was started.
[[nodiscard]] int RunDev(const CommandLine& line, int (*run)(const CommandLine&));

}  // namespace kvd::daemon
