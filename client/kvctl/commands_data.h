// put, get, del, incr, exists: operations on keys.
//
// Threading: confined to the main thread.
#pragma once

#include "client/kvctl/command_line.h"
#include "client/kvctl/session.h"

namespace kvd::kvctl {

ExitCode Put(Session& session, const CommandLine& line);
ExitCode Get(Session& session, const CommandLine& line);
ExitCode Del(Session& session, const CommandLine& line);
ExitCode Incr(Session& session, const CommandLine& line);
ExitCode Exists(Session& session, const CommandLine& line);

// The bytes of a KEY argument, decoded as --key-encoding says. Fails with a usage error.
[[nodiscard]] std::variant<std::string, Failure> KeyOf(const std::string& argument,
                                                       const CommandLine& line);

}  // namespace kvd::kvctl
