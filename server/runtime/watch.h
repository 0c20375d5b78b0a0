// What is due by time alone, done by a thread that sleeps elsewhere and can be up in time: so no
// other thread is woken for it.
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

  // The thread will not be back.
  virtual void StopWatching() = 0;
};

}  // namespace kvd::runtime
