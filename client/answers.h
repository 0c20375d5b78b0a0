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

struct GetAnswer {
  std::optional<Entry> entry;  // nullopt: the key is absent.
  Served served;
};

struct ExistsAnswer {
  std::optional<Version> version;  // nullopt: the key is absent.
  Served served;
};

struct PutAnswer {
  Version version = 0;  // The version this write created.
  Served served;
};

struct DeleteAnswer {
  std::optional<Version> version;  // Of the deletion; nullopt: the key was absent.
  Served served;
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
