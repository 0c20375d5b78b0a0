#include "client/load/zipf.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace kvd::load {
namespace {

// Uniform in [0, 1), the 53 bits that a double has.
double Unit(Random& random) {
  return static_cast<double>(random.Next() >> 11U) * 0x1p-53;
}

double EtaOf(double items, double theta, double sum) {
  const double first_two = 1 + std::pow(0.5, theta);
  // Of two items or fewer every draw is one of the first two.
  if (items <= 2) return 0;
  return (1 - std::pow(2 / items, 1 - theta)) / (1 - first_two / sum);
}

}  // namespace

double HarmonicSum(uint64_t n, double theta) {
  KVD_CHECK_OP(>, n, uint64_t{0});
  // Term by term first; the curve is flat enough after that for its integral, the ends' halves and
  // their slopes.
  constexpr uint64_t kTermByTerm = 100;
  double sum = 0;
  for (uint64_t i = 1; i <= std::min(n, kTermByTerm); ++i) {
    sum += std::pow(static_cast<double>(i), -theta);
  }
  if (n <= kTermByTerm) return sum;
  constexpr auto kFrom = static_cast<double>(kTermByTerm);
  const auto to = static_cast<double>(n);
  sum += (std::pow(to, 1 - theta) - std::pow(kFrom, 1 - theta)) / (1 - theta);
  sum += (std::pow(to, -theta) - std::pow(kFrom, -theta)) / 2;
  sum -= theta * (std::pow(to, -theta - 1) - std::pow(kFrom, -theta - 1)) / 12;
  return sum;
}

Zipf::Zipf(uint64_t items, double theta)
    : items_(items),
      theta_(theta),
      sum_(HarmonicSum(items, theta)),
      eta_(EtaOf(static_cast<double>(items), theta, sum_)) {}

uint64_t Zipf::Draw(Random& random) const {
  const double u = Unit(random);
  const double share = u * sum_;
  if (items_ == 1 || share < 1) return 0;
  if (items_ == 2 || share < 1 + std::pow(0.5, theta_)) return 1;
  const double rank = static_cast<double>(items_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - theta_));
  return std::min(static_cast<uint64_t>(rank), items_ - 1);
}

}  // namespace kvd::load
