// A deterministic random sequence. The same seed gives the same numbers on every machine: whoever
// needs chance is handed a Random, so that the simulator decides it.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>

#include "common/check.h"

namespace kvd {

// SplitMix64 (Steele, Lea, Flood, OOPSLA'14). Not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) {
    KVD_CHECK_OP(>, bound, uint64_t{0});
    const uint64_t reject_below =
        (0 - bound) % bound;  // Makes the remaining range a multiple of it.
    while (true) {
      const uint64_t draw = Next();
      if (draw >= reject_below) return draw % bound;
    }
  }

  // Uniform in [low, high]. REQUIRES: low <= high.
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }

  // True in `per_million` of a million draws.
  bool Chance(uint64_t per_million) { return Below(1'000'000) < per_million; }

 private:
  uint64_t state_;
};

}  // namespace kvd
