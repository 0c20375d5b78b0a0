// What was said to kvctl, against its grammar. Arguments are bytes and pass through untouched; what
// looks like an option and is none is an error, never a key.
//
// Pure. Threading: values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/kvctl/failure.h"
#include "client/kvctl/grammar.h"

namespace kvd::kvctl {

struct CommandLine {
  const CommandSpec* command = nullptr;  // Null: none was named.
  std::vector<std::string> arguments;    // After the command.

  // By name; a flag's value is empty. Global options and the command's own.
  std::map<std::string, std::string, std::less<>> options;

  [[nodiscard]] bool Has(std::string_view option) const { return options.contains(option); }

  // Null if it was not given.
  [[nodiscard]] const std::string* Value(std::string_view option) const;

  // Help was asked for, or is all that can be given.
  [[nodiscard]] bool WantsHelp() const { return Has("help"); }
};

// Options may stand anywhere, as --name=V, --name V, -xV, -x V, or flags together (-qv); after "--"
// everything is an argument. The number of arguments is checked, unless help is asked for. Errors
// say what is wrong and what was probably meant.
[[nodiscard]] std::variant<CommandLine, Failure> ParseCommandLine(
    const std::vector<std::string>& words);

// True if errors should be JSON objects, as far as that can be told from words that may not parse.
[[nodiscard]] bool AsksForJson(const std::vector<std::string>& words);

}  // namespace kvd::kvctl
