// Time as kvd reasons about it: instants on one node's monotonic time line. Nothing here reads a
// real clock: the daemon derives instants from the operating system's monotonic clock, the
// simulator from a virtual one, and pure rooms get `now` as an argument.
//
// Instants of different nodes are not comparable, and never leave a node: messages carry durations.
#pragma once

#include <chrono>

namespace kvd {

using Duration = std::chrono::nanoseconds;

// The tag of the time line. It has no now(): asking it for the time does not compile.
struct NodeTimeline {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  static constexpr bool is_steady = true;
};

using Instant = std::chrono::time_point<NodeTimeline, Duration>;

// Where an instant comes from, for the rooms that live in time (runtime, rpc).
// Threading: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Never before an earlier answer.
  [[nodiscard]] virtual Instant Now() const = 0;
};

}  // namespace kvd
