// What clients ask and are answered, as protocol buffers.

#include <fmt/format.h>

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

// A bound may be too high, never too low.
uint64_t MillisecondsUp(Duration duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

template <typename Response>
void SetServed(node::Answer& answer, Response& out) {
  out.mutable_served()->set_partition(answer.partition.value);
  out.mutable_served()->set_owner(std::move(answer.owner));
  out.mutable_served()->set_hops(answer.hops);
}

template <typename Response>
void SetStaleness(std::optional<Duration> stale_by, Response& out) {
  if (stale_by) out.set_staleness_ms(MillisecondsUp(*stale_by));
}

Refusal BadRequest(std::string field, std::string message) {
  return {.reason = Reason::kBadRequest,
          .message = std::move(message),
          .metadata = {{"field", std::move(field)}}};
}

template <typename Request>
std::optional<Version> IfVersion(const Request& in) {
  if (!in.has_if_version()) return std::nullopt;
  return in.if_version();
}

// The operation with the request's id, if that is one.
template <typename Request>
Asked Named(const Request& in, node::Operation operation) {
  if (!in.has_request_id()) return operation;
  const pb::RequestId& id = in.request_id();
  if (id.sequence() == 0) {
    return BadRequest("request_id", "request_id has no sequence; sequences count from 1");
  }
  if (id.done_below() > id.sequence()) {
    return BadRequest("request_id",
                      "request_id calls itself finished: done_below is above its sequence");
  }
  operation.request_id = {.client = id.client(),
                          .sequence = id.sequence(),
                          .done_below = id.done_below(),
                          .base = id.base()};
  return operation;
}

}  // namespace

Asked FromProto(pb::GetRequest& in) {
  if (in.consistency() < pb::CONSISTENCY_UNSPECIFIED || in.consistency() > pb::CONSISTENCY_STALE) {
    return BadRequest("consistency", "consistency is of a later version than this node");
  }
  return node::Operation{.key = std::move(*in.mutable_key()),
                         .action = node::Get{.omit_value = in.omit_value(),
                                             .stale = in.consistency() == pb::CONSISTENCY_STALE}};
}

Asked FromProto(pb::PutRequest& in) {
  return Named(in, {.key = std::move(*in.mutable_key()),
                    .action = node::Put{.value = std::move(*in.mutable_value()),
                                        .if_version = IfVersion(in)}});
}

Asked FromProto(pb::DeleteRequest& in) {
  return Named(in, {.key = std::move(*in.mutable_key()),
                    .action = node::Delete{.if_version = IfVersion(in)}});
}

Asked FromProto(pb::IncrementRequest& in) {
  return Named(in, {.key = std::move(*in.mutable_key()),
                    .action = node::Increment{.by = in.has_by() ? in.by() : 1}});
}

Asked FromProto(pb::BatchRequest& in) {
  if (in.items_size() == 0) return BadRequest("items", "the batch is empty");
  node::Batch batch;
  for (pb::BatchItem& item : *in.mutable_items()) {
    node::BatchItem& added = batch.items.emplace_back();
    added.key = std::move(*item.mutable_key());
    if (item.has_put()) {
      added.action = node::Put{.value = std::move(*item.mutable_put()->mutable_value()),
                               .if_version = IfVersion(item)};
    } else if (item.has_delete_()) {
      added.action = node::Delete{.if_version = IfVersion(item)};
    } else {
      return BadRequest("items", fmt::format("item {} of the batch has no action this node knows",
                                             batch.items.size() - 1));
    }
  }
  std::string key = batch.items.front().key;
  return Named(in, {.key = std::move(key), .action = std::move(batch)});
}

Asked FromProto(pb::PipelineRequest::Operation& in) {
  switch (in.request_case()) {
    case pb::PipelineRequest::Operation::kGet:
      return FromProto(*in.mutable_get());
    case pb::PipelineRequest::Operation::kPut:
      return FromProto(*in.mutable_put());
    case pb::PipelineRequest::Operation::kDelete:
      return FromProto(*in.mutable_delete_());
    case pb::PipelineRequest::Operation::kIncrement:
      return FromProto(*in.mutable_increment());
    case pb::PipelineRequest::Operation::kBatch:
      return FromProto(*in.mutable_batch());
    case pb::PipelineRequest::Operation::REQUEST_NOT_SET:
      break;
  }
  return BadRequest("request", "the operation has no request that this node knows");
}

void ToProto(node::Answer answer, pb::GetResponse& out) {
  if (auto* found = std::get_if<node::Found>(&answer.result)) {
    out.set_found(true);
    out.set_value(std::move(found->value));
    out.set_version(found->version);
    SetStaleness(found->stale_by, out);
  } else if (const auto* absent = std::get_if<node::Absent>(&answer.result)) {
    SetStaleness(absent->stale_by, out);
  }
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::PutResponse& out) {
  if (const auto* mismatch = std::get_if<node::Mismatch>(&answer.result)) {
    out.set_actual_version(mismatch->actual);
  } else {
    const auto* written = std::get_if<node::Written>(&answer.result);
    KVD_CHECK(written != nullptr, "a put is written, refused, or its condition failed");
    out.set_written(true);
    out.set_version(written->version);
  }
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::DeleteResponse& out) {
  if (const auto* written = std::get_if<node::Written>(&answer.result)) {
    out.set_found(true);
    out.set_written(true);
    out.set_version(written->version);
  } else if (const auto* mismatch = std::get_if<node::Mismatch>(&answer.result)) {
    out.set_found(mismatch->actual != 0);
    out.set_actual_version(mismatch->actual);
  }
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::IncrementResponse& out) {
  const auto* incremented = std::get_if<node::Incremented>(&answer.result);
  KVD_CHECK(incremented != nullptr, "an increment is done or refused");
  out.set_value(incremented->value);
  out.set_version(incremented->version);
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::BatchResponse& out) {
  if (auto* mismatch = std::get_if<node::Mismatch>(&answer.result)) {
    out.set_actual_version(mismatch->actual);
    out.set_failed_key(std::move(mismatch->key));
  } else {
    const auto* written = std::get_if<node::Written>(&answer.result);
    KVD_CHECK(written != nullptr, "a batch is written, refused, or a condition failed");
    out.set_written(true);
    out.set_version(written->version);
  }
  SetServed(answer, out);
}

void ToProto(node::Answer answer, pb::PipelineRequest::Operation::RequestCase asked,
             pb::PipelineResponse::Answer& out) {
  if (const auto* refusal = std::get_if<Refusal>(&answer.result)) {
    *out.mutable_refusal() = ToProto(*refusal);
    return;
  }
  switch (asked) {
    case pb::PipelineRequest::Operation::kGet:
      return ToProto(std::move(answer), *out.mutable_get());
    case pb::PipelineRequest::Operation::kPut:
      return ToProto(std::move(answer), *out.mutable_put());
    case pb::PipelineRequest::Operation::kDelete:
      return ToProto(std::move(answer), *out.mutable_delete_());
    case pb::PipelineRequest::Operation::kIncrement:
      return ToProto(std::move(answer), *out.mutable_increment());
    case pb::PipelineRequest::Operation::kBatch:
      return ToProto(std::move(answer), *out.mutable_batch());
    case pb::PipelineRequest::Operation::REQUEST_NOT_SET:
      break;
  }
  KVD_CHECK(false, "what has no request is refused before it reaches the node");
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
  out.set_leaderless(view.leaderless);
  out.set_halted(view.halted);
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
    status.set_behind(node.load->behind);
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
    entry.set_leaderless(partition.leaderless);
  }
}

}  // namespace kvd::rpc
