#include "server/observability/metrics.h"

#include <algorithm>

namespace kvd::observability {

void Histogram::Observe(Duration took) {
  counts_[Durations::BucketOf(took)].Add();
  sum_ns_.Add(static_cast<uint64_t>(std::max(took, Duration::zero()).count()));
}

Durations Histogram::value() const {
  Durations value;
  std::ranges::transform(counts_, value.counts.begin(), &Counter::value);
  value.sum = Duration(static_cast<Duration::rep>(sum_ns_.value()));
  return value;
}

}  // namespace kvd::observability
