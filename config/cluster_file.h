// The cluster file, as a value: one YAML file, copied unchanged to every node, that says what the
// cluster is, which nodes found it and how each runs. This room decides what a file may say
// (parse.h), says what is wrong with it (diagnostic.h), finds out which of its nodes this process
// is (which_node.h), merges what that node runs with (node_settings.h), and prints it (print.h).
//
// The members below are the keys of the file, with the built-in defaults. Keys without a default
// are optional where "not given" means something of its own.
//
// Pure, but for load.h. Threading: values; share as shared_ptr<const ClusterFile>.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/uuid.h"
#include "config/choices.h"
#include "config/host_port.h"
#include "config/units.h"

namespace kvd::config {

inline constexpr uint32_t kDefaultReplication = 3;
inline constexpr uint32_t kMaxReplication = 7;
inline constexpr uint32_t kMinPartitions = 16;
inline constexpr uint32_t kMaxPartitions = 16384;
inline constexpr size_t kMaxNodes = 1000;

// `cluster:`, the same on all nodes, fixed when the cluster is founded.
struct Cluster {
  std::string name;
  std::optional<Uuid> id;  // Given: this node joins and never founds.
  uint32_t partitions = 256;
  std::optional<uint32_t> replication;  // Not given: kDefaultReplication as soon as nodes suffice.

  [[nodiscard]] uint32_t copies() const { return replication.value_or(kDefaultReplication); }

  friend bool operator==(const Cluster&, const Cluster&) = default;
};

// `topology:`, cluster-wide; kept in the topology after founding.
struct Topology {
  Voters voters;
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  Duration remove_after = std::chrono::minutes(5);  // Zero: never.
  Duration handback_after = std::chrono::seconds(10);

  friend bool operator==(const Topology&, const Topology&) = default;
};

// Where /metrics, /livez and /readyz are served; nowhere if `at` is not set.
struct HttpListen {
  std::optional<HostPort> at;

  // As HostPort::Parse, but "" turns it off.
  [[nodiscard]] static StatusOr<HttpListen> Parse(std::string_view text);

  friend bool operator==(const HttpListen&, const HttpListen&) = default;
};

// What a node may say for itself and `defaults:` for all of them. ${node} stands for its name.
struct NodeOptions {
  std::optional<HostPort> peer_address;
  std::optional<HostPort> listen;
  std::optional<HostPort> peer_listen;
  std::optional<HttpListen> http_listen;
  std::optional<std::string> data_dir;
  std::optional<std::string> zone;
  std::optional<uint32_t> shards;

  friend bool operator==(const NodeOptions&, const NodeOptions&) = default;
};

// An entry of `nodes:`.
struct NodeEntry {
  std::string name;
  HostPort address;
  NodeOptions options;

  friend bool operator==(const NodeEntry&, const NodeEntry&) = default;
};

struct Tls {
  TlsMode mode = TlsMode::kDisabled;
  bool allow_insecure = false;  // Plaintext on addresses that other machines reach.
  std::string ca_file;          // Empty: not given. ${node} is left in place; see node_settings.h.
  std::string cert_file;
  std::string key_file;
  std::optional<std::string> uri_prefix;

  friend bool operator==(const Tls&, const Tls&) = default;
};

// The first rule whose identity (a trailing * matches any rest) and key prefix match decides.
struct AuthRule {
  std::string identity;
  std::vector<Permission> allow;
  std::string prefix;  // Empty: every key.

  friend bool operator==(const AuthRule&, const AuthRule&) = default;
};

struct Auth {
  std::vector<AuthRule> rules;

  friend bool operator==(const Auth&, const Auth&) = default;
};

struct Limits {
  uint64_t max_key_bytes = 4 * kKiB;
  uint64_t max_value_bytes = kMiB;
  uint64_t max_inflight_bytes = 256 * kMiB;
  uint32_t max_connections = 4096;

  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Timeouts {
  Duration request = std::chrono::seconds(2);  // When a client sends no deadline.
  Duration request_max = std::chrono::seconds(30);
  Duration peer_connect = std::chrono::milliseconds(500);
  Duration drain_delay = std::chrono::seconds(5);
  Duration drain_grace = std::chrono::seconds(20);

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// Per node.
struct Rebalance {
  uint64_t max_bytes_per_second = 16 * kMiB;
  uint32_t max_concurrent = 2;

  friend bool operator==(const Rebalance&, const Rebalance&) = default;
};

// Disk to keep free: a share of the disk, or a size. One of the two is zero.
struct MinFree {
  uint32_t percent = 5;
  uint64_t bytes = 0;

  // The bytes to keep free of a disk of `capacity` bytes.
  [[nodiscard]] uint64_t Of(uint64_t capacity) const {
    return bytes != 0 ? bytes : capacity / 100 * percent;
  }

  friend bool operator==(const MinFree&, const MinFree&) = default;
};

struct Storage {
  uint64_t block_cache = 256 * kMiB;
  uint64_t write_buffer = 32 * kMiB;
  Compression compression = Compression::kLz4;
  MinFree min_free;

  friend bool operator==(const Storage&, const Storage&) = default;
};

struct Log {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
  std::string file;  // Empty: stderr.
  LogKeys keys = LogKeys::kHashed;

  friend bool operator==(const Log&, const Log&) = default;
};

struct Debug {
  Reflection reflection = Reflection::kAuto;  // kAuto: on loopback or with mutual TLS only.
  bool channelz = false;

  friend bool operator==(const Debug&, const Debug&) = default;
};

// What parse.h returns holds to every rule of the file; a hand-made one is as good as its maker.
struct ClusterFile {
  uint32_t version = 1;  // Of the file's schema.
  Cluster cluster;
  Topology topology;
  std::vector<NodeEntry> nodes;  // At least one.
  NodeOptions defaults;
  Tls tls;
  Auth auth;
  Limits limits;
  Timeouts timeouts;
  Rebalance rebalance;
  Storage storage;
  Log log;
  Debug debug;

  friend bool operator==(const ClusterFile&, const ClusterFile&) = default;
};

}  // namespace kvd::config
