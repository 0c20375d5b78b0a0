// What clients ask and are answered, as protocol buffers.

#include <chrono>
#include <utility>

#include "common/check.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

pb::NodeState ToProto(node::NodeState state) {
  switch (state) {
    case node::NodeState::kUp:
      return pb::NODE_STATE_UP;
    case node::NodeState::kSuspect:
      return pb::NODE_STATE_SUSPECT;
    case node::NodeState::kDown:
      return pb::NODE_STATE_DOWN;
    case node::NodeState::kJoining:
      return pb::NODE_STATE_JOINING;
    case node::NodeState::kDraining:
      return pb::NODE_STATE_DRAINING;
  }
  return pb::NODE_STATE_UNSPECIFIED;
}

uint64_t Milliseconds(Duration duration) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

template <typename Response>
void SetServed(node::Answer& answer, Response& out) {
  out.mutable_served()->set_partition(answer.partition.value);
  out.mutable_served()->set_owner(std::move(answer.owner));
  out.mutable_served()->set_hops(answer.hops);
}

}  // namespace

node::Operation FromProto(pb::GetRequest& in) {
  return {.key = std::move(*in.mutable_key()), .action = node::Get{.omit_value = in.omit_value()}};
}

node::Operation FromProto(pb::PutRequest& in) {
  return {.key = std::move(*in.mutable_key()),
          .action = node::Put{.value = std::move(*in.mutable_value())}};
}

node::Operation FromProto(pb::DeleteRequest& in) {
  return {.key = std::move(*in.mutable_key()), .action = node::Delete{}};
}

void ToProto(node::Answer answer, pb::GetResponse& out) {
  if (auto* found = std::get_if<node::Found>(&answer.result)) {
    out.set_found(true);
    out.set_value(std::move(found->value));
    out.set_version(found->version);
  }
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::PutResponse& out) {
  const auto* written = std::get_if<node::Written>(&answer.result);
  KVD_CHECK(written != nullptr, "a put is written or refused");
  out.set_version(written->version);
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::DeleteResponse& out) {
  if (const auto* written = std::get_if<node::Written>(&answer.result)) {
    out.set_found(true);
    out.set_version(written->version);
  }
  SetServed(answer, out);
}

void ToProto(const node::ClusterView& view, pb::GetStatusResponse& out) {
  out.set_cluster(view.cluster);
  if (!view.cluster_id.is_nil()) out.set_cluster_id(view.cluster_id.ToBytes());
  out.set_epoch(view.epoch.value);
  out.set_partitions(view.partitions);
  out.set_replication(view.copies);
  out.set_replication_wished(view.replication_wished);
  out.set_answered_by(view.self.name);
  out.set_waiting_for(view.waiting_for);
  for (const node::NodeView& node : view.nodes) {
    pb::NodeStatus& status = *out.add_nodes();
    status.set_name(node.card.name);
    if (!node.card.uuid.is_nil()) status.set_uuid(node.card.uuid.ToBytes());
    status.set_address(node.card.address);
    status.set_peer_address(node.card.peer_address);
    status.set_zone(node.card.zone);
    status.set_state(ToProto(node.state));
    status.set_silent_ms(Milliseconds(node.silent));
    status.set_silent_reason(node.silent_reason);
    status.set_owned(node.owned);
    status.set_replicas(node.replicas);
    if (!node.load) continue;
    status.mutable_load()->set_keys(node.load->keys);
    status.mutable_load()->set_disk_bytes(node.load->disk_bytes);
    status.mutable_load()->set_uptime_ms(Milliseconds(node.load->uptime));
    status.mutable_load()->set_version(node.load->version);
  }
}

void ToProto(const node::RingView& view, pb::GetRingResponse& out) {
  out.set_cluster(view.cluster.cluster);
  out.set_cluster_id(view.cluster.cluster_id.ToBytes());
  out.set_epoch(view.cluster.epoch.value);
  out.set_replication(view.cluster.copies);
  for (const node::NodeView& node : view.cluster.nodes) {
    pb::RingNode& member = *out.add_nodes();
    member.set_name(node.card.name);
    member.set_uuid(node.card.uuid.ToBytes());
    member.set_address(node.card.address);
    member.set_zone(node.card.zone);
    member.set_state(ToProto(node.state));
    member.set_silent_ms(Milliseconds(node.silent));
  }
  for (const node::PartitionView& partition : view.partitions) {
    pb::RingPartition& entry = *out.add_partitions();
    for (const uint32_t replica : partition.replicas) entry.add_replicas(replica);
    entry.set_owner(partition.owner);
    entry.set_term(partition.term);
    entry.set_base(partition.base);
  }
}

}  // namespace kvd::rpc
