// jobs, wait --job: the changes under way.
//
// Threading: confined to the main thread.
#pragma once

#include <string>

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode Jobs(Session& session, const CommandLine& line);

// Follows the job that `number` names to its end.
ExitCode WaitForJob(Session& session, const std::string& number);

}  // namespace kvd::kvctl
