// The operating system's monotonic clock as a time line of instants.
#pragma once

#include <chrono>

#include "common/clock.h"

namespace kvd::runtime {

class SteadyClock : public Clock {
 public:
  [[nodiscard]] Instant Now() const override {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
};

}  // namespace kvd::runtime
