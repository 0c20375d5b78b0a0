// When operations are due. In an open loop one is every so often, whether or not those before it
// are answered: callers do not wait for each other in life either. In a closed loop the next one is
// due when its caller is free.
//
// An operation's latency counts from when it was due. In an open loop that is before it began if
// all callers were busy: what it waited is the cluster's doing, and a load that counts from the
// beginning hides it ("coordinated omission": Tene, "How NOT to measure latency"; wrk2).
//
// Pure: times count from the beginning of the load. Threading: immutable.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"

namespace kvd::load {

class Schedule {
 public:
  // The highest rate; one operation per nanosecond is due.
  static constexpr uint64_t kMaxPerSecond = 1'000'000'000;

  // nullopt: a closed loop. REQUIRES: 1 to kMaxPerSecond.
  explicit Schedule(std::optional<uint64_t> per_second);

  [[nodiscard]] bool is_open() const { return per_second_.has_value(); }

  // When the operation `number`, from 0, is due, asked by a caller that is free `now`.
  [[nodiscard]] Duration DueAt(uint64_t number, Duration now) const;

  // How many have become due before `end`; 0 in a closed loop.
  [[nodiscard]] uint64_t DueBefore(Duration end) const;

 private:
  std::optional<uint64_t> per_second_;
};

// One operation on its way.
struct Timing {
  Duration due{};
  Duration answered{};

  [[nodiscard]] Duration latency() const { return answered - due; }
};

}  // namespace kvd::load
