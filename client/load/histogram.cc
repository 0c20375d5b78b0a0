#include "client/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kvd::load {
namespace {

// Values below 2^7 have a bucket each. Above, a value's seven bits after the leading one choose
// among the 128 buckets of its power of two.
constexpr unsigned kBits = 7;
constexpr uint64_t kPerPower = uint64_t{1} << kBits;

constexpr size_t BucketOf(uint64_t value) {
  if (value < kPerPower) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
  return (uint64_t{shift} + 1) * kPerPower + ((value >> shift) - kPerPower);
}

// The largest value in a bucket.
constexpr uint64_t UpperEdge(size_t bucket) {
  if (bucket < kPerPower) return bucket;
  const uint64_t shift = bucket / kPerPower - 1;
  return ((bucket % kPerPower + kPerPower + 1) << shift) - 1;
}

constexpr size_t kBuckets = BucketOf(Histogram::kLongest.count()) + 1;
static_assert(UpperEdge(kBuckets - 1) == Histogram::kLongest.count());

}  // namespace

void Histogram::Record(Duration latency) {
  latency = std::max(latency, Duration::zero());
  if (buckets_.empty()) buckets_.resize(kBuckets);
  ++buckets_[BucketOf(static_cast<uint64_t>(std::min(latency, kLongest).count()))];
  ++count_;
  max_ = std::max(max_, latency);
}

void Histogram::Add(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::Quantile(double quantile) const {
  if (count_ == 0) return {};
  const double wanted = std::ceil(quantile * static_cast<double>(count_));
  // Rounding may not lead beyond the last one.
  uint64_t left = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  for (size_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] >= left) return std::min(Duration(UpperEdge(i)), max_);
    left -= buckets_[i];
  }
  return max_;
}

}  // namespace kvd::load
