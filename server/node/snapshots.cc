#include "server/node/snapshots.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::node {

using partition::StreamId;

void Snapshots::Want(PartitionId partition, ReplicaId from, const raft::Member& to, Instant now) {
  const auto same = [&](const auto& each) {
    return each.second.partition == partition && each.second.to == to;
  };
  if (std::ranges::any_of(outgoing_, same)) return;
  outgoing_.emplace(StreamId{std::exchange(next_stream_, next_stream_ + shards_)},
                    Outgoing{.partition = partition, .from = from, .to = to});
  StartNext(to.node, now);
}

void Snapshots::StartNext(NodeId peer, Instant now) {
  auto first = outgoing_.end();
  for (auto at = outgoing_.begin(); at != outgoing_.end(); ++at) {
    if (at->second.to.node != peer) continue;
    if (at->second.active) return;
    if (first == outgoing_.end()) first = at;
  }
  if (first == outgoing_.end()) return;
  first->second.active = true;
  first->second.give_up_at = now + options_.patience;
  reads_.push_back({first->first, first->second.partition});
}

void Snapshots::OnChunkRead(StreamId stream, StatusOr<partition::Transfers::Chunk> chunk,
                            Instant now) {
  const auto at = outgoing_.find(stream);
  if (at == outgoing_.end()) {
    closes_.push_back(stream);  // It was given up meanwhile, and opened again by this very read.
    return;
  }
  Outgoing& outgoing = at->second;
  if (!chunk.ok()) {
    const NodeId peer = outgoing.to.node;
    End(at, std::nullopt);
    return StartNext(peer, now);
  }
  outgoing.complete = std::move(chunk->complete);
  chunks_.emplace_back(outgoing.to.node, SnapshotChunk{.group = GroupOf(outgoing.partition),
                                                       .from = outgoing.from,
                                                       .to = outgoing.to.id,
                                                       .stream = stream.value,
                                                       .sequence = outgoing.sequence,
                                                       .bytes = std::move(chunk->bytes)});
}

void Snapshots::OnAck(NodeId peer, const SnapshotAck& ack, Instant now) {
  const auto at = outgoing_.find(StreamId{ack.stream});
  if (at == outgoing_.end() || at->second.to.node != peer) return;
  Outgoing& outgoing = at->second;
  if (!outgoing.active || ack.sequence != outgoing.sequence) return;
  if (!ack.ok || outgoing.complete) {
    End(at, ack.ok ? std::move(outgoing.complete) : std::nullopt);
    return StartNext(peer, now);
  }
  outgoing.sequence += 1;
  outgoing.give_up_at = now + options_.patience;
  reads_.push_back({at->first, outgoing.partition});
}

void Snapshots::End(std::map<StreamId, Outgoing>::iterator at,
                    std::optional<raft::SnapshotPoint> sent) {
  ended_.push_back({at->second.partition, at->second.to.id, std::move(sent)});
  closes_.push_back(at->first);
  outgoing_.erase(at);
}

void Snapshots::OnChunk(NodeId peer, SnapshotChunk chunk) {
  const StreamId stream{chunk.stream};
  writes_.push_back({.stream = stream,
                     .partition = PartitionId{chunk.group.value - 1},
                     .peer = peer,
                     .bytes = std::move(chunk.bytes)});
  incoming_.insert_or_assign({peer, stream}, chunk.sequence);
}

void Snapshots::OnChunkWritten(StreamId stream, NodeId peer, bool ok) {
  const auto written = incoming_.extract(std::pair(peer, stream));
  if (!written) return;
  acks_.emplace_back(peer,
                     SnapshotAck{.stream = stream.value, .sequence = written.mapped(), .ok = ok});
}

void Snapshots::OnLinkDown(NodeId peer) {
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    const auto next = std::next(at);
    if (at->second.to.node == peer) End(at, std::nullopt);
    at = next;
  }
  std::erase_if(incoming_, [&](const auto& each) { return each.first.first == peer; });
}

void Snapshots::OnReplicaRemoved(PartitionId partition, Instant now) {
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    const auto next = std::next(at);
    if (at->second.partition == partition) {
      const NodeId peer = at->second.to.node;
      End(at, std::nullopt);
      StartNext(peer, now);
    }
    at = next;
  }
}

void Snapshots::Advance(Instant now) {
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    const auto next = std::next(at);
    if (at->second.give_up_at <= now) {
      const NodeId peer = at->second.to.node;
      End(at, std::nullopt);
      StartNext(peer, now);
    }
    at = next;
  }
}

Instant Snapshots::NextWakeAt() const {
  Instant wake = Instant::max();
  for (const auto& [stream, outgoing] : outgoing_) wake = std::min(wake, outgoing.give_up_at);
  return wake;
}

std::vector<Snapshots::Ended> Snapshots::Collect(Effects& effects,
                                                 const std::function<Frame&(NodeId)>& frame_to) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  };
  append(effects.chunk_reads, reads_);
  append(effects.chunk_writes, writes_);
  append(effects.chunk_closes, closes_);
  for (auto& [peer, chunk] : std::exchange(chunks_, {})) {
    frame_to(peer).chunks.push_back(std::move(chunk));
  }
  for (auto& [peer, ack] : std::exchange(acks_, {})) frame_to(peer).chunk_acks.push_back(ack);
  return std::exchange(ended_, {});
}

}  // namespace kvd::node
