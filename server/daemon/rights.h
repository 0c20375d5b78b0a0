// Whether this process may use the files that its node needs, asked without touching them: what
// --check-config can know, and a start would fail with.
#pragma once

#include <optional>
#include <string>

#include "server/daemon/setup.h"

namespace kvd::daemon {

// A sentence about the data directory or the log file, for the user this process runs as: a
// directory that is missing and cannot be created counts. nullopt: as far as can be told, all is
// well.
[[nodiscard]] std::optional<std::string> WhatIsOutOfReach(const Setup& setup);

}  // namespace kvd::daemon
