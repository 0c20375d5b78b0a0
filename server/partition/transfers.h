// The snapshots that a node is sending and receiving, as the side that holds the store sees them:
// read chunk by chunk on one node, written chunk by chunk on another, and switched to when
// consensus says so. At most one is received per partition; a newer one takes its place.
//
// No thread, clock or disk of its own: the daemon drives it on RocksDB, the simulator on the twins.
//
// Threading: confined to the thread that applies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/snapshot.h"
#include "server/partition/state_machines.h"
#include "server/raft/messages.h"

namespace kvd::partition {

// One attempt to send one snapshot, named by the sender.
using StreamId = Id<struct StreamIdTag, uint64_t>;

class Transfers {
 public:
  explicit Transfers(StateMachines& machines) : machines_(machines) {}

  struct Chunk {
    std::string bytes;
    std::optional<raft::SnapshotPoint> complete = {};  // In the last one: what was sent.
  };

  // The next chunk of a stream, about this large. The first call opens it.
  [[nodiscard]] StatusOr<Chunk> Read(StreamId stream, PartitionId partition, uint64_t max_bytes);

  // Ends a stream that is sent, done or not.
  void Close(StreamId stream);

  // Takes in a chunk that came from `peer`. A stream that was not heard of begins a new attempt,
  // with its first chunk.
  [[nodiscard]] Status Write(NodeId peer, StreamId stream, PartitionId partition,
                             std::string_view chunk);

  // Lets the partition be what was received. NOT_FOUND if that is not the snapshot `point`, or not
  // complete. Returns the keys it has now. Durable as StateMachines::SwitchTo().
  [[nodiscard]] StatusOr<uint64_t> Install(PartitionId partition, const raft::SnapshotPoint& point);

  // The partition's replica here was removed: ends its snapshots, both ways, and has its data
  // dropped (StateMachines::Drop()).
  [[nodiscard]] Status Drop(PartitionId partition);

 private:
  struct Outgoing {
    PartitionId partition;
    SnapshotReader reader;
  };
  struct Incoming {
    NodeId peer;
    StreamId stream;
    SnapshotWriter writer;
  };

  StateMachines& machines_;
  std::map<StreamId, Outgoing> outgoing_;
  std::map<PartitionId, Incoming> incoming_;
};

}  // namespace kvd::partition
