// What a node shows of the cluster to those who ask: a snapshot, as this node sees it now. Of a
// node that is divided into shards, each shows the cluster as the first one does, but of partitions
// and keys only its own; and the first shows all of it when theirs are merged into its view.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/types.h"
#include "server/node/messages.h"
#include "server/topology/topology.h"

namespace kvd::node {

enum class NodeState : uint8_t { kUp, kSuspect, kDown, kJoining, kDraining };

struct NodeView {
  topology::NodeCard card;
  NodeState state = NodeState::kJoining;
  Duration silent{};               // Since when it is not up.
  std::string silent_reason = {};  // "connection refused", "silent"; empty when up.
  uint32_t owned = 0;
  uint32_t replicas = 0;
  std::optional<Load> load = {};
  Duration average_gap{};   // Between what was heard of it; of this node itself 0.
  uint64_t suspicions = 0;  // How often it was suspected here since this node started.
};

struct ClusterView {
  std::string cluster;
  Uuid cluster_id;
  Epoch epoch{};
  uint32_t partitions = 0;
  uint32_t copies = 0;
  uint32_t replication_wished = 0;
  topology::NodeCard self;
  std::vector<NodeView> nodes;  // In order of id once founded, of name before.
  uint32_t leaderless = 0;      // Partitions with a replica here that have no owner right now.
  std::string waiting_for;      // Empty when founded.
  std::string halted = {};      // Why the system group does not do what is due; empty: it does.
};

struct PartitionView {
  std::vector<uint32_t> replicas;  // Positions in ClusterView::nodes.
  uint32_t owner = 0;              // As far as known here, else the preferred one.
  Term term = 0;                   // 0: not known here.
  Index base = 0;
  bool leaderless = false;  // It has a replica here, and no owner.
};

struct RingView {
  ClusterView cluster;
  std::vector<PartitionView> partitions;  // All of them; of those of other shards the replicas.
};

// Adds what another shard of the same node has to show to the view of the first one. One of them
// may hold another epoch than the other for a moment: then nothing is added.
void Merge(ClusterView& first, const ClusterView& other);
void Merge(RingView& first, const RingView& other, const Shard& of);

}  // namespace kvd::node
