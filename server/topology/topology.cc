#include "server/topology/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "server/ring/placement.h"

namespace kvd::topology {
namespace {

constexpr uint8_t kFormat = 1;

void WriteMember(ByteWriter& out, const Member& member) {
  out.U32(member.id.value).Raw(member.card.uuid.ToBytes()).String(member.card.name);
  out.String(member.card.address).String(member.card.peer_address).String(member.card.zone);
}

std::optional<Member> ReadMember(ByteReader& in) {
  const auto id = in.U32();
  const auto uuid = in.Raw(16);
  const auto name = in.String();
  const auto address = in.String();
  const auto peer_address = in.String();
  const auto zone = in.String();
  if (!in.ok()) return std::nullopt;
  return Member{NodeId{*id}, NodeCard{.name = std::string(*name),
                                      .uuid = *Uuid::FromBytes(*uuid),
                                      .address = std::string(*address),
                                      .peer_address = std::string(*peer_address),
                                      .zone = std::string(*zone)}};
}

std::optional<std::vector<Replica>> ReadReplicas(ByteReader& in) {
  const auto count = in.U8();
  if (!count) return std::nullopt;
  std::vector<Replica> replicas;
  for (int i = 0; i < *count; ++i) {
    const auto id = in.U64();
    const auto node = in.U32();
    if (!in.ok()) return std::nullopt;
    replicas.push_back({ReplicaId{*id}, NodeId{*node}});
  }
  return replicas;
}

// The fields behind the format byte. Counts are not trusted: every element read must exist, so a
// wrong count ends at the end of the bytes.
std::optional<Topology> ReadFields(ByteReader& in) {
  Topology topology;
  const auto cluster_id = in.Raw(16);
  const auto name = in.String();
  const auto epoch = in.U64();
  const auto feature_level = in.U32();
  const auto wished = in.U32();
  const auto copies = in.U32();
  const auto members = in.U32();
  if (!in.ok()) return std::nullopt;
  topology.cluster_id = *Uuid::FromBytes(*cluster_id);
  topology.cluster_name = *name;
  topology.epoch = Epoch{*epoch};
  topology.feature_level = *feature_level;
  topology.replication_wished = *wished;
  topology.copies = *copies;
  for (uint32_t i = 0; i < *members; ++i) {
    auto member = ReadMember(in);
    if (!member) return std::nullopt;
    topology.members.push_back(*std::move(member));
  }
  const auto partitions = in.U32();
  if (!partitions) return std::nullopt;
  for (uint32_t i = 0; i < *partitions; ++i) {
    auto replicas = ReadReplicas(in);
    if (!replicas) return std::nullopt;
    topology.ring.push_back(*std::move(replicas));
  }
  return topology;
}

bool IsConsistent(const Topology& topology) {
  if (!std::has_single_bit(topology.partitions()) || topology.epoch.value == 0) return false;
  if (!std::ranges::is_sorted(topology.members, std::ranges::less_equal{}, &Member::id) &&
      topology.members.size() > 1) {
    return false;
  }
  const auto known = [&](const Replica& replica) { return topology.Find(replica.node) != nullptr; };
  return std::ranges::all_of(topology.ring, [&](const std::vector<Replica>& replicas) {
    return !replicas.empty() && std::ranges::all_of(replicas, known);
  });
}

}  // namespace

const Replica& Topology::PreferredOwner(PartitionId partition) const {
  KVD_CHECK_OP(<, partition.value, partitions());
  return ring[partition.value].front();
}

const Member* Topology::Find(NodeId id) const {
  const auto it = std::ranges::lower_bound(members, id, {}, &Member::id);
  return it != members.end() && it->id == id ? &*it : nullptr;
}

const Member* Topology::Find(const Uuid& uuid) const {
  const auto it = std::ranges::find(members, uuid, [](const Member& m) { return m.card.uuid; });
  return it != members.end() ? &*it : nullptr;
}

const Member* Topology::FindName(std::string_view name) const {
  const auto it =
      std::ranges::find_if(members, [&](const Member& m) { return m.card.name == name; });
  return it != members.end() ? &*it : nullptr;
}

Topology FoundTopology(const Uuid& cluster_id, const ClusterTerms& terms,
                       std::vector<NodeCard> cards) {
  std::ranges::sort(cards, {}, &NodeCard::name);
  Topology topology;
  topology.cluster_id = cluster_id;
  topology.cluster_name = terms.name;
  topology.epoch = Epoch{1};
  topology.replication_wished = terms.replication;
  std::vector<ring::Member> placed;
  for (NodeCard& card : cards) {
    const NodeId id{static_cast<uint32_t>(topology.members.size() + 1)};
    placed.push_back({id, card.zone});
    topology.members.push_back({id, std::move(card)});
  }
  const auto most = static_cast<uint32_t>(placed.size());
  const ring::Ring ring = ring::Place(placed, terms.partitions, std::min(terms.replication, most));
  topology.copies = ring.replication();
  uint64_t next_replica_id = 1;
  for (uint32_t p = 0; p < terms.partitions; ++p) {
    std::vector<Replica> replicas;
    for (const NodeId node : ring.Replicas(PartitionId{p})) {
      replicas.push_back({ReplicaId{next_replica_id++}, node});
    }
    topology.ring.push_back(std::move(replicas));
  }
  return topology;
}

std::string EncodeTopology(const Topology& topology) {
  ByteWriter out;
  out.U8(kFormat).Raw(topology.cluster_id.ToBytes()).String(topology.cluster_name);
  out.U64(topology.epoch.value).U32(topology.feature_level);
  out.U32(topology.replication_wished).U32(topology.copies);
  out.U32(static_cast<uint32_t>(topology.members.size()));
  for (const Member& member : topology.members) WriteMember(out, member);
  out.U32(topology.partitions());
  for (const auto& replicas : topology.ring) {
    KVD_CHECK_OP(<=, replicas.size(), size_t{255});
    out.U8(static_cast<uint8_t>(replicas.size()));
    for (const Replica& replica : replicas) out.U64(replica.id.value).U32(replica.node.value);
  }
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
  if (format != kFormat) {
    return MakeStatus(
        StatusCode::kFailedPrecondition,
        fmt::format("topology record has format {}, this kvd reads {}; run a newer kvd", format,
                    kFormat));
  }
  auto topology = ReadFields(in);
  if (!topology || !in.exhausted()) return damaged("fields are missing or too many");
  if (!IsConsistent(*topology)) return damaged("members and ring contradict each other");
  return *std::move(topology);
}

Status CheckTerms(const ClusterTerms& terms, const Topology& topology) {
  const auto differs = [](std::string_view key, const auto& file, const auto& founded) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("cluster.{} is {} in the cluster file and {} in the founded "
                                  "cluster; it is fixed at founding: correct the file",
                                  key, file, founded));
  };
  if (terms.name != topology.cluster_name) {
    return differs("name", terms.name, topology.cluster_name);
  }
  if (terms.partitions != topology.partitions()) {
    return differs("partitions", terms.partitions, topology.partitions());
  }
  if (terms.replication != topology.replication_wished) {
    return differs("replication", terms.replication, topology.replication_wished);
  }
  return OkStatus();
}

}  // namespace kvd::topology
