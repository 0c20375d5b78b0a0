// What a thread that sleeps elsewhere, and wakes for events of its own, does for the node: what is
// due by time alone, so that no other thread is woken for it; and one round for all events that are
// at hand when it is up, instead of one for each.
#pragma once

#include "common/clock.h"

namespace kvd::runtime {

// Threading: one thread's, but for the implementation.
class Watch {
 public:
  virtual ~Watch() = default;

  // Before the thread sleeps: when to be up; Instant::max(): when it likes.
  [[nodiscard]] virtual Instant SleepUntil() = 0;

  // When it is up because of the time.
  virtual void RoundIfDue() = 0;

  // When it is up for an event, and more may be at hand: what is posted from now on, by whomever,
  // waits for RoundOfGathered(). False: it does not, because the node is at work.
  [[nodiscard]] virtual bool Gather() = 0;

  // Soon after. REQUIRES: Gather() was true, once.
  virtual void RoundOfGathered() = 0;

  // The thread will not be back.
  virtual void StopWatching() = 0;
};

}  // namespace kvd::runtime
