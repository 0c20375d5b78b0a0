// How long things took: how often, by buckets, and together. All of kvd has the same buckets, so
// that those of several nodes, and of several versions, can be added up.
//
// Pure. Threading: values.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/clock.h"

namespace kvd {

struct Durations {
  // Each bucket holds what took at most this long, and longer than the one before; one more holds
  // the rest.
  static constexpr std::array<Duration, 18> kBounds = {
      std::chrono::microseconds(50),   std::chrono::microseconds(100),
      std::chrono::microseconds(250),  std::chrono::microseconds(500),
      std::chrono::milliseconds(1),    std::chrono::microseconds(2500),
      std::chrono::milliseconds(5),    std::chrono::milliseconds(10),
      std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
      std::chrono::milliseconds(100),  std::chrono::milliseconds(250),
      std::chrono::milliseconds(500),  std::chrono::seconds(1),
      std::chrono::milliseconds(2500), std::chrono::seconds(5),
      std::chrono::seconds(10),        std::chrono::seconds(30)};

  // Of what is negative: the first one's.
  [[nodiscard]] static size_t BucketOf(Duration took) {
    return static_cast<size_t>(std::ranges::lower_bound(kBounds, took) - kBounds.begin());
  }

  // A negative duration counts as none.
  void Add(Duration took) {
    ++counts[BucketOf(took)];
    sum += std::max(took, Duration::zero());
  }

  void Add(const Durations& others) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += others.counts[i];
    sum += others.sum;
  }

  std::array<uint64_t, kBounds.size() + 1> counts{};  // Not cumulative.
  Duration sum{};

  friend bool operator==(const Durations&, const Durations&) = default;
};

}  // namespace kvd
