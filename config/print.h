// The cluster file written out again: what is in force, for `kvd --print-config`, and a commented
// sample to begin with.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "config/cluster_file.h"
#include "config/node_settings.h"

namespace kvd::config {

// The whole file with every default written out and the entry of `settings` merged. It is a cluster
// file: parsed again, the node resolves to the same settings, without any overrides. File names
// under tls keep their ${node}, so that the text remains right for the other nodes.
// REQUIRES: `settings` was resolved from `file` and passes CheckOverridden().
[[nodiscard]] std::string PrintEffective(const ClusterFile& file, const NodeSettings& settings);

// The same without a node of one's own: what the file says to all, with every default written out.
[[nodiscard]] std::string PrintClusterWide(const ClusterFile& file);

// A cluster file of three nodes on loopback that explains every key and runs as it is; the sections
// that need more than a file, tls and auth, are comments. Parses without errors and warnings, with
// those sections too.
[[nodiscard]] std::string_view Sample();

}  // namespace kvd::config
