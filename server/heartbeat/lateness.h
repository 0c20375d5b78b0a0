// How late a node's own timers are, at the worst, of late: a node that is late itself suspects
// others wrongly, and is suspected.
//
// Pure: no clock. Threading: confined to the shard that runs the node's heartbeats.
#pragma once

#include <algorithm>
#include <chrono>

#include "common/clock.h"

namespace kvd::heartbeat {

class Lateness {
 public:
  // What is worst is remembered for this long, and forgotten before twice that time.
  static constexpr Duration kRemembered = std::chrono::minutes(1);

  // Something was done this much later than it was due.
  // REQUIRES: `now` is not before an earlier one.
  void Note(Duration by, Instant now) {
    if (now - since_ >= kRemembered) {
      before_ = Worst(now);
      worst_ = Duration::zero();
      since_ = now;
    }
    worst_ = std::max(worst_, by);
  }

  [[nodiscard]] Duration Worst(Instant now) const {
    if (now - since_ >= 2 * kRemembered) return Duration::zero();
    return now - since_ >= kRemembered ? worst_ : std::max(worst_, before_);
  }

 private:
  Instant since_{};
  Duration worst_{};   // Since then,
  Duration before_{};  // and before.
};

}  // namespace kvd::heartbeat
