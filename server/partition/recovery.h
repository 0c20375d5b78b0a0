// What a replica of a partition starts from: its log and its data, which a crash may have left at
// different points, put together for Raft. What contradicts itself is refused, never guessed.
//
//   the data is behind the log          as always: what lies between waits in the log until Raft
//                                       commits it
//   the data is ahead of the log,       the process died between the switch to a snapshot and the
//   and a snapshot brought it there     reset of the log: the log is to be reset now
//   the data is ahead otherwise,        DATA_LOSS: entries that were applied, and so promised, are
//   or the log begins behind it,        gone, or the two are not of one node
//   or their terms differ
//
// Pure but for reading the log. Threading: confined to the thread that starts.
#pragma once

#include <cstdint>
#include <optional>

#include "common/status.h"
#include "common/types.h"
#include "server/raft/configuration.h"
#include "server/raft/replica.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::partition {

struct LoadedReplica {
  raft::Restored restored;

  // To be made durable before the replica is started from `restored`, which is what the log will be
  // then.
  std::optional<storage::GroupWrite> reset;

  // Read from the log: what recovery time is made of.
  uint64_t entries = 0;
  uint64_t bytes = 0;
};

// `applied` is the partition's record in the store, a default one if there is none; `initial` is in
// force if it names no configuration. DATA_LOSS as said above, and for damaged entries.
[[nodiscard]] StatusOr<LoadedReplica> LoadReplica(const storage::Log& log,
                                                  const storage::GroupExtent& extent,
                                                  const storage::AppliedRecord& applied,
                                                  const raft::Configuration& initial);

}  // namespace kvd::partition
