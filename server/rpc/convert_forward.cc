// Operations on their way to the owner, and their results on the way back.

#include <utility>

#include "server/rpc/convert_frame.h"

namespace kvd::rpc {
namespace {

template <typename Message>
std::optional<Version> Condition(const Message& in) {
  return in.has_if_version() ? std::optional(in.if_version()) : std::nullopt;
}

template <typename Message>
std::optional<Duration> StaleBy(const Message& in) {
  if (!in.has_stale_by_ms()) return std::nullopt;
  return FromMilliseconds(in.stale_by_ms());
}

node::Put Read(peer_pb::Forward::Put& in) {
  return {.value = std::move(*in.mutable_value()), .if_version = Condition(in)};
}

node::Delete Read(const peer_pb::Forward::Delete& in) {
  return {.if_version = Condition(in)};
}

std::optional<node::Batch> Read(peer_pb::Forward::Batch& in) {
  node::Batch out;
  for (peer_pb::Forward::Item& item : *in.mutable_items()) {
    node::BatchItem& read = out.items.emplace_back();
    read.key = std::move(*item.mutable_key());
    if (item.has_put()) {
      read.action = Read(*item.mutable_put());
    } else if (item.has_delete_()) {
      read.action = Read(item.delete_());
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool ReadAction(peer_pb::Forward& in, node::Operation& out) {
  switch (in.operation_case()) {
    case peer_pb::Forward::kGet:
      out.action = node::Get{.omit_value = in.get().omit_value(), .stale = in.get().stale()};
      return true;
    case peer_pb::Forward::kPut:
      out.action = Read(*in.mutable_put());
      return true;
    case peer_pb::Forward::kDelete:
      out.action = Read(in.delete_());
      return true;
    case peer_pb::Forward::kIncrement:
      out.action = node::Increment{.by = in.increment().by()};
      return true;
    case peer_pb::Forward::kBatch: {
      auto batch = Read(*in.mutable_batch());
      if (!batch) return false;
      out.action = *std::move(batch);
      return true;
    }
    case peer_pb::Forward::kAdminister: {
      auto asked = ReadAdmin(in.administer());
      if (!asked) return false;
      out.action = *std::move(asked);
      return true;
    }
    case peer_pb::Forward::OPERATION_NOT_SET:
      return false;
  }
  return false;
}

void Write(node::Put in, peer_pb::Forward::Put& out) {
  out.set_value(std::move(in.value));
  if (in.if_version) out.set_if_version(*in.if_version);
}

void Write(const node::Delete& in, peer_pb::Forward::Delete& out) {
  if (in.if_version) out.set_if_version(*in.if_version);
}

// One overload per action, on the message around it.
struct WriteAction {
  peer_pb::Forward& out;

  void operator()(const node::Get& get) const {
    out.mutable_get()->set_omit_value(get.omit_value);
    out.mutable_get()->set_stale(get.stale);
  }
  void operator()(node::Put& put) const { Write(std::move(put), *out.mutable_put()); }
  void operator()(const node::Delete& del) const { Write(del, *out.mutable_delete_()); }
  void operator()(const node::Increment& increment) const {
    out.mutable_increment()->set_by(increment.by);
  }
  void operator()(node::Batch& batch) const {
    auto& items = *out.mutable_batch()->mutable_items();
    for (node::BatchItem& item : batch.items) {
      peer_pb::Forward::Item& written = *items.Add();
      written.set_key(std::move(item.key));
      if (auto* put = std::get_if<node::Put>(&item.action)) {
        Write(std::move(*put), *written.mutable_put());
      } else {
        Write(std::get<node::Delete>(item.action), *written.mutable_delete_());
      }
    }
  }
  void operator()(const node::Administer& asked) const {
    WriteAdmin(asked, *out.mutable_administer());
  }
};

struct WriteResult {
  peer_pb::ForwardReply& out;

  void operator()(node::Found& found) const {
    out.mutable_value()->set_value(std::move(found.value));
    out.mutable_value()->set_version(found.version);
    if (found.stale_by) out.mutable_value()->set_stale_by_ms(Milliseconds(*found.stale_by));
  }
  void operator()(const node::Written& written) const {
    out.mutable_written()->set_version(written.version);
  }
  void operator()(const node::Absent& absent) const {
    out.mutable_absent();
    if (absent.stale_by) out.mutable_absent()->set_stale_by_ms(Milliseconds(*absent.stale_by));
  }
  void operator()(const Refusal& refusal) const { *out.mutable_refused() = ToProto(refusal); }
  void operator()(const node::Incremented& incremented) const {
    out.mutable_incremented()->set_value(incremented.value);
    out.mutable_incremented()->set_version(incremented.version);
  }
  void operator()(node::Mismatch& mismatch) const {
    out.mutable_mismatch()->set_key(std::move(mismatch.key));
    out.mutable_mismatch()->set_actual(mismatch.actual);
  }
  void operator()(const node::PlanView& plan) const { WriteAdmin(plan, *out.mutable_plan()); }
  void operator()(const node::Jobs& jobs) const { WriteAdmin(jobs, *out.mutable_jobs()); }
  void operator()(const node::Groups& groups) const { WriteAdmin(groups, *out.mutable_groups()); }
};

std::optional<node::Result> ReadResult(peer_pb::ForwardReply& in) {
  switch (in.result_case()) {
    case peer_pb::ForwardReply::kValue:
      return node::Found{.value = std::move(*in.mutable_value()->mutable_value()),
                         .version = in.value().version(),
                         .stale_by = StaleBy(in.value())};
    case peer_pb::ForwardReply::kWritten:
      return node::Written{in.written().version()};
    case peer_pb::ForwardReply::kAbsent:
      return node::Absent{.stale_by = StaleBy(in.absent())};
    case peer_pb::ForwardReply::kRefused:
      return FromProto(in.refused());
    case peer_pb::ForwardReply::kIncremented:
      return node::Incremented{.value = in.incremented().value(),
                               .version = in.incremented().version()};
    case peer_pb::ForwardReply::kMismatch:
      return node::Mismatch{.key = std::move(*in.mutable_mismatch()->mutable_key()),
                            .actual = in.mismatch().actual()};
    case peer_pb::ForwardReply::kPlan:
      return ReadAdmin(in.plan());
    case peer_pb::ForwardReply::kJobs:
      if (auto jobs = ReadAdmin(in.jobs())) return *std::move(jobs);
      return std::nullopt;
    case peer_pb::ForwardReply::kGroups:
      if (auto groups = ReadAdmin(in.groups())) return *std::move(groups);
      return std::nullopt;
    case peer_pb::ForwardReply::RESULT_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<node::Forward> Read(peer_pb::Forward& in) {
  node::Forward out{.id = in.id(),
                    .remaining = FromMilliseconds(in.remaining_ms()),
                    .partition = PartitionId{in.partition()},
                    .replica = ReplicaId{in.replica_id()},
                    .operation = {.key = std::move(*in.mutable_key()), .action = {}}};
  if (!ReadAction(in, out.operation)) return std::nullopt;
  if (in.has_request_id()) {
    const auto& id = in.request_id();
    out.operation.request_id = {.client = id.client(),
                                .sequence = id.sequence(),
                                .done_below = id.done_below(),
                                .base = id.base()};
  }
  return out;
}

void Write(node::Forward in, peer_pb::Forward& out) {
  out.set_id(in.id);
  out.set_remaining_ms(Milliseconds(in.remaining));
  out.set_partition(in.partition.value);
  out.set_replica_id(in.replica.value);
  out.set_key(std::move(in.operation.key));
  std::visit(WriteAction{out}, in.operation.action);
  if (!in.operation.request_id) return;
  out.mutable_request_id()->set_client(in.operation.request_id->client);
  out.mutable_request_id()->set_sequence(in.operation.request_id->sequence);
  out.mutable_request_id()->set_done_below(in.operation.request_id->done_below);
  out.mutable_request_id()->set_base(in.operation.request_id->base);
}

std::optional<node::ForwardReply> Read(peer_pb::ForwardReply& in) {
  auto result = ReadResult(in);
  if (!result) return std::nullopt;
  node::ForwardReply out{.id = in.id(), .result = *std::move(result)};
  if (in.has_owner()) {
    out.owner = node::OwnerHint{.term = in.owner().term(),
                                .node = NodeId{in.owner().node()},
                                .replica = ReplicaId{in.owner().replica()}};
  }
  return out;
}

void Write(node::ForwardReply in, peer_pb::ForwardReply& out) {
  out.set_id(in.id);
  std::visit(WriteResult{out}, in.result);
  if (!in.owner) return;
  out.mutable_owner()->set_term(in.owner->term);
  out.mutable_owner()->set_node(in.owner->node.value);
  out.mutable_owner()->set_replica(in.owner->replica.value);
}

}  // namespace kvd::rpc
