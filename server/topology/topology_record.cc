// EncodeTopology() and DecodeTopology().
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <set>

#include "common/check.h"
#include "common/hash.h"
#include "server/ring/ring.h"
#include "server/topology/fields.h"
#include "server/topology/topology.h"
#include "server/topology/voters.h"
#include "server/topology/wish.h"

namespace kvd::topology {
namespace {

constexpr uint8_t kFormat = 2;
constexpr uint8_t kFirstFormat = 1;  // Members and ring alone.

void WriteReplica(ByteWriter& out, const Replica& replica) {
  out.U64(replica.id.value).U32(replica.node.value);
}

std::optional<Replica> ReadReplica(ByteReader& in) {
  const auto id = in.U64();
  const auto node = in.U32();
  if (!in.ok()) return std::nullopt;
  return Replica{ReplicaId{*id}, NodeId{*node}};
}

void WriteRing(ByteWriter& out, const Topology& topology) {
  out.U32(topology.partitions());
  for (const auto& replicas : topology.ring) {
    KVD_CHECK_OP(<=, replicas.size(), size_t{255});
    out.U8(static_cast<uint8_t>(replicas.size()));
    for (const Replica& replica : replicas) WriteReplica(out, replica);
  }
}

std::optional<std::vector<Replica>> ReadReplicas(ByteReader& in) {
  const auto count = in.U8();
  if (!count) return std::nullopt;
  return ReadEach(*count, [&in] { return ReadReplica(in); });
}

void WriteMember(ByteWriter& out, const Member& member) {
  out.U32(member.id.value);
  WriteCard(out, member.card);
  out.U8(static_cast<uint8_t>(member.state));
}

std::optional<MemberState> ReadMemberState(ByteReader& in) {
  const auto state = in.U8();
  if (!state || *state < 1 || *state > 3) return std::nullopt;
  return static_cast<MemberState>(*state);
}

std::optional<Member> ReadMember(ByteReader& in, uint8_t format) {
  const auto id = in.U32();
  auto card = ReadCard(in);
  if (!card) return std::nullopt;
  const auto state = format == kFirstFormat ? MemberState::kActive : ReadMemberState(in);
  if (!state) return std::nullopt;
  return Member{NodeId{*id}, *std::move(card), *state};
}

void WriteRemoved(ByteWriter& out, const Removed& removed) {
  out.U32(removed.id.value).Raw(removed.uuid.ToBytes()).String(removed.name).U64(removed.at.value);
}

std::optional<Removed> ReadRemoved(ByteReader& in) {
  const auto id = in.U32();
  const auto uuid = in.Raw(16);
  const auto name = in.String();
  const auto at = in.U64();
  if (!in.ok()) return std::nullopt;
  return Removed{NodeId{*id}, *Uuid::FromBytes(*uuid), std::string(*name), Epoch{*at}};
}

void WriteJob(ByteWriter& out, const Job& job) {
  out.U64(job.id.value).U8(static_cast<uint8_t>(job.kind)).U8(static_cast<uint8_t>(job.state));
  out.String(job.asked_by).U64(job.asked_at);
  WriteNodes(out, job.nodes);
  out.U64(job.copies_to_add);
}

std::optional<Job> ReadJob(ByteReader& in) {
  const auto id = in.U64();
  const auto kind = in.U8();
  const auto state = in.U8();
  const auto asked_by = in.String();
  const auto asked_at = in.U64();
  auto nodes = ReadNodes(in);
  const auto copies_to_add = in.U64();
  if (!in.ok() || *kind < 1 || *kind > 5 || *state < 1 || *state > 4) return std::nullopt;
  return Job{.id = JobId{*id},
             .kind = static_cast<JobKind>(*kind),
             .state = static_cast<JobState>(*state),
             .asked_by = std::string(*asked_by),
             .asked_at = *asked_at,
             .nodes = *std::move(nodes),
             .copies_to_add = *copies_to_add};
}

// What format 1 did not know follows from what it knew: every member was a founder.
void Complete(Topology& topology) {
  for (const Member& member : topology.members) {
    topology.next_node = std::max(topology.next_node, NodeId{member.id.value + 1});
  }
  for (const auto& replicas : topology.ring) {
    for (const Replica& replica : replicas) {
      topology.next_replica = std::max(topology.next_replica, ReplicaId{replica.id.value + 1});
    }
  }
  topology = WithVoters(std::move(topology), ChooseVoters(topology.members, {}, {}));
}

bool ReadChanges(ByteReader& in, Topology& topology) {
  auto voters = ReadCounted(in, [&in] { return ReadReplica(in); });
  auto removed = ReadCounted(in, [&in] { return ReadRemoved(in); });
  auto jobs = ReadCounted(in, [&in] { return ReadJob(in); });
  const auto next_node = in.U32();
  const auto next_replica = in.U64();
  const auto next_job = in.U64();
  if (!in.ok() || !voters || !removed || !jobs) return false;
  topology.system_voters = *std::move(voters);
  topology.removed = *std::move(removed);
  topology.jobs = *std::move(jobs);
  topology.next_node = NodeId{*next_node};
  topology.next_replica = ReplicaId{*next_replica};
  topology.next_job = JobId{*next_job};
  return true;
}

// The fields behind the format byte.
std::optional<Topology> ReadFields(ByteReader& in, uint8_t format) {
  Topology topology;
  const auto cluster_id = in.Raw(16);
  const auto name = in.String();
  const auto epoch = in.U64();
  const auto feature_level = in.U32();
  const auto wished = in.U32();
  const auto copies = in.U32();
  if (!in.ok()) return std::nullopt;
  topology.cluster_id = *Uuid::FromBytes(*cluster_id);
  topology.cluster_name = *name;
  topology.epoch = Epoch{*epoch};
  topology.feature_level = *feature_level;
  topology.replication_wished = *wished;
  topology.copies = *copies;
  auto members = ReadCounted(in, [&] { return ReadMember(in, format); });
  auto ring = ReadCounted(in, [&] { return ReadReplicas(in); });
  if (!members || !ring) return std::nullopt;
  topology.members = *std::move(members);
  topology.ring = *std::move(ring);
  if (format != kFirstFormat && !ReadChanges(in, topology)) return std::nullopt;
  return topology;
}

bool RingIsConsistent(const Topology& topology) {
  std::vector<std::vector<NodeId>> lists(topology.ring.size());
  for (size_t p = 0; p < lists.size(); ++p) {
    for (const Replica& replica : topology.ring[p]) lists[p].push_back(replica.node);
  }
  const auto ring = ring::Ring::FromLists(lists);
  return ring.ok() && ring->replication() == topology.copies;
}

template <typename List, typename Projection>
bool Ascends(const List& list, Projection id) {
  return std::ranges::adjacent_find(list, std::ranges::greater_equal{}, id) == list.end();
}

// That no id is named which is not allotted, and none twice.
bool IdsAreConsistent(const Topology& topology) {
  std::set<ReplicaId> seen;
  const auto known = [&](const Replica& replica) {
    return topology.Find(replica.node) != nullptr && replica.id != ReplicaId{} &&
           replica.id < topology.next_replica && seen.insert(replica.id).second;
  };
  const auto all_known = [&](const auto& replicas) { return std::ranges::all_of(replicas, known); };
  return std::ranges::all_of(topology.ring, all_known) && all_known(topology.system_voters) &&
         topology.members.back().id < topology.next_node &&
         (topology.jobs.empty() || topology.jobs.back().id < topology.next_job);
}

bool IsConsistent(const Topology& topology) {
  if (topology.epoch.value == 0 || topology.members.empty()) return false;
  if (topology.members.front().id == NodeId{}) return false;
  return Ascends(topology.members, &Member::id) && Ascends(topology.jobs, &Job::id) &&
         RingIsConsistent(topology);
}

}  // namespace

std::string EncodeTopology(const Topology& topology) {
  ByteWriter out;
  out.U8(kFormat).Raw(topology.cluster_id.ToBytes()).String(topology.cluster_name);
  out.U64(topology.epoch.value).U32(topology.feature_level);
  out.U32(topology.replication_wished).U32(topology.copies);
  const auto write_each = [&out](const auto& elements, auto write) {
    out.U32(static_cast<uint32_t>(elements.size()));
    for (const auto& element : elements) write(out, element);
  };
  write_each(topology.members, WriteMember);
  WriteRing(out, topology);
  write_each(topology.system_voters, WriteReplica);
  write_each(topology.removed, WriteRemoved);
  write_each(topology.jobs, WriteJob);
  out.U32(topology.next_node.value).U64(topology.next_replica.value).U64(topology.next_job.value);
  out.U32(Checksum32(out.bytes()));
  return out.Take();
}

StatusOr<Topology> DecodeTopology(std::string_view bytes) {
  const auto damaged = [](std::string_view what) {
    return MakeStatus(StatusCode::kDataLoss, fmt::format("topology record: {}", what));
  };
  if (bytes.size() < 5) return damaged("too short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (ByteReader(bytes.substr(body.size())).U32() != Checksum32(body)) {
    return damaged("checksum mismatch");
  }
  ByteReader in(body);
  const uint8_t format = *in.U8();
  if (format > kFormat) {
    return MakeStatus(
        StatusCode::kFailedPrecondition,
        fmt::format("topology record has format {}, this kvd reads {}; run a newer kvd", format,
                    kFormat));
  }
  if (format < kFirstFormat) return damaged("format 0");
  auto topology = ReadFields(in, format);
  if (!topology || !in.exhausted()) return damaged("fields are missing or too many");
  if (!IsConsistent(*topology)) return damaged("members and ring contradict each other");
  if (format == kFirstFormat) Complete(*topology);
  if (!IdsAreConsistent(*topology)) return damaged("ids contradict each other");
  return *std::move(topology);
}

}  // namespace kvd::topology
