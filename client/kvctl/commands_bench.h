// bench: puts a load on the cluster and measures it.
//
// Threading: confined to the main thread.
#pragma once

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode Bench(Session& session, const CommandLine& line);

}  // namespace kvd::kvctl
