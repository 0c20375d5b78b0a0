// The key-value state machine: turns committed entries of one partition, in log order, into changes
// of the store and into outcomes. The same entries on the same state give the same changes and
// outcomes on every replica: nothing else is consulted.
//
// Pure but for reading the store. Threading: confined to the thread that applies.
#pragma once

#include <span>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::partition {

// What one entry did.
struct Outcome {
  Index index = 0;
  bool found = false;  // The key was there before.
  Version version =
      0;  // Created by the entry; 0 if it wrote nothing (a deletion of an absent key).

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Applier {
 public:
  // `applied`: the partition's record in the store, or a default one if it was never applied.
  Applier(PartitionId partition, storage::AppliedRecord applied);

  // Adds the effects of `entries`, and the applied record behind them, to `batch`. The caller
  // writes `batch` before it calls again and before anyone hears of the outcomes. An entry that
  // cannot be read stops the replica: DATA_LOSS or FAILED_PRECONDITION, nothing added. REQUIRES:
  // entries follow the last one applied without a gap.
  [[nodiscard]] StatusOr<std::vector<Outcome>> Apply(std::span<const storage::Entry> entries,
                                                     const storage::Store& store,
                                                     storage::StoreBatch& batch);

  // Behind the last Apply().
  [[nodiscard]] const storage::AppliedRecord& applied() const { return applied_; }

 private:
  const PartitionId partition_;
  storage::AppliedRecord applied_;
};

}  // namespace kvd::partition
