// The state machines of all partitions a node holds, on one store: applies committed entries in
// batches across partitions, and reads. Also what happens at start: the part of the log that was
// not flushed is applied again.
//
// No thread, clock or disk of its own: the daemon drives it on RocksDB, the simulator on the twins.
//
// Threading: confined to the thread that applies.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/applier.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::partition {

// Committed entries of one partition, in order.
struct ApplyJob {
  PartitionId partition;
  std::vector<storage::Entry> entries;
};

// What a job did.
struct Applied {
  PartitionId partition;
  std::vector<Outcome> outcomes;
  uint64_t keys = 0;  // Live keys of the partition behind it.
};

class StateMachines {
 public:
  explicit StateMachines(storage::Store& store) : store_(store) {}

  // One partition as it stands after Recover(): all of its log is applied.
  struct Recovered {
    PartitionId partition;
    Index last = 0;
    Term last_term = 0;
    uint64_t keys = 0;
  };

  // Brings every partition of `log` up to the end of its log: to be called once, first. DATA_LOSS
  // if log and store contradict each other: the store is ahead of the log, or the log begins behind
  // what the store has.
  [[nodiscard]] StatusOr<std::vector<Recovered>> Recover(const storage::Log& log);

  // Applies all jobs in one batch of the store. After an error the node must stop.
  [[nodiscard]] StatusOr<std::vector<Applied>> Apply(std::span<const ApplyJob> jobs);

  // The value of `key` as applied so far; nullopt if absent.
  [[nodiscard]] StatusOr<std::optional<storage::StoredValue>> Read(PartitionId partition,
                                                                   std::string_view key) const;

  // Flushes the store, and answers up to where the log of each partition is needed no more.
  struct Truncation {
    PartitionId partition;
    Index through = 0;
  };
  [[nodiscard]] StatusOr<std::vector<Truncation>> Flush();

 private:
  [[nodiscard]] StatusOr<Recovered> RecoverOne(const storage::Log& log,
                                               const storage::GroupExtent& extent);
  [[nodiscard]] Applier& ApplierOf(PartitionId partition);

  storage::Store& store_;
  std::map<PartitionId, Applier> appliers_;
};

}  // namespace kvd::partition
