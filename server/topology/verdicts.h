// Why nodes that ask to join are not taken in, as the system group's leader last said: to be told
// when they ask again.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <deque>
#include <optional>

#include "common/clock.h"
#include "common/refusal.h"
#include "common/uuid.h"

namespace kvd::topology {

class Verdicts {
 public:
  // Takes the place of what was said of `node` before. nullopt: nothing is in its way. The oldest
  // is forgotten for the latest once there are many.
  void Set(const Uuid& node, std::optional<Refusal> refusal, Instant now);

  // nullopt: nothing was said of `node`, or so long ago that it may have changed.
  [[nodiscard]] std::optional<Refusal> Find(const Uuid& node, Instant now) const;

 private:
  struct Verdict {
    Uuid node;
    Refusal refusal;
    Instant since;
  };

  std::deque<Verdict> verdicts_;  // The oldest first.
};

}  // namespace kvd::topology
