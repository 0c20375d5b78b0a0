// `kvd --dev`: a cluster to try things on, without a file: N nodes on loopback, data in a temporary
// folder that goes when they stop.
#pragma once

#include <functional>

#include "server/daemon/options.h"

namespace kvd::daemon {

// Runs one node until it is stopped, and returns its exit code; calls `serving` once its ports are
// bound.
using RunNode = int (*)(const CommandLine& line, const std::function<void()>& serving);

// Runs until interrupted; returns the exit code. Each node is a process of its own. Says on stdout
// how to connect once all of them serve, and nothing if one cannot.
// REQUIRES: no thread was started.
[[nodiscard]] int RunDev(const CommandLine& line, RunNode run);

}  // namespace kvd::daemon
