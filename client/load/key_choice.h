// Decides which record an operation is about.
//
// kZipf is YCSB's "scrambled Zipfian": ranks are drawn of 10^10 items and scattered over the
// records by FNV-1a, so that the popular records are anywhere and their shares (the first: 3.8%) do
// not depend on how many records there are. kLatest is its "skewed latest": a Zipf rank counted
// back from the newest record.
//
// Pure. Threading: confined to its owner.
#pragma once

#include <cstdint>

#include "client/load/workload.h"
#include "client/load/zipf.h"
#include "common/random.h"

namespace kvd::load {

class KeyChoice {
 public:
  // `records`: how many there are at first. REQUIRES: at least 1.
  KeyChoice(Choice choice, uint64_t records);

  // One of the `count` records there are now. kZipf chooses among those there were at first:
  // popular ones stay so. REQUIRES: `count` is not below any earlier one, nor below `records`.
  [[nodiscard]] uint64_t Pick(uint64_t count, Random& random);

 private:
  const Choice choice_;
  const uint64_t records_;
  Zipf zipf_;
};

// FNV-1a of the eight bytes of `number`, lowest first (fnvhash64 of YCSB).
[[nodiscard]] uint64_t Scatter(uint64_t number);

}  // namespace kvd::load
