// Latencies, counted in buckets as wide as their size permits: 128 to each power of two of
// nanoseconds (the idea of HdrHistogram, hdrhistogram.org). Every latency is told to within 1/128,
// 0.8%, in a memory of 34 KiB at most, however many there are; an empty one takes none.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <vector>

#include "common/clock.h"

namespace kvd::load {

class Histogram {
 public:
  // Longer latencies, of more than 18 minutes, count as that long, in quantiles but not in max().
  static constexpr Duration kLongest{(int64_t{1} << 40) - 1};

  // Below zero counts as zero.
  void Record(Duration latency);

  void Add(const Histogram& other);

  // So that a share of `quantile` was at most so long. Never less than that, at most 1/128 more,
  // and never more than the longest. Zero if nothing was recorded. REQUIRES: 0 <= quantile <= 1.
  [[nodiscard]] Duration Quantile(double quantile) const;

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] Duration max() const { return max_; }

 private:
  std::vector<uint64_t> buckets_;  // Empty, or all.
  uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace kvd::load
