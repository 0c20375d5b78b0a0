// The key-value state machine: turns committed entries of one partition, in log order, into changes
// of the store and into outcomes. The same entries on the same state give the same changes and
// outcomes on every replica: nothing else is consulted, no clock, no setting, no memory but what is
// partition state.
//
// Pure but for reading the store. Threading: confined to the thread that applies.
#pragma once

#include <span>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/outcome.h"
#include "server/partition/sessions.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::partition {

class Applier {
 public:
  // `applied`: the partition's record in the store, or a default one if it was never applied;
  // `sessions`: as loaded behind it.
  Applier(PartitionId partition, storage::AppliedRecord applied, Sessions sessions = Sessions());

  // Adds the effects of `entries`, and the applied record behind them, to `batch`. The caller
  // writes `batch` before it calls again and before anyone hears of the outcomes, one per entry. An
  // entry that cannot be read stops the replica: DATA_LOSS or FAILED_PRECONDITION, nothing added,
  // and the applier must not be used again. REQUIRES: entries follow the last one applied without a
  // gap.
  [[nodiscard]] StatusOr<std::vector<Outcome>> Apply(std::span<const storage::Entry> entries,
                                                     const storage::Store& store,
                                                     storage::StoreBatch& batch);

  // Behind the last Apply().
  [[nodiscard]] const storage::AppliedRecord& applied() const { return applied_; }
  [[nodiscard]] const Sessions& sessions() const { return sessions_; }

 private:
  const PartitionId partition_;
  storage::AppliedRecord applied_;
  Sessions sessions_;
};

}  // namespace kvd::partition
