#include "server/node/shard.h"

#include <utility>
#include <vector>

#include "common/check.h"
#include "server/node/node.h"

namespace kvd::node {
namespace {

using Parts = std::map<uint32_t, Frame>;

// Puts each of `from` into the list of the shard it is for.
template <typename T, typename ShardFor>
void Deal(std::vector<T>& from, const ShardFor& shard_for, std::vector<T> Frame::*list,
          Parts& parts) {
  for (T& one : from) (parts[shard_for(one)].*list).push_back(std::move(one));
  from.clear();
}
template <typename T, typename ShardFor>
void Deal(std::vector<T>& from, const ShardFor& shard_for, std::vector<T> Membership::*list,
          Parts& parts) {
  for (T& one : from) (parts[shard_for(one)].membership.*list).push_back(std::move(one));
  from.clear();
}

void SplitHeartbeat(const Heartbeat& heartbeat, uint32_t count, Parts& parts) {
  Heartbeat unstamped = heartbeat;
  unstamped.sent = 0;
  unstamped.seen = 0;
  unstamped.settled = 0;
  const bool is_divided_as_here = heartbeat.shard.count == count;
  for (uint32_t shard = 0; shard < count; ++shard) {
    if (is_divided_as_here && shard == heartbeat.shard.index) {
      parts[shard].heartbeat = heartbeat;
    } else if (!is_divided_as_here || shard == kFirstShard) {
      parts[shard].heartbeat = unstamped;
    }
  }
}

void SplitMembership(Membership& from, uint32_t count, Parts& parts) {
  const auto of_group = [count](const auto& one) { return ShardOf(one.group, count); };
  const auto of_step = [count](const Step& step) { return ShardOf(step.partition, count); };
  Deal(from.not_here, of_group, &Membership::not_here, parts);
  Deal(from.creates, of_group, &Membership::creates, parts);
  Deal(from.inquiries, of_group, &Membership::inquiries, parts);
  Deal(from.removals, of_group, &Membership::removals, parts);
  Deal(from.steps, of_step, &Membership::steps, parts);
  if (from.empty()) return;
  // Whoever leads groups is to report; all else is the first shard's.
  for (uint32_t shard = 1; from.poll && shard < count; ++shard) {
    parts[shard].membership.poll = from.poll;
  }
  Membership& first = parts[kFirstShard].membership;
  from.not_here = std::move(first.not_here);
  from.creates = std::move(first.creates);
  from.inquiries = std::move(first.inquiries);
  from.removals = std::move(first.removals);
  from.steps = std::move(first.steps);
  first = std::move(from);
}

}  // namespace

bool Shard::Holds(PartitionId partition) const {
  return ShardOf(partition, count) == index;
}

uint64_t Shard::NumberAbove(uint64_t number) const {
  return number + 1 + (index + count - ShardOfNumber(number + 1, count)) % count;
}

std::vector<Node::Options> Divide(Node::Options options, uint32_t count) {
  KVD_CHECK_OP(>, count, 0U);
  auto recovered = std::exchange(options.recovered, {});
  const auto tombstones = std::exchange(options.tombstones, {});
  std::vector<Node::Options> divided(count, options);
  for (uint32_t index = 0; index < count; ++index) divided[index].shard = {index, count};
  for (RecoveredReplica& one : recovered) {
    divided[ShardOf(one.partition, count)].recovered.push_back(std::move(one));
  }
  for (const auto& [partition, removed] : tombstones) {
    divided[ShardOf(partition, count)].tombstones.emplace(partition, removed);
  }
  return divided;
}

std::map<uint32_t, Frame> Split(Frame frame, uint32_t count) {
  Parts parts;
  const auto of_group = [count](const auto& one) { return ShardOf(one.group, count); };
  const auto of_forward = [count](const Forward& one) { return ShardOf(one.partition, count); };
  const auto of_reply = [count](const ForwardReply& one) { return ShardOfNumber(one.id, count); };
  const auto of_ack = [count](const SnapshotAck& one) { return ShardOfNumber(one.stream, count); };
  if (frame.heartbeat) SplitHeartbeat(*frame.heartbeat, count, parts);
  Deal(frame.raft, of_group, &Frame::raft, parts);
  for (auto& [shard, part] : parts) part.reply_now = frame.reply_now && !part.raft.empty();
  Deal(frame.forwards, of_forward, &Frame::forwards, parts);
  Deal(frame.replies, of_reply, &Frame::replies, parts);
  Deal(frame.chunk_acks, of_ack, &Frame::chunk_acks, parts);
  Deal(frame.chunks, of_group, &Frame::chunks, parts);
  SplitMembership(frame.membership, count, parts);
  for (auto& [shard, part] : parts) part.envelope = frame.envelope;
  return parts;
}

}  // namespace kvd::node
