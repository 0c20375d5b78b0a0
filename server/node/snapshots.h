// The snapshots on their way from this node's replicas to those of other nodes, and the other way
// round: chunk by chunk over the links, one chunk underway per stream and one stream per peer, so
// that no operation and no heartbeat waits for more than one chunk.
//
// Pure. Threading: confined to the node.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/types.h"
#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/node/shard.h"

namespace kvd::node {

class Snapshots {
 public:
  // A chunk that is not answered for this long ends its stream: the follower will ask again.
  struct Options {
    Duration patience = std::chrono::seconds(10);
  };

  // Streams have numbers of `shard`, up from above `last_stream`, which must not repeat across
  // restarts.
  Snapshots(Options options, Shard shard, uint64_t last_stream)
      : options_(options), shards_(shard.count), next_stream_(shard.NumberAbove(last_stream)) {}

  // A stream ended: what was sent, or nullopt.
  struct Ended {
    PartitionId partition;
    ReplicaId follower;
    std::optional<raft::SnapshotPoint> sent;
  };

  // `from` is to send a snapshot to `to`. No-op while it does.
  void Want(PartitionId partition, ReplicaId from, const raft::Member& to, Instant now);

  // The chunk of the stream that was asked for.
  void OnChunkRead(partition::StreamId stream, StatusOr<partition::Transfers::Chunk> chunk,
                   Instant now);

  // The follower took the chunk in, or could not.
  void OnAck(NodeId peer, const SnapshotAck& ack, Instant now);

  // A chunk for a replica of this node arrived from `peer`; and it was written.
  void OnChunk(NodeId peer, SnapshotChunk chunk);
  void OnChunkWritten(partition::StreamId stream, NodeId peer, bool ok);

  void OnLinkDown(NodeId peer);

  // What this replica was sending ends.
  void OnReplicaRemoved(PartitionId partition, Instant now);
  void Advance(Instant now);
  [[nodiscard]] Instant NextWakeAt() const;

  // Moves what is to be done to `effects` and to the frames that `frame_to` gives. Returns what
  // ended.
  [[nodiscard]] std::vector<Ended> Collect(Effects& effects,
                                           const std::function<Frame&(NodeId)>& frame_to);

 private:
  struct Outgoing {
    PartitionId partition;
    ReplicaId from;
    raft::Member to;
    uint32_t sequence = 0;                             // Of the chunk underway.
    std::optional<raft::SnapshotPoint> complete = {};  // The chunk underway is the last one.
    bool active = false;                               // Others to the same node go first.
    Instant give_up_at = Instant::max();
  };
  void StartNext(NodeId peer, Instant now);
  void End(std::map<partition::StreamId, Outgoing>::iterator at,
           std::optional<raft::SnapshotPoint> sent);

  const Options options_;
  const uint32_t shards_;
  uint64_t next_stream_;
  std::map<partition::StreamId, Outgoing> outgoing_;
  std::map<std::pair<NodeId, partition::StreamId>, uint32_t> incoming_;  // Being written: sequence.
  std::vector<ChunkRead> reads_;
  std::vector<ChunkWrite> writes_;
  std::vector<partition::StreamId> closes_;
  std::vector<std::pair<NodeId, SnapshotChunk>> chunks_;
  std::vector<std::pair<NodeId, SnapshotAck>> acks_;
  std::vector<Ended> ended_;
};

}  // namespace kvd::node
