#include "server/node/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "server/partition/recovery.h"

namespace kvd::node {
namespace {

StatusOr<raft::Configuration> ReadInitial(const storage::GroupExtent& extent) {
  if (extent.replica == ReplicaId{}) return raft::Configuration{};
  auto initial = raft::DecodeConfiguration(extent.initial);
  if (initial.ok()) return initial;
  return Annotate(initial.status(), fmt::format("recover group {}", extent.group.value));
}

// Nobody voted, and no replica has this log.
bool IsTopologyAlone(const storage::GroupExtent& extent) {
  return extent.replica == ReplicaId{} && extent.removed == ReplicaId{} &&
         extent.hard_state == storage::HardState{} && extent.first <= extent.last;
}

Status TopologyIsMissing() {
  return MakeStatus(StatusCode::kDataLoss,
                    "the log holds replicas, but the record of the topology is missing; restore "
                    "it, or empty the data directory to join as a new node");
}

}  // namespace

StatusOr<Recovery> Recover(storage::Log& log, partition::StateMachines& machines,
                           const std::optional<std::string>& topology) {
  KVD_ASSIGN_OR_RETURN(const auto extents, log.Groups());
  KVD_RETURN_IF_ERROR(machines.Open(extents).status());
  Recovery recovery;
  if (topology) {
    auto decoded = topology::DecodeTopology(*topology);
    if (!decoded.ok()) return Annotate(decoded.status(), "the topology kept here");
    recovery.topology = *std::move(decoded);
  }
  for (const storage::GroupExtent& extent : extents) {
    if (!recovery.topology) return TopologyIsMissing();
    const PartitionId partition = PartitionOf(extent.group);
    if (extent.removed != ReplicaId{}) {
      recovery.tombstones.emplace(partition, extent.removed);
      if (extent.replica == ReplicaId{}) continue;
    }
    const storage::AppliedRecord& applied = machines.applied(partition);
    KVD_ASSIGN_OR_RETURN(const raft::Configuration initial, ReadInitial(extent));
    auto loaded = partition::LoadReplica(log, extent, applied, initial);
    if (!loaded.ok()) {
      return Annotate(loaded.status(), fmt::format("recover partition {}", partition.value));
    }
    if (loaded->reset) {
      KVD_RETURN_IF_ERROR(Annotate(log.Append(std::span(&*loaded->reset, 1)), "reset the log"));
    }
    recovery.entries += loaded->entries;
    recovery.bytes += loaded->bytes;
    recovery.replicas.push_back({.partition = partition,
                                 .id = extent.replica,
                                 .initial = initial,
                                 .restored = std::move(loaded->restored),
                                 .keys = applied.keys});
  }
  return recovery;
}

StatusOr<std::optional<std::string>> ReadTopologyInLog(const storage::Log& log) {
  KVD_ASSIGN_OR_RETURN(const auto extents, log.Groups());
  const auto extent = std::ranges::find(extents, kSystemGroup, &storage::GroupExtent::group);
  if (extent == extents.end() || !IsTopologyAlone(*extent)) return std::nullopt;
  KVD_ASSIGN_OR_RETURN(auto entries, log.Read(kSystemGroup, extent->last, extent->last, 1));
  return std::string(entries.front().payload);
}

Status ForgetTopologyInLog(storage::Log& log) {
  const storage::GroupWrite write{.group = kSystemGroup, .reset = storage::GroupWrite::Reset{}};
  return Annotate(log.Append(std::span(&write, 1)), "take the topology out of the log");
}

}  // namespace kvd::node
