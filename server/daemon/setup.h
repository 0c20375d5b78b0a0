// Everything a process knows before it touches its data: the cluster file, and which of its nodes
// this is. Reads the file and asks the machine for its names; nothing is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/cluster_file.h"
#include "config/node_settings.h"
#include "server/daemon/failure.h"
#include "server/daemon/options.h"

namespace kvd::daemon {

struct Setup {
  config::ClusterFile file;
  config::NodeSettings node;
  std::string path;                         // Of the cluster file.
  std::vector<config::HostPort> join = {};  // As in CommandLine.
  std::string warnings;                     // Rendered, WhatIsIgnored() included; empty: none.
};

// Fails with kConfiguration and every mistake of the file at once, or what else is wrong.
[[nodiscard]] OrFailure<Setup> MakeSetup(const CommandLine& line);

// What the file asks for and this release cannot do; nullopt: nothing.
[[nodiscard]] std::optional<std::string> WhatIsUnsupported(const Setup& setup);

// What the file sets to other than its default and this release does nothing with: "KEY is VALUE,
// which ...", one sentence per key.
[[nodiscard]] std::vector<std::string> WhatIsIgnored(const config::ClusterFile& file);

// Parses, validates, and reports like a compiler: for --check-config. With a node named, also what
// that node needs is checked. `code` is kOk or kConfiguration.
[[nodiscard]] Ended CheckConfig(const CommandLine& line);

// What this node runs with; what all nodes do, if none is named and the machine does not tell which
// this is.
[[nodiscard]] Ended PrintConfig(const CommandLine& line);

}  // namespace kvd::daemon
