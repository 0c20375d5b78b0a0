// join, leave, remove, replace, rebalance: changes of the cluster. What they would do is shown
// first, whoever is at a terminal is asked, and followed is what takes its time.
//
// Threading: confined to the main thread.
#pragma once

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode Join(Session& session, const CommandLine& line);
ExitCode Leave(Session& session, const CommandLine& line);
ExitCode Remove(Session& session, const CommandLine& line);
ExitCode Replace(Session& session, const CommandLine& line);
ExitCode Rebalance(Session& session, const CommandLine& line);

}  // namespace kvd::kvctl
