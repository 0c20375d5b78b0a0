// What one node runs with: the file's entry for it, merged. Precedence: flag or environment (the
// overrides) > nodes[] > defaults > built-in. What is cluster-wide is not here but in the file:
// nothing can override it.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "config/cluster_file.h"

namespace kvd::config {

inline constexpr uint16_t kPeerPortOffset = 1;
inline constexpr uint16_t kHttpPortOffset = 80;

// What flags and environment say, flags already having won over the environment.
struct Overrides {
  std::optional<std::string> data_dir = std::nullopt;
  std::optional<HostPort> listen = std::nullopt;
  std::optional<HostPort> peer_listen = std::nullopt;
  std::optional<HttpListen> http_listen = std::nullopt;
  std::optional<LogLevel> log_level = std::nullopt;
  std::optional<LogFormat> log_format = std::nullopt;
};

struct NodeSettings {
  std::string name;
  HostPort address;                     // What clients dial.
  HostPort peer_address;                // What nodes dial. Default: address, port + 1.
  HostPort listen;                      // Where to bind. Default: address.
  HostPort peer_listen;                 // Default: peer_address.
  std::optional<HostPort> http_listen;  // Off if not set. Default: 127.0.0.1, address' port + 80.
  std::string data_dir;                 // Default: /var/lib/kvd/NAME.
  std::string zone;                     // Empty: a failure domain of its own.
  uint32_t shards = 0;                  // 0: by the number of cores.
  std::string ca_file;                  // The files are empty where not given.
  std::string cert_file;
  std::string key_file;
  std::string uri_prefix;  // Default: kvd://CLUSTER/.
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kAuto;

  friend bool operator==(const NodeSettings&, const NodeSettings&) = default;
};

// REQUIRES: `file` comes from Parse(), `node_index` is below its number of nodes.
[[nodiscard]] NodeSettings Resolve(const ClusterFile& file, size_t node_index,
                                   const Overrides& overrides = {});

// Judges what overrides may have broken: plaintext on an address that other machines reach, two
// listeners on one port. Always OK without overrides. The sentence says what to do.
[[nodiscard]] Status CheckOverridden(const ClusterFile& file, const NodeSettings& settings);

// The ports a node binds, with the keys that name them: "listen", "peer_listen", "http_listen".
struct Listener {
  std::string key;
  HostPort at;
};
[[nodiscard]] std::vector<Listener> Listeners(const NodeSettings& settings);

// True if both cannot be bound on one machine: the same port, not 0, on the same or on every
// interface.
[[nodiscard]] bool Clash(const HostPort& a, const HostPort& b);

}  // namespace kvd::config
