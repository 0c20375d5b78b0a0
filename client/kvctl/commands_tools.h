// version, help: about kvctl itself.
//
// Threading: confined to the main thread.
#pragma once

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode Version(Session& session, const CommandLine& line);
ExitCode Help(Session& session, const CommandLine& line);

}  // namespace kvd::kvctl
