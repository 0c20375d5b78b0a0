// Which of the file's nodes is this process? A person may say it; otherwise the machine's names and
// addresses tell, as long as they leave no doubt.
//
// Pure: the caller finds out what the machine is called. Threading: values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "config/cluster_file.h"

namespace kvd::config {

struct Whereabouts {
  std::optional<std::string> node_flag = std::nullopt;  // --node
  std::optional<std::string> node_environment =
      std::nullopt;                               // KVD_NODE; empty counts as not given.
  std::string short_host_name = {};               // "web7"
  std::string full_host_name = {};                // "web7.example.net"
  std::vector<std::string> local_addresses = {};  // Of the interfaces: "10.0.0.1", "fe80::1".
};

// The index of this node in `file.nodes`, by the first that answers: the flag; the environment; the
// only entry; the one entry named like the host, short or full; the one entry whose address is on a
// local interface. A name that was said and is not listed is an error, whatever else would answer.
// `file_name` is for the message.
[[nodiscard]] StatusOr<size_t> WhichNode(const ClusterFile& file, std::string_view file_name,
                                         const Whereabouts& here);

}  // namespace kvd::config
