// Decides what one caller does next: the kinds as the mix has them, on the records the workload
// chooses. The same seed gives the same sequence on every machine.
//
// Threading: confined to its owner; several share the records.
#pragma once

#include <cstdint>

#include "client/load/key_choice.h"
#include "client/load/operation.h"
#include "client/load/records.h"
#include "client/load/workload.h"
#include "common/random.h"

namespace kvd::load {

class Source {
 public:
  // Callers of one load have one seed and numbers of their own. `records` outlives it.
  struct Options {
    const Workload& workload;
    uint64_t seed = 0;
    uint64_t caller = 0;
  };
  Source(const Options& options, RecordCount& records);

  // An insert is begun in the records; whoever does it ends it there.
  [[nodiscard]] Operation Next();

  // For what an operation needs besides: its value.
  [[nodiscard]] Random& random() { return random_; }

 private:
  const Mix mix_;
  RecordCount& records_;
  KeyChoice choice_;
  Random random_;
};

}  // namespace kvd::load
