// What a node wants done. The driver (runtime in the daemon, the simulator in tests) carries it out
// and reports back through the node's On...() methods.
//
// Pure values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/types.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/partition/state_machines.h"
#include "server/partition/transfers.h"
#include "server/raft/replica.h"
#include "server/storage/log.h"
#include "server/topology/boots.h"
#include "server/topology/founding.h"

namespace kvd::node {

// Look up `key`, then call OnRead().
struct ReadJob {
  Ticket ticket;
  PartitionId partition;
  std::string key;
  bool omit_value = false;  // Only the version is asked for.
};

// Read what a follower misses from the log, then call OnFetched().
struct FetchJob {
  PartitionId partition;
  raft::Fetch fetch;
};

// Snapshots, for partition::Transfers. Read the next chunk of a stream, then call OnChunkRead();
// end a stream; write a chunk that arrived, then call OnChunkWritten().
struct ChunkRead {
  partition::StreamId stream;
  PartitionId partition;
  uint64_t max_bytes = 256U << 10U;
};
struct ChunkWrite {
  partition::StreamId stream;
  PartitionId partition;
  NodeId peer;
  std::string bytes;
};

// Let the partition be what was received, then call OnInstalled().
struct InstallJob {
  PartitionId partition;
  raft::SnapshotPoint snapshot;
};

// A member to keep a link with. Of a pair, the one with the lower id dials.
struct LinkTarget {
  NodeId id;
  Uuid uuid;
  std::string name;
  std::string peer_address;
  bool dial = false;
  std::string other_address = {};  // Where it may be too; empty: nowhere else.

  friend bool operator==(const LinkTarget&, const LinkTarget&) = default;
};

struct LinkSet {
  Uuid cluster_id;
  std::vector<LinkTarget> targets;
  std::vector<topology::Removed> removed = {};  // Who is told so if it dials.
};

// What one shard of a node tells another.
struct Aside {
  std::optional<topology::Topology> topology;  // On the disk, and in force from now on.
  std::optional<topology::Boots> boots;        // Of the other nodes, on the disk.
  Membership membership;
};

using CallAnswer = std::pair<CallId, Answer>;

struct Effects {
  // Make durable in this order, together where possible; then call OnDurable() with the number of
  // each group's last one.
  std::vector<raft::Write> appends;

  // Committed: apply, then call OnApplied().
  std::vector<partition::ApplyJob> applies;
  std::vector<ReadJob> reads;
  std::vector<FetchJob> fetches;
  std::vector<ChunkRead> chunk_reads;
  std::vector<ChunkWrite> chunk_writes;
  std::vector<partition::StreamId> chunk_closes;
  std::vector<InstallJob> installs;

  // Their replicas here were removed, durably: delete their data, behind everything above, then
  // call OnDropped().
  std::vector<PartitionId> drops;

  // What leaders of groups said to this node, for whoever reconciles.
  std::vector<GroupReport> reports;
  std::vector<StepAnswer> step_answers;

  // Entries the log may forget. The replicas know already.
  std::vector<storage::Log::Prefix> truncations;

  std::vector<CallAnswer> answers;
  std::vector<std::pair<NodeId, Frame>> frames;

  // Greetings, answers to greetings, and what must be durable before OnBound() and OnStored().
  topology::FoundingEffects founding;

  // A record to be made durable, then OnBootsStored().
  std::optional<std::string> boots;

  // The disk of this node is older than what the node has said, for this reason: nothing on it may
  // be used any more, and nothing else of this be carried out.
  std::optional<std::string> condemned;

  // This node is no member any more: everything it held is elsewhere. It has to stop.
  bool removed = false;

  // The members changed: keep links with exactly these, once the asides are where they belong.
  std::optional<LinkSet> links;

  // For the other shards of this node: OnAside(), in this order.
  std::map<uint32_t, Aside> asides;

  std::vector<LogLine> log;
};

}  // namespace kvd::node
