// Whether this node can have its ports, asked before anything is written: gRPC says only that it
// failed, and a process that was started twice must not touch the data.
//
// Between the question and gRPC's own bind another process may come; then gRPC fails.
#pragma once

#include <optional>

#include "config/node_settings.h"
#include "server/daemon/failure.h"

namespace kvd::daemon {

// Binds each port kvd listens on, and lets go of it. The failure names the address, its key, and
// who has the port as far as /proc tells: a process of another user is "another process".
[[nodiscard]] std::optional<Failure> WhatIsTaken(const config::NodeSettings& node);

}  // namespace kvd::daemon
