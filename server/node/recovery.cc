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
    const PartitionId partition{extent.group.value - 1};
    const storage::AppliedRecord& applied = machines.applied(partition);
    auto loaded = partition::LoadReplica(log, extent, applied, {});
    if (!loaded.ok()) {
      return Annotate(loaded.status(), fmt::format("recover partition {}", partition.value));
    }
    if (loaded->reset) {
      KVD_RETURN_IF_ERROR(Annotate(log.Append(std::span(&*loaded->reset, 1)), "reset the log"));
    }
    recovery.entries += loaded->entries;
    recovery.bytes += loaded->bytes;
    recovery.replicas.push_back({partition, std::move(loaded->restored), applied.keys});
  }
  return recovery;
}

}  // namespace kvd::node
