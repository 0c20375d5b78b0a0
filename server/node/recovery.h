// What a node starts from: its topology, and the replicas that its log and its data hold, put
// together. What contradicts itself is refused, never guessed.
//
// Pure but for the log and the store that it is given.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/state_machines.h"
#include "server/raft/replica.h"
#include "server/storage/log.h"
#include "server/topology/topology.h"

namespace kvd::node {

// A replica as start-up found it on the disk.
struct RecoveredReplica {
  PartitionId partition;
  ReplicaId id;                 // 0: one of the founding, whose name was not written yet.
  raft::Configuration initial;  // The group began with it. No voters: the ring of epoch 1 says it.
  raft::Restored restored;
  uint64_t keys = 0;
};

struct Recovery {
  std::optional<topology::Topology> topology;  // nullopt: none yet.
  std::vector<RecoveredReplica> replicas;

  // The highest replica id that was removed here, of each partition of which one was.
  std::map<PartitionId, ReplicaId> tombstones;

  // Read from the log: what recovery time is made of.
  uint64_t entries = 0;
  uint64_t bytes = 0;
};

// Opens the partitions in `machines` and loads their logs; to be called once, first. `topology`:
// the record that is kept of it, nullopt if there is none. Resets, on disk, logs that a snapshot
// had taken the place of when the process died, and drops the data of replicas that were removed.
// DATA_LOSS, naming the partition, if log and data are not of one piece, or if there are replicas
// and no topology: it is durable before the first replica begins.
[[nodiscard]] StatusOr<Recovery> Recover(storage::Log& log, partition::StateMachines& machines,
                                         const std::optional<std::string>& topology);

// A log written before the topology had a place of its own holds it as the only entry of the system
// group, of no replica: its record; nullopt: there is none in the log.
[[nodiscard]] StatusOr<std::optional<std::string>> ReadTopologyInLog(const storage::Log& log);

// Takes that entry out of the log, durably. REQUIRES: its record is durable elsewhere.
[[nodiscard]] Status ForgetTopologyInLog(storage::Log& log);

}  // namespace kvd::node
