// How replicas come and go, as protocol buffers.

#include <algorithm>
#include <utility>

#include "server/rpc/convert_frame.h"

namespace kvd::rpc {
namespace {

std::optional<node::Create> Read(const peer_pb::Create& in) {
  auto initial = raft::DecodeConfiguration(in.initial());
  if (!initial.ok()) return std::nullopt;
  return node::Create{.group = GroupId{in.group()},
                      .replica = ReplicaId{in.replica()},
                      .initial = *std::move(initial)};
}

raft::Member Read(const peer_pb::Member& in) {
  return {.id = ReplicaId{in.replica()}, .node = NodeId{in.node()}};
}

void Write(const raft::Member& in, peer_pb::Member& out) {
  out.set_replica(in.id.value);
  out.set_node(in.node.value);
}

std::optional<node::GroupReport> Read(const peer_pb::GroupReport& in) {
  auto configuration = raft::DecodeConfiguration(in.configuration());
  if (!configuration.ok()) return std::nullopt;
  node::GroupReport out{.partition = PartitionId{in.partition()},
                        .leader = Read(in.leader()),
                        .term = in.term(),
                        .configuration_index = in.configuration_index(),
                        .settled = in.settled(),
                        .configuration = *std::move(configuration),
                        .members = {},
                        .bytes = in.bytes(),
                        .keys = in.keys()};
  for (const auto& member : in.members()) {
    out.members.push_back({.id = ReplicaId{member.replica()},
                           .behind = member.behind(),
                           .active = member.active(),
                           .snapshot = member.snapshot()});
  }
  return out;
}

void Write(const node::GroupReport& in, peer_pb::GroupReport& out) {
  out.set_partition(in.partition.value);
  Write(in.leader, *out.mutable_leader());
  out.set_term(in.term);
  out.set_configuration_index(in.configuration_index);
  out.set_settled(in.settled);
  out.set_configuration(raft::EncodeConfiguration(in.configuration));
  for (const node::MemberProgress& member : in.members) {
    auto& written = *out.add_members();
    written.set_replica(member.id.value);
    written.set_behind(member.behind);
    written.set_active(member.active);
    written.set_snapshot(member.snapshot);
  }
  out.set_bytes(in.bytes);
  out.set_keys(in.keys);
}

node::Step Read(const peer_pb::Step& in) {
  node::Step out{.partition = PartitionId{in.partition()},
                 .term = in.term(),
                 .if_index = in.if_index(),
                 .voters = {},
                 .learners = {}};
  for (const peer_pb::Member& member : in.voters()) out.voters.push_back(Read(member));
  for (const peer_pb::Member& member : in.learners()) out.learners.push_back(Read(member));
  return out;
}

void Write(const node::Step& in, peer_pb::Step& out) {
  out.set_partition(in.partition.value);
  out.set_term(in.term);
  out.set_if_index(in.if_index);
  for (const raft::Member& member : in.voters) Write(member, *out.add_voters());
  for (const raft::Member& member : in.learners) Write(member, *out.add_learners());
}

// The wire counts from 1: 0 is no reason.
constexpr int kLastReason = static_cast<int>(node::StepRefused::kOldEpoch) + 1;
static_assert(peer_pb::StepRefused_MAX == kLastReason);

std::optional<node::StepAnswer> Read(const peer_pb::StepAnswer& in) {
  node::StepAnswer out{.partition = PartitionId{in.partition()},
                       .term = in.term(),
                       .if_index = in.if_index(),
                       .result = node::StepTaken{in.taken_at()}};
  if (in.has_taken_at()) return out;
  if (in.refused() < 1 || in.refused() > kLastReason) return std::nullopt;
  out.result = static_cast<node::StepRefused>(in.refused() - 1);
  return out;
}

void Write(const node::StepAnswer& in, peer_pb::StepAnswer& out) {
  out.set_partition(in.partition.value);
  out.set_term(in.term);
  out.set_if_index(in.if_index);
  if (const auto* taken = std::get_if<node::StepTaken>(&in.result)) {
    return out.set_taken_at(taken->index);
  }
  const int reason = static_cast<int>(std::get<node::StepRefused>(in.result)) + 1;
  out.set_refused(static_cast<peer_pb::StepRefused>(reason));
}

// Silences longer than a year are a peer's nonsense.
constexpr uint64_t kLongest = 365ULL * 24 * 3600 * 1'000'000'000;

node::Witness Read(const peer_pb::Witness& in) {
  node::Witness out{.asked_in = in.asked_in(),
                    .silent = {},
                    .disk = {.used_bytes = in.disk_used(), .capacity_bytes = in.disk_capacity()}};
  for (const auto& silence : in.silent()) {
    const auto nanoseconds = static_cast<int64_t>(std::min(silence.nanoseconds(), kLongest));
    out.silent.emplace(NodeId{silence.node()}, Duration(nanoseconds));
  }
  return out;
}

void Write(const node::Witness& in, peer_pb::Witness& out) {
  out.set_asked_in(in.asked_in);
  for (const auto& [node, silence] : in.silent) {
    auto& written = *out.add_silent();
    written.set_node(node.value);
    written.set_nanoseconds(static_cast<uint64_t>(std::max<int64_t>(silence.count(), 0)));
  }
  out.set_disk_used(in.disk.used_bytes);
  out.set_disk_capacity(in.disk.capacity_bytes);
}

// False: malformed.
bool ReadNews(const peer_pb::Membership& in, node::Membership& out) {
  if (in.has_poll()) out.poll = in.poll();
  out.halted = in.halted();
  if (in.has_witness()) out.witness = Read(in.witness());
  out.topology_wanted = in.topology_wanted();
  out.topology = in.topology();
  for (const peer_pb::NodeCard& each : in.announced()) {
    if (!rpc::Read(each, out.announced.emplace_back())) return false;
  }
  for (const peer_pb::Verdict& each : in.verdicts()) {
    node::Verdict& verdict = out.verdicts.emplace_back();
    if (!ReadUuid(each.node_uuid(), verdict.node)) return false;
    if (each.has_refusal()) verdict.refusal = FromProto(each.refusal());
  }
  if (in.has_superseded_by()) {
    out.superseded_by = {.counter = in.superseded_by().counter(),
                         .nonce = in.superseded_by().nonce()};
  }
  return true;
}

void WriteNews(const node::Membership& in, peer_pb::Membership& out) {
  if (in.poll) out.set_poll(*in.poll);
  out.set_halted(in.halted);
  if (in.witness) Write(*in.witness, *out.mutable_witness());
  out.set_topology_wanted(in.topology_wanted);
  out.set_topology(in.topology);
  for (const topology::NodeCard& each : in.announced) rpc::Write(each, *out.add_announced());
  for (const node::Verdict& each : in.verdicts) {
    peer_pb::Verdict& written = *out.add_verdicts();
    written.set_node_uuid(WriteUuid(each.node));
    if (each.refusal) *written.mutable_refusal() = ToProto(*each.refusal);
  }
  if (in.superseded_by) {
    out.mutable_superseded_by()->set_counter(in.superseded_by->counter);
    out.mutable_superseded_by()->set_nonce(in.superseded_by->nonce);
  }
}

}  // namespace

std::optional<node::Membership> Read(const peer_pb::Membership& in) {
  node::Membership out;
  for (const peer_pb::NotHere& each : in.not_here()) {
    out.not_here.push_back({GroupId{each.group()}, ReplicaId{each.replica()}, each.gone()});
  }
  for (const peer_pb::Create& each : in.creates()) {
    auto create = Read(each);
    if (!create) return std::nullopt;
    out.creates.push_back(*std::move(create));
  }
  for (const peer_pb::Inquiry& each : in.inquiries()) {
    out.inquiries.push_back({GroupId{each.group()}, ReplicaId{each.replica()}});
  }
  for (const peer_pb::Removal& each : in.removals()) {
    out.removals.push_back({.group = GroupId{each.group()},
                            .replica = ReplicaId{each.replica()},
                            .index = each.index(),
                            .term = each.term()});
  }
  for (const peer_pb::GroupReport& each : in.reports()) {
    auto report = Read(each);
    if (!report) return std::nullopt;
    out.reports.push_back(*std::move(report));
  }
  for (const peer_pb::Step& each : in.steps()) out.steps.push_back(Read(each));
  for (const peer_pb::StepAnswer& each : in.step_answers()) {
    const auto answer = Read(each);
    if (!answer) return std::nullopt;
    out.step_answers.push_back(*answer);
  }
  if (!ReadNews(in, out)) return std::nullopt;
  return out;
}

void Write(const node::Membership& in, peer_pb::Membership& out) {
  for (const node::NotHere& each : in.not_here) {
    peer_pb::NotHere& written = *out.add_not_here();
    written.set_group(each.group.value);
    written.set_replica(each.replica.value);
    written.set_gone(each.gone);
  }
  for (const node::Create& each : in.creates) {
    peer_pb::Create& written = *out.add_creates();
    written.set_group(each.group.value);
    written.set_replica(each.replica.value);
    written.set_initial(raft::EncodeConfiguration(each.initial));
  }
  for (const node::Inquiry& each : in.inquiries) {
    peer_pb::Inquiry& written = *out.add_inquiries();
    written.set_group(each.group.value);
    written.set_replica(each.replica.value);
  }
  for (const node::Removal& each : in.removals) {
    peer_pb::Removal& written = *out.add_removals();
    written.set_group(each.group.value);
    written.set_replica(each.replica.value);
    written.set_index(each.index);
    written.set_term(each.term);
  }
  for (const node::GroupReport& each : in.reports) Write(each, *out.add_reports());
  for (const node::Step& each : in.steps) Write(each, *out.add_steps());
  for (const node::StepAnswer& each : in.step_answers) Write(each, *out.add_step_answers());
  WriteNews(in, out);
}

}  // namespace kvd::rpc
