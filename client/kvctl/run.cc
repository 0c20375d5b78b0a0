#include "client/kvctl/run.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "client/kvctl/command_line.h"
#include "client/kvctl/commands_bench.h"
#include "client/kvctl/commands_change.h"
#include "client/kvctl/commands_cluster.h"
#include "client/kvctl/commands_data.h"
#include "client/kvctl/commands_jobs.h"
#include "client/kvctl/commands_tools.h"
#include "client/kvctl/help.h"
#include "client/kvctl/session.h"
#include "client/kvctl/settings.h"
#include "common/check.h"

namespace kvd::kvctl {
namespace {

using Command = ExitCode (*)(Session&, const CommandLine&);

constexpr std::array<std::pair<std::string_view, Command>, 19> kRunners = {{
    {"put", Put},       {"get", Get},         {"del", Del},
    {"incr", Incr},     {"exists", Exists},   {"status", ShowStatus},
    {"ring", ShowRing}, {"nodes", ShowNodes}, {"ping", Ping},
    {"wait", Wait},     {"join", Join},       {"leave", Leave},
    {"remove", Remove}, {"replace", Replace}, {"rebalance", Rebalance},
    {"jobs", Jobs},     {"bench", Bench},     {"version", Version},
    {"help", Help},
}};

Command RunnerOf(const CommandSpec& command) {
  const auto* it =
      std::ranges::find(kRunners, command.name, &std::pair<std::string_view, Command>::first);
  KVD_CHECK(it != kRunners.end(), "every command of the grammar has a runner");
  return it->second;
}

}  // namespace

ExitCode Run(const std::vector<std::string>& words, const Environment& environment,
             Console& console) {
  const auto fail_early = [&](const Failure& failure) {
    const bool json = AsksForJson(words) || environment("KVCTL_OUTPUT") == "json";
    console.WriteErr(json ? FailureJson(failure) : FailureText(failure, /*colour=*/false));
    return failure.exit_code;
  };
  const auto parsed = ParseCommandLine(words);
  if (const auto* failure = std::get_if<Failure>(&parsed)) return fail_early(*failure);
  const auto& line = std::get<CommandLine>(parsed);

  const auto settings = MakeSettings(line, {.environment = environment,
                                            .in_is_terminal = console.in_is_terminal(),
                                            .out_is_terminal = console.out_is_terminal(),
                                            .err_is_terminal = console.err_is_terminal(),
                                            .host = HostName()});
  if (const auto* failure = std::get_if<Failure>(&settings)) return fail_early(*failure);

  Session session(std::get<Settings>(settings), console);
  if (line.WantsHelp()) {
    return session.Print(line.command == nullptr ? GeneralHelp() : CommandHelp(*line.command));
  }
  if (line.Has("version")) return Version(session, line);
  return RunnerOf(*line.command)(session, line);
}

}  // namespace kvd::kvctl
