#include "client/kvctl/commands_tools.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "client/kvctl/help.h"
#include "client/kvctl/layout.h"
#include "common/types.h"
#include "config/units.h"

namespace kvd::kvctl {

ExitCode Version(Session& session, const CommandLine& line) {
  nlohmann::ordered_json object{{"kvctl", KVD_VERSION}, {"feature_level", kFeatureLevel}};
  std::string text = fmt::format("kvctl {}\n", KVD_VERSION);
  if (line.Has("server")) {
    const client::Client* cluster = session.Cluster();
    if (cluster == nullptr) return ExitCode::kUsage;
    const auto server = cluster->Ping({.timeout = session.TimeLeft()});
    if (!server.ok()) return session.Fail(server.error());
    object["server"] = {{"kvd", Visible(server->version)},
                        {"node", Visible(server->node)},
                        {"endpoint", server->endpoint},
                        {"feature_level", server->feature_level}};
    text += Visible(fmt::format("kvd   {} ({} at {})", server->version, server->node,
                                server->endpoint)) +
            "\n";
  }
  return session.Print(session.json() ? object.dump() + "\n" : text);
}

ExitCode Help(Session& session, const CommandLine& line) {
  if (line.arguments.empty()) return session.Print(GeneralHelp());
  const CommandSpec* command = FindCommand(line.arguments[0]);
  if (command == nullptr) {
    return session.Fail(UsageFailure(
        fmt::format("unknown command {}. See kvctl --help.", config::InQuotes(line.arguments[0]))));
  }
  return session.Print(CommandHelp(*command));
}

}  // namespace kvd::kvctl
