// What nodes say to one another, as protocol buffers.

#include <chrono>
#include <utility>

#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

uint64_t Milliseconds(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms < 0 ? 0 : static_cast<uint64_t>(ms);
}

// Cut at a year: a peer's nonsense must not overflow our arithmetic.
Duration FromMilliseconds(uint64_t ms) {
  constexpr uint64_t kYear = 365ULL * 24 * 3600 * 1000;
  return std::chrono::milliseconds(std::min(ms, kYear));
}

// An absent UUID is nil; one of any other length than 16 bytes is an error.
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

topology::ClusterTerms Read(const peer_pb::ClusterTerms& in) {
  return {.name = in.name(),
          .partitions = in.partitions(),
          .replication = in.replication(),
          .node_names = {in.node_names().begin(), in.node_names().end()}};
}

std::optional<node::Forward> Read(peer_pb::Forward& in) {
  node::Forward out{.id = in.id(),
                    .remaining = FromMilliseconds(in.remaining_ms()),
                    .partition = PartitionId{in.partition()},
                    .replica = ReplicaId{in.replica_id()},
                    .operation = {.key = std::move(*in.mutable_key()), .action = {}}};
  switch (in.operation_case()) {
    case peer_pb::Forward::kGet:
      out.operation.action = node::Get{.omit_value = in.get().omit_value()};
      return out;
    case peer_pb::Forward::kPut:
      out.operation.action = node::Put{.value = std::move(*in.mutable_put()->mutable_value())};
      return out;
    case peer_pb::Forward::kDelete:
      out.operation.action = node::Delete{};
      return out;
    case peer_pb::Forward::OPERATION_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

void Write(node::Forward in, peer_pb::Forward& out) {
  out.set_id(in.id);
  out.set_remaining_ms(Milliseconds(in.remaining));
  out.set_partition(in.partition.value);
  out.set_replica_id(in.replica.value);
  out.set_key(std::move(in.operation.key));
  if (const auto* get = std::get_if<node::Get>(&in.operation.action)) {
    out.mutable_get()->set_omit_value(get->omit_value);
  } else if (auto* put = std::get_if<node::Put>(&in.operation.action)) {
    out.mutable_put()->set_value(std::move(put->value));
  } else {
    out.mutable_delete_();
  }
}

std::optional<node::ForwardReply> Read(peer_pb::ForwardReply& in) {
  node::ForwardReply out{.id = in.id(), .result = {}};
  switch (in.result_case()) {
    case peer_pb::ForwardReply::kValue:
      out.result = node::Found{.value = std::move(*in.mutable_value()->mutable_value()),
                               .version = in.value().version()};
      return out;
    case peer_pb::ForwardReply::kWritten:
      out.result = node::Written{in.written().version()};
      return out;
    case peer_pb::ForwardReply::kAbsent:
      out.result = node::Absent{};
      return out;
    case peer_pb::ForwardReply::kRefused:
      out.result = FromProto(in.refused());
      return out;
    case peer_pb::ForwardReply::RESULT_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

void Write(node::ForwardReply in, peer_pb::ForwardReply& out) {
  out.set_id(in.id);
  if (auto* found = std::get_if<node::Found>(&in.result)) {
    out.mutable_value()->set_value(std::move(found->value));
    out.mutable_value()->set_version(found->version);
  } else if (const auto* written = std::get_if<node::Written>(&in.result)) {
    out.mutable_written()->set_version(written->version);
  } else if (const auto* refusal = std::get_if<Refusal>(&in.result)) {
    *out.mutable_refused() = ToProto(*refusal);
  } else {
    out.mutable_absent();
  }
}

node::Heartbeat Read(const peer_pb::Heartbeat& in) {
  node::Heartbeat out{.heard_ago = std::nullopt,
                      .load = {.keys = in.keys(),
                               .disk_bytes = in.disk_bytes(),
                               .uptime = FromMilliseconds(in.uptime_ms()),
                               .version = in.version()},
                      .draining = in.draining()};
  if (in.has_heard_ms_ago()) out.heard_ago = FromMilliseconds(in.heard_ms_ago());
  return out;
}

void Write(const node::Heartbeat& in, peer_pb::Heartbeat& out) {
  if (in.heard_ago) out.set_heard_ms_ago(Milliseconds(*in.heard_ago));
  out.set_keys(in.load.keys);
  out.set_disk_bytes(in.load.disk_bytes);
  out.set_uptime_ms(Milliseconds(in.load.uptime));
  out.set_version(in.load.version);
  out.set_draining(in.draining);
}

}  // namespace

std::optional<topology::HelloRequest> FromProto(const peer_pb::HelloRequest& in) {
  topology::HelloRequest out;
  if (!Read(in.envelope(), out.envelope) || !Read(in.from(), out.from)) return std::nullopt;
  out.to_name = in.to_name();
  out.terms = Read(in.terms());
  out.found = in.found();
  out.topology = in.topology();
  if (out.found && out.envelope.cluster_id.is_nil()) return std::nullopt;
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

std::optional<node::Frame> FromProto(peer_pb::Frame in) {
  node::Frame out;
  if (!Read(in.envelope(), out.envelope)) return std::nullopt;
  if (in.has_heartbeat()) out.heartbeat = Read(in.heartbeat());
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
  return out;
}

peer_pb::Frame ToProto(node::Frame frame) {
  peer_pb::Frame out;
  Write(frame.envelope, *out.mutable_envelope());
  if (frame.heartbeat) Write(*frame.heartbeat, *out.mutable_heartbeat());
  for (node::Forward& forward : frame.forwards) Write(std::move(forward), *out.add_forwards());
  for (node::ForwardReply& reply : frame.replies) Write(std::move(reply), *out.add_replies());
  return out;
}

}  // namespace kvd::rpc
