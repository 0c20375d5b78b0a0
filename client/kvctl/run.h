// kvctl: one command per run, for people and for scripts.
//
// A run goes from words (command_line.h, against the grammar in grammar.h) over settings
// (settings.h) to a command (commands_*.h), whose result is rendered by pure functions (render_*.h)
// and whose failure becomes a message and an exit code (failure.h, exit_code.h).
//
// Threading: confined to the main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/kvctl/console.h"
#include "client/kvctl/exit_code.h"

namespace kvd::kvctl {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Does what `words` (without the program's name) say. Results go to the console's standard output,
// everything else to its standard error.
[[nodiscard]] ExitCode Run(const std::vector<std::string>& words, const Environment& environment,
                           Console& console);

}  // namespace kvd::kvctl
