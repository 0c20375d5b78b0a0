// kvd's command line and environment.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/host_port.h"
#include "config/node_settings.h"
#include "server/daemon/failure.h"

namespace kvd::daemon {

// With --dev: how far apart the clients' ports of two nodes are.
inline constexpr int kDevPortStep = 10;

struct CommandLine {
  enum class Action { kRun, kCheckConfig, kPrintEffective, kPrintSample, kDev };

  Action action = Action::kRun;
  std::optional<std::string> config_path;  // Not given: the default places.
  std::optional<std::string> node_flag;
  std::optional<std::string> node_environment;  // Not set if the flag is.
  config::Overrides overrides;
  std::vector<config::HostPort> join;  // Peer addresses of the cluster to ask; empty: not given.
  int dev_nodes = 1;
};

// What a process is started with, a flag before its variable; or the text and code with which it
// ends at once (--help, --version, a mistake, named with the flag or the variable it is in).
struct Ended {
  int code = kOk;
  std::string out;    // For stdout.
  std::string error;  // For stderr.
};
[[nodiscard]] std::variant<CommandLine, Ended> ParseCommandLine(int argc, const char* const* argv);

}  // namespace kvd::daemon
