// What can be said to kvctl: its commands and options, as data. The parser, the help texts and
// whatever else must know the commands read this one table, so that they cannot drift apart.
//
// Immutable.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace kvd::kvctl {

struct OptionSpec {
  std::string_view name;     // Without the dashes.
  char letter = 0;           // 0: none.
  std::string_view value{};  // What its value is called; empty: it takes none.
  std::string_view environment{};
  std::string_view text{};  // For the help, one line.
  bool appends = false;     // Given again: joined by a comma, instead of replacing.
};

struct CommandSpec {
  static constexpr size_t kAnyNumber = 1'000'000;

  std::string_view name;
  std::string_view alias;  // Hidden; empty: none.
  std::string_view usage;  // After the name.
  std::string_view text;   // One line, for the list of commands.
  std::string_view more;   // Further lines, for its own help.
  std::vector<std::string_view> examples;
  size_t min_arguments = 0;
  size_t max_arguments = 0;
  bool takes_numbers = false;  // After the first argument, -5 is an argument too.
  std::vector<OptionSpec> options;
};

// Understood anywhere on the command line.
[[nodiscard]] std::span<const OptionSpec> GlobalOptions();

// In the order of the help.
[[nodiscard]] std::span<const CommandSpec> Commands();

// By name or alias; null if there is none.
[[nodiscard]] const CommandSpec* FindCommand(std::string_view name);

}  // namespace kvd::kvctl
