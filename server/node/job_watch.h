// How fast jobs advance, from looking at what is left of them again and again.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "common/clock.h"
#include "server/topology/topology.h"

namespace kvd::node {

class JobWatch {
 public:
  struct Pace {
    uint64_t bytes_total = 0;       // The most there was to do.
    uint64_t bytes_per_second = 0;  // Over the last 10 s or so.
    Duration age{};                 // Since the first look.
    std::optional<Duration> left;   // nullopt: it does not advance.
  };

  // Looks at a job of which `bytes_left` are to be moved.
  void Look(topology::JobId job, uint64_t bytes_left, Instant now);

  // Of a job that was looked at; all zero otherwise.
  [[nodiscard]] Pace PaceOf(topology::JobId job, Instant now) const;

  // Forgets jobs that are not running any more in `topology`.
  void Retain(const topology::Topology& topology);

 private:
  struct Sample {
    Instant at;
    uint64_t bytes_left = 0;
  };
  struct Watched {
    Instant since;
    uint64_t most_left = 0;  // Sizes become known, and grow: the most there was to do.
    std::deque<Sample> samples;
  };

  std::map<topology::JobId, Watched> watched_;
};

}  // namespace kvd::node
