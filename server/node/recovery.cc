#include "server/node/recovery.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "server/partition/recovery.h"

namespace kvd::node {
namespace {

// The topology of an epoch is the entry of the system group at that index.
StatusOr<topology::Topology> ReadTopology(const storage::Log& log,
                                          const storage::GroupExtent& extent) {
  KVD_ASSIGN_OR_RETURN(const auto entries, log.Read(kSystemGroup, extent.last, extent.last, 1));
  return topology::DecodeTopology(entries.front().payload);
}

StatusOr<raft::Configuration> ReadInitial(const storage::GroupExtent& extent) {
  if (extent.replica == ReplicaId{}) return raft::Configuration{};
  auto initial = raft::DecodeConfiguration(extent.initial);
  if (initial.ok()) return initial;
  return Annotate(initial.status(), fmt::format("recover group {}", extent.group.value));
}

}  // namespace

StatusOr<Recovery> Recover(storage::Log& log, partition::StateMachines& machines) {
  KVD_ASSIGN_OR_RETURN(const auto extents, log.Groups());
  KVD_RETURN_IF_ERROR(machines.Open(extents).status());
  Recovery recovery;
  for (const storage::GroupExtent& extent : extents) {
    if (extent.group == kSystemGroup) {
      KVD_ASSIGN_OR_RETURN(recovery.topology, ReadTopology(log, extent));
      continue;
    }
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

}  // namespace kvd::node
