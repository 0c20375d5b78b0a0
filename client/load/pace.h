// Tells the callers of one load when to begin the next operation, from now until it is over.
//
// Threading: thread-safe, by atomics.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "client/load/schedule.h"
#include "common/clock.h"

namespace kvd::load {

class Pace {
 public:
  // The load begins now and lasts `length`, or until Stop().
  Pace(Schedule schedule, Duration length);

  // Waits until the next operation is due, which its caller begins at once; says when that was or
  // is, for its latency. nullopt: the load is over.
  [[nodiscard]] std::optional<Duration> AwaitNext();

  // The load is over now, if it is not already.
  void Stop();

  // Times count from the beginning.
  [[nodiscard]] Duration Now() const;

  // When it is over; before Stop(), when it would be.
  [[nodiscard]] Duration end() const { return Duration(end_.load()); }
  [[nodiscard]] bool IsOver() const { return Now() >= end(); }

  // Of an open loop: what was due by now and nobody was free to begin.
  [[nodiscard]] uint64_t NotBegun() const;

 private:
  const Schedule schedule_;
  const std::chrono::steady_clock::time_point began_at_;
  std::atomic<Duration::rep> end_;
  std::atomic<uint64_t> next_ = 0;
  std::atomic<uint64_t> begun_ = 0;
};

}  // namespace kvd::load
