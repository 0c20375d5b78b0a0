// status, ring, nodes, ping, wait: how the cluster is.
//
// Threading: confined to the main thread.
#pragma once

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode ShowStatus(Session& session, const CommandLine& line);
ExitCode ShowRing(Session& session, const CommandLine& line);
ExitCode ShowNodes(Session& session, const CommandLine& line);
ExitCode Ping(Session& session, const CommandLine& line);
ExitCode Wait(Session& session, const CommandLine& line);

}  // namespace kvd::kvctl
