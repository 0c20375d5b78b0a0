// What nodes answer, as plain values: entries, the ring, the state of the cluster.
//
// Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/types.h"
#include "common/uuid.h"

namespace kvd::client {

// How an operation was served.
struct Served {
  PartitionId partition;
  std::string owner;     // The node, by name, that owned the partition and decided.
  uint32_t hops = 0;     // 0: the node asked is the owner; 1: it forwarded.
  std::string endpoint;  // The node asked, as it was given in the options.
  Duration took{};       // From sending to the answer.
};

struct Entry {
  std::string value;
  Version version = 0;  // Increases with every write of a partition.
};

// A read with Consistency::kStale also says how stale: every write answered longer ago than
// `stale_by` is in the answer; nullopt if the node cannot tell.
struct GetAnswer {
  std::optional<Entry> entry;  // nullopt: the key is absent.
  std::optional<Duration> stale_by;
  Served served;
};

struct ExistsAnswer {
  std::optional<Version> version;  // nullopt: the key is absent.
  std::optional<Duration> stale_by;
  Served served;
};

// Writes with a condition that failed wrote nothing, and say what was found: the version the key is
// at, 0 if it is absent.
struct PutAnswer {
  Version version = 0;                    // The version this write created.
  std::optional<Version> actual_version;  // Set: the condition failed.
  Served served;

  [[nodiscard]] bool written() const { return !actual_version; }
};

struct DeleteAnswer {
  std::optional<Version> version;         // Of the deletion; nullopt: nothing was deleted.
  std::optional<Version> actual_version;  // Set: the condition failed.
  Served served;
};

struct IncrementAnswer {
  int64_t value = 0;    // The sum.
  Version version = 0;  // The version this write created.
  Served served;
};

struct BatchAnswer {
  Version version = 0;                    // Of every key written.
  std::optional<Version> actual_version;  // Set: the condition of `failed_key` failed.
  std::string failed_key;
  Served served;

  [[nodiscard]] bool written() const { return !actual_version; }
};

enum class NodeState : uint8_t {
  kUp,
  kSuspect,   // Silent for longer than its rhythm allows.
  kDown,      // Unreachable.
  kJoining,   // Known from the cluster file, not founded yet.
  kDraining,  // Stopping on request; it still answers.
  kUnknown,   // A state of a newer version.
};

// "up", "suspect", ... as in kvctl's output.
[[nodiscard]] std::string_view StateName(NodeState state);

struct PingAnswer {
  std::string cluster;
  std::string node;
  std::optional<Uuid> cluster_id;  // nullopt: not founded yet.
  Uuid node_uuid;
  std::string version;
  uint32_t feature_level = 0;
  std::string endpoint;
  Duration took{};
};

// What a node last told about itself.
struct NodeLoad {
  uint64_t keys = 0;
  uint64_t disk_bytes = 0;
  Duration uptime{};
  std::string version;
};

struct NodeStatus {
  std::string name;
  std::optional<Uuid> uuid;  // nullopt: not known yet.
  std::string address;
  std::string peer_address;
  std::string zone;
  NodeState state = NodeState::kUnknown;
  Duration silent{};          // How long in a state other than up.
  std::string silent_reason;  // "connection refused", "silent".
  uint32_t owned = 0;
  uint32_t replicas = 0;
  std::optional<NodeLoad> load;  // nullopt: never heard.

  // Log entries committed and not yet applied by its replicas; nullopt: not known.
  std::optional<uint64_t> behind;
};

// The cluster as the answering node sees it.
struct ClusterStatus {
  std::string cluster;
  Epoch epoch;  // 0 before founding.
  uint32_t partitions = 0;
  uint32_t replication = 0;         // Copies of each key now,
  uint32_t replication_wished = 0;  // and as the cluster file has it.
  std::string answered_by;
  std::vector<NodeStatus> nodes;  // In order of name.
  std::string waiting_for;        // Empty when founded.
  uint32_t leaderless = 0;        // Partitions without an owner: not served now.
  std::string halted;             // Why what is due is not done; empty: nothing is in the way.
  std::string endpoint;
};

struct RingNode {
  std::string name;
  std::string address;
  std::string zone;
  NodeState state = NodeState::kUnknown;
  Duration silent{};
};

// Positions are in Ring::nodes, and within its bounds.
struct RingPartition {
  std::vector<uint32_t> replicas;  // In ring order: the first is the preferred owner.
  uint32_t owner = 0;
  Term term = 0;  // 0: not known to the answering node.
  Index base = 0;
  bool leaderless = false;  // Nobody owns it; `owner` is the preferred one.
};

struct Ring {
  std::string cluster;
  Epoch epoch;
  uint32_t replication = 0;
  std::vector<RingNode> nodes;
  std::vector<RingPartition>
      partitions;  // A power of two of them; see PartitionOf in common/hash.h.
  std::string endpoint;
};

}  // namespace kvd::client
