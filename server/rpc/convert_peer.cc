// What nodes say to one another, as protocol buffers.

#include <algorithm>
#include <utility>

#include "server/node/shard.h"
#include "server/rpc/convert.h"
#include "server/rpc/convert_frame.h"

namespace kvd::rpc {
namespace {

bool Read(const peer_pb::Envelope& in, topology::Envelope& out) {
  out.from_boot = {.counter = in.from_boot().counter(), .nonce = in.from_boot().nonce()};
  out.epoch = Epoch{in.epoch()};
  out.feature_level = in.feature_level();
  return ReadUuid(in.cluster_id(), out.cluster_id) && ReadUuid(in.from_uuid(), out.from) &&
         ReadUuid(in.to_uuid(), out.to) && !out.from.is_nil();
}

void Write(const topology::Envelope& in, peer_pb::Envelope& out) {
  out.set_cluster_id(WriteUuid(in.cluster_id));
  out.set_from_uuid(WriteUuid(in.from));
  out.mutable_from_boot()->set_counter(in.from_boot.counter);
  out.mutable_from_boot()->set_nonce(in.from_boot.nonce);
  out.set_to_uuid(WriteUuid(in.to));
  out.set_epoch(in.epoch.value);
  out.set_feature_level(in.feature_level);
}

topology::ClusterTerms Read(const peer_pb::ClusterTerms& in) {
  return {.name = in.name(),
          .partitions = in.partitions(),
          .replication = in.replication(),
          .node_names = {in.node_names().begin(), in.node_names().end()}};
}

std::optional<node::Heartbeat> Read(const peer_pb::Heartbeat& in) {
  const node::Shard shard{.index = in.shard(), .count = std::max(in.shards(), 1U)};
  if (shard.index >= shard.count || shard.count > node::kMaxShards) return std::nullopt;
  node::Heartbeat out{.shard = shard,
                      .heard_ago = std::nullopt,
                      .load = {.keys = in.keys(),
                               .disk_bytes = in.disk_bytes(),
                               .behind = in.behind(),
                               .uptime = FromMilliseconds(in.uptime_ms()),
                               .version = in.version()},
                      .behind = in.you_are_behind(),
                      .sent = in.sent(),
                      .seen = in.seen(),
                      .settled = in.settled(),
                      .draining = in.draining(),
                      .unfit = in.unfit()};
  if (in.has_heard_ms_ago()) out.heard_ago = FromMilliseconds(in.heard_ms_ago());
  return out;
}

void Write(const node::Heartbeat& in, peer_pb::Heartbeat& out) {
  if (in.heard_ago) out.set_heard_ms_ago(Milliseconds(*in.heard_ago));
  out.set_keys(in.load.keys);
  out.set_disk_bytes(in.load.disk_bytes);
  out.set_behind(in.load.behind);
  out.set_you_are_behind(in.behind);
  out.set_sent(in.sent);
  out.set_seen(in.seen);
  out.set_settled(in.settled);
  out.set_uptime_ms(Milliseconds(in.load.uptime));
  out.set_version(in.load.version);
  out.set_draining(in.draining);
  out.set_unfit(in.unfit);
  out.set_shard(in.shard.index);
  if (in.shard.count > 1) out.set_shards(in.shard.count);
}

node::SnapshotAck Read(const peer_pb::SnapshotAck& in) {
  return {.stream = in.stream(), .sequence = in.sequence(), .ok = in.ok()};
}

void Write(const node::SnapshotAck& in, peer_pb::SnapshotAck& out) {
  out.set_stream(in.stream);
  out.set_sequence(in.sequence);
  out.set_ok(in.ok);
}

node::SnapshotChunk Read(peer_pb::SnapshotChunk& in) {
  return {.group = GroupId{in.group()},
          .from = ReplicaId{in.from()},
          .to = ReplicaId{in.to()},
          .stream = in.stream(),
          .sequence = in.sequence(),
          .bytes = std::move(*in.mutable_bytes())};
}

void Write(node::SnapshotChunk in, peer_pb::SnapshotChunk& out) {
  out.set_group(in.group.value);
  out.set_from(in.from.value);
  out.set_to(in.to.value);
  out.set_stream(in.stream);
  out.set_sequence(in.sequence);
  out.set_bytes(std::move(in.bytes));
}

}  // namespace

bool ReadUuid(const std::string& bytes, Uuid& out) {
  if (bytes.empty()) return true;
  const auto uuid = Uuid::FromBytes(bytes);
  if (!uuid) return false;
  out = *uuid;
  return true;
}

std::string WriteUuid(const Uuid& uuid) {
  return uuid.is_nil() ? std::string() : uuid.ToBytes();
}

bool Read(const peer_pb::NodeCard& in, topology::NodeCard& out) {
  out.name = in.name();
  out.address = in.address();
  out.peer_address = in.peer_address();
  out.zone = in.zone();
  return ReadUuid(in.uuid(), out.uuid) && !out.uuid.is_nil() && !out.name.empty();
}

void Write(const topology::NodeCard& in, peer_pb::NodeCard& out) {
  out.set_name(in.name);
  out.set_uuid(WriteUuid(in.uuid));
  out.set_address(in.address);
  out.set_peer_address(in.peer_address);
  out.set_zone(in.zone);
}

std::optional<topology::HelloRequest> FromProto(const peer_pb::HelloRequest& in) {
  topology::HelloRequest out;
  if (!Read(in.envelope(), out.envelope) || !Read(in.from(), out.from)) return std::nullopt;
  out.to_name = in.to_name();
  out.terms = Read(in.terms());
  out.found = in.found();
  out.topology = in.topology();
  out.join = in.join();
  if (out.found && (out.join || out.envelope.cluster_id.is_nil())) return std::nullopt;
  return out;
}

peer_pb::HelloRequest ToProto(const topology::HelloRequest& request) {
  peer_pb::HelloRequest out;
  Write(request.envelope, *out.mutable_envelope());
  Write(request.from, *out.mutable_from());
  out.set_to_name(request.to_name);
  out.mutable_terms()->set_name(request.terms.name);
  out.mutable_terms()->set_partitions(request.terms.partitions);
  out.mutable_terms()->set_replication(request.terms.replication);
  for (const auto& name : request.terms.node_names) out.mutable_terms()->add_node_names(name);
  out.set_found(request.found);
  out.set_topology(request.topology);
  out.set_join(request.join);
  return out;
}

std::optional<topology::HelloResponse> FromProto(const peer_pb::HelloResponse& in) {
  topology::HelloResponse out;
  if (!Read(in.envelope(), out.envelope) || !Read(in.from(), out.from)) return std::nullopt;
  if (!ReadUuid(in.bound_cluster_id(), out.bound.cluster_id)) return std::nullopt;
  if (!ReadUuid(in.bound_founder(), out.bound.founder)) return std::nullopt;
  out.topology = in.topology();
  if (in.has_refused()) out.refused = FromProto(in.refused());
  return out;
}

peer_pb::HelloResponse ToProto(const topology::HelloResponse& response) {
  peer_pb::HelloResponse out;
  Write(response.envelope, *out.mutable_envelope());
  Write(response.from, *out.mutable_from());
  out.set_bound_cluster_id(WriteUuid(response.bound.cluster_id));
  out.set_bound_founder(WriteUuid(response.bound.founder));
  out.set_topology(response.topology);
  if (response.refused) *out.mutable_refused() = ToProto(*response.refused);
  return out;
}

std::optional<node::Frame> Take(peer_pb::Frame& in) {
  node::Frame out;
  if (!Read(in.envelope(), out.envelope)) return std::nullopt;
  if (in.has_heartbeat()) {
    out.heartbeat = Read(in.heartbeat());
    if (!out.heartbeat) return std::nullopt;
  }
  if (!ReadRaft(in, out.raft)) return std::nullopt;
  out.reply_now = in.reply_now();
  for (peer_pb::Forward& forward : *in.mutable_forwards()) {
    auto read = Read(forward);
    if (!read) return std::nullopt;
    out.forwards.push_back(*std::move(read));
  }
  for (peer_pb::ForwardReply& reply : *in.mutable_replies()) {
    auto read = Read(reply);
    if (!read) return std::nullopt;
    out.replies.push_back(*std::move(read));
  }
  for (const peer_pb::SnapshotAck& ack : in.chunk_acks()) out.chunk_acks.push_back(Read(ack));
  for (peer_pb::SnapshotChunk& chunk : *in.mutable_chunks()) out.chunks.push_back(Read(chunk));
  auto membership = Read(in.membership());
  if (!membership) return std::nullopt;
  out.membership = *std::move(membership);
  return out;
}

void Write(node::Frame frame, peer_pb::Frame& out) {
  Write(frame.envelope, *out.mutable_envelope());
  if (frame.heartbeat) Write(*frame.heartbeat, *out.mutable_heartbeat());
  for (node::GroupMessage& message : frame.raft) Write(std::move(message), out);
  out.set_reply_now(frame.reply_now);
  for (node::Forward& forward : frame.forwards) Write(std::move(forward), *out.add_forwards());
  for (node::ForwardReply& reply : frame.replies) Write(std::move(reply), *out.add_replies());
  for (const node::SnapshotAck& ack : frame.chunk_acks) Write(ack, *out.add_chunk_acks());
  for (node::SnapshotChunk& chunk : frame.chunks) Write(std::move(chunk), *out.add_chunks());
  if (!frame.membership.empty()) Write(frame.membership, *out.mutable_membership());
}

}  // namespace kvd::rpc
