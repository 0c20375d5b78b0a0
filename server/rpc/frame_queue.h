// What is pending for one peer while a frame is on the wire: becomes the next frames, cut so that a
// heartbeat never waits behind more than one of them, and bounded.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "server/node/messages.h"

namespace kvd::rpc {

class FrameQueue {
 public:
  struct Options {
    uint64_t max_frame_bytes = 256U << 10U;  // A frame is closed once it holds this much.
    uint64_t max_queued_bytes = 4U << 20U;   // Of all but heartbeats. A single one always fits.
  };

  explicit FrameQueue(Options options) : options_(options) {}

  // Queues what `frame` holds. A newer heartbeat of a shard takes the place of one still queued; of
  // several shards' each has a frame of its own. Returns the ids of forwards for which there is no
  // room: they were not queued. Messages of consensus for which there is none are dropped, they are
  // made to be lost. Replies always are queued; a value for which there is no room is replaced by a
  // refusal. Word of replicas that come and go is small and always queued.
  [[nodiscard]] std::vector<uint64_t> Add(node::Frame frame);

  // The next frame; nullopt if nothing is queued.
  [[nodiscard]] std::optional<node::Frame> Take();

 private:
  [[nodiscard]] bool MakeRoom(uint64_t bytes);
  void TakeNewer(node::Membership& from);
  void TakeNewer(node::Heartbeat heartbeat);

  const Options options_;
  topology::Envelope envelope_;
  std::map<uint32_t, node::Heartbeat> heartbeats_;  // By shard.
  std::deque<node::GroupMessage> raft_;
  bool reply_now_ = false;
  std::deque<node::ForwardReply> replies_;
  std::deque<node::Forward> forwards_;
  std::deque<node::SnapshotAck> chunk_acks_;
  std::deque<node::SnapshotChunk> chunks_;
  node::Membership membership_;
  uint64_t queued_bytes_ = 0;
};

}  // namespace kvd::rpc
