// kvctl's help pages, from its grammar. They fit 80 columns.
//
// Pure. Threading: values.
#pragma once

#include <string>

#include "client/kvctl/grammar.h"

namespace kvd::kvctl {

// Every command with an example, and the global options.
[[nodiscard]] std::string GeneralHelp();

// One command: usage, options, examples.
[[nodiscard]] std::string CommandHelp(const CommandSpec& command);

}  // namespace kvd::kvctl
