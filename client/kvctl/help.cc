#include "client/kvctl/help.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::kvctl {
namespace {

std::string OptionName(const OptionSpec& option) {
  const std::string letter = option.letter == 0 ? "    " : fmt::format("-{}, ", option.letter);
  return fmt::format("{}--{}{}{}", letter, option.name, option.value.empty() ? "" : " ",
                     option.value);
}

std::string OptionList(std::span<const OptionSpec> options) {
  size_t width = 0;
  for (const OptionSpec& option : options) width = std::max(width, OptionName(option).size());
  std::string out;
  for (const OptionSpec& option : options) {
    out += fmt::format("  {:<{}}  {}\n", OptionName(option), width, option.text);
  }
  return out;
}

}  // namespace

std::string GeneralHelp() {
  std::string out =
      "kvctl: read and write a kvd cluster, see how it is, and change it.\n"
      "\n"
      "usage: kvctl [OPTIONS] COMMAND [ARGUMENTS]\n"
      "\n"
      "Commands, with an example each:\n";
  for (const CommandSpec& command : Commands()) {
    out += fmt::format("  {:<10} {}\n             $ {}\n", command.name, command.text,
                       command.examples.front());
  }
  out += "\nOptions, before or after the command:\n" + OptionList(GlobalOptions());
  out +=
      "\n"
      "Environment: ";
  std::string line;
  for (const OptionSpec& option : GlobalOptions()) {
    if (option.environment.empty()) continue;
    if (line.size() + option.environment.size() > 62) {
      out += line + "\n             ";
      line.clear();
    }
    line += fmt::format("{}{}", line.empty() ? "" : " ", option.environment);
  }
  out += line + "\n";
  out +=
      "Exit codes: 0 done, 2 usage, 3 no such key, node or job, 4 condition failed,\n"
      "  5 nobody reached, 6 refused for now, 7 outcome of a write unknown,\n"
      "  8 not permitted, 9 a limit, 10 an unsafe change, 11 damaged data,\n"
      "  12 degraded cluster, or a job that was aborted, 1 anything else\n"
      "\n"
      "kvctl help COMMAND says more.\n";
  return out;
}

std::string CommandHelp(const CommandSpec& command) {
  std::string out = fmt::format("usage: kvctl {}{}{}\n\n{}\n", command.name,
                                command.usage.empty() ? "" : " ", command.usage, command.text);
  if (!command.more.empty()) out += fmt::format("\n{}\n", command.more);
  if (!command.options.empty()) out += "\nOptions:\n" + OptionList(command.options);
  out += "\nExamples:\n";
  for (const std::string_view example : command.examples) out += fmt::format("  $ {}\n", example);
  out += "\nOptions of all commands: kvctl --help\n";
  return out;
}

}  // namespace kvd::kvctl
