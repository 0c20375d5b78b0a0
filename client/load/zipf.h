// Zipf's law: of n items the one of rank r is drawn with a share of about r^-theta / H(n), where
// H(n) is the sum of i^-theta for i = 1..n. After Gray et al., "Quickly generating billion-record
// synthetic databases", SIGMOD 1994, figure 2, as YCSB has it: exact for the first two ranks, close
// for the others.
//
// Deviation: H(n) is not summed up but approximated (Euler and Maclaurin), to ten digits, so that n
// may be large and may change.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>

#include "common/random.h"

namespace kvd::load {

// The sum of i^-theta for i = 1..n, to ten digits. REQUIRES: n > 0; 0 < theta < 1.
[[nodiscard]] double HarmonicSum(uint64_t n, double theta);

class Zipf {
 public:
  // The exponent of YCSB.
  static constexpr double kTheta = 0.99;

  // REQUIRES: items > 0; 0 < theta < 1.
  explicit Zipf(uint64_t items, double theta = kTheta);

  // A rank below `items`; 0 is the most popular.
  [[nodiscard]] uint64_t Draw(Random& random) const;

  [[nodiscard]] uint64_t items() const { return items_; }

 private:
  uint64_t items_;
  double theta_;
  double sum_;  // H(items).
  double eta_;  // As in the paper.
};

}  // namespace kvd::load
