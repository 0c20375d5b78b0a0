#include "server/rpc/frame_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "server/node/requests.h"

namespace kvd::rpc {
namespace {

constexpr uint64_t kOverhead = 64;  // Of one message in a frame, about.

uint64_t SizeOf(const node::Forward& forward) {
  return kOverhead + node::SizeOf(forward.operation);
}

uint64_t SizeOf(const node::GroupMessage& message) {
  uint64_t bytes = kOverhead;
  const auto* append = std::get_if<raft::AppendRequest>(&message.message.body);
  if (append == nullptr) return bytes;
  for (const storage::Entry& entry : append->entries) bytes += kOverhead + entry.payload.size();
  return bytes;
}

uint64_t SizeOf(const node::ForwardReply& reply) {
  const auto* found = std::get_if<node::Found>(&reply.result);
  return kOverhead + (found != nullptr ? found->value.size() : 0);
}

uint64_t SizeOf(const node::SnapshotAck&) {
  return kOverhead;
}

uint64_t SizeOf(const node::SnapshotChunk& chunk) {
  return kOverhead + chunk.bytes.size();
}

// Few, and small: they need no room of their own.
template <typename T>
void Append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Refusal NoRoom() {
  return {.reason = Reason::kOverloaded,
          .message =
              "too many large values are on their way to the node that was asked; not "
              "read; try again in 50 ms",
          .metadata = {},
          .retry_after = std::chrono::milliseconds(50)};
}

// Moves messages from `from` to `to` until the frame holds `max` bytes.
template <typename T>
void Fill(std::deque<T>& from, std::vector<T>& to, uint64_t max, uint64_t& bytes) {
  while (!from.empty() && bytes < max) {
    bytes += SizeOf(from.front());
    to.push_back(std::move(from.front()));
    from.pop_front();
  }
}

}  // namespace

bool FrameQueue::MakeRoom(uint64_t bytes) {
  if (queued_bytes_ != 0 && queued_bytes_ + bytes > options_.max_queued_bytes) return false;
  queued_bytes_ += bytes;
  return true;
}

// Of these the last word is all that counts.
void FrameQueue::TakeNewer(node::Membership& from) {
  if (from.poll) {
    membership_.poll = from.poll;
    membership_.halted = std::move(from.halted);
  }
  if (from.witness) membership_.witness = std::move(from.witness);
  membership_.topology_wanted = membership_.topology_wanted || from.topology_wanted;
  if (!from.topology.empty()) membership_.topology = std::move(from.topology);
  if (from.superseded_by) membership_.superseded_by = from.superseded_by;
}

// It would make beats of its shard that still wait here younger than they are.
void FrameQueue::TakeNewer(node::Heartbeat heartbeat) {
  const node::Shard shard = heartbeat.shard;
  if (std::ranges::any_of(raft_, [&](const node::GroupMessage& message) {
        return shard.Holds(PartitionOf(message.group));
      })) {
    heartbeat.settled = 0;
  }
  heartbeats_.insert_or_assign(shard.index, std::move(heartbeat));
}

std::vector<uint64_t> FrameQueue::Add(node::Frame frame) {
  envelope_ = frame.envelope;
  if (frame.heartbeat) TakeNewer(*std::move(frame.heartbeat));
  reply_now_ = reply_now_ || frame.reply_now;
  for (node::GroupMessage& message : frame.raft) {
    if (MakeRoom(SizeOf(message))) raft_.push_back(std::move(message));
  }
  for (node::ForwardReply& reply : frame.replies) {
    if (!MakeRoom(SizeOf(reply))) {
      // Only a read may be taken back: the word that a write is done must not become a refusal.
      if (std::holds_alternative<node::Found>(reply.result)) reply.result = NoRoom();
      queued_bytes_ += SizeOf(reply);
    }
    replies_.push_back(std::move(reply));
  }
  Append(membership_.not_here, frame.membership.not_here);
  Append(membership_.creates, frame.membership.creates);
  Append(membership_.inquiries, frame.membership.inquiries);
  Append(membership_.removals, frame.membership.removals);
  Append(membership_.reports, frame.membership.reports);
  Append(membership_.steps, frame.membership.steps);
  Append(membership_.step_answers, frame.membership.step_answers);
  Append(membership_.announced, frame.membership.announced);
  Append(membership_.verdicts, frame.membership.verdicts);
  TakeNewer(frame.membership);
  // One chunk per peer and its answer: they bound themselves.
  for (const node::SnapshotAck& ack : frame.chunk_acks) {
    queued_bytes_ += SizeOf(ack);
    chunk_acks_.push_back(ack);
  }
  for (node::SnapshotChunk& chunk : frame.chunks) {
    queued_bytes_ += SizeOf(chunk);
    chunks_.push_back(std::move(chunk));
  }
  std::vector<uint64_t> refused;
  for (node::Forward& forward : frame.forwards) {
    if (MakeRoom(SizeOf(forward))) {
      forwards_.push_back(std::move(forward));
    } else {
      refused.push_back(forward.id);
    }
  }
  return refused;
}

std::optional<node::Frame> FrameQueue::Take() {
  node::Frame frame{.envelope = envelope_,
                    .heartbeat = std::nullopt,
                    .raft = {},
                    .reply_now = reply_now_,
                    .forwards = {},
                    .replies = {},
                    .chunk_acks = {},
                    .chunks = {},
                    .membership = std::exchange(membership_, {})};
  if (auto first = heartbeats_.begin(); first != heartbeats_.end()) {
    frame.heartbeat = std::move(heartbeats_.extract(first).mapped());
  }
  uint64_t bytes = 0;
  Fill(raft_, frame.raft, options_.max_frame_bytes, bytes);
  reply_now_ = reply_now_ && !raft_.empty();  // Not all of them went.
  Fill(replies_, frame.replies, options_.max_frame_bytes, bytes);
  Fill(forwards_, frame.forwards, options_.max_frame_bytes, bytes);
  Fill(chunk_acks_, frame.chunk_acks, options_.max_frame_bytes, bytes);
  Fill(chunks_, frame.chunks, options_.max_frame_bytes, bytes);
  queued_bytes_ -= bytes;
  if (frame.empty()) return std::nullopt;
  return frame;
}

}  // namespace kvd::rpc
