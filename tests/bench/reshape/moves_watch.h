// What really moved while a cluster changed shape.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "client/admin.h"

namespace kvd::bench {

struct Copies {
  uint64_t count = 0;
  uint64_t bytes = 0;
};

// Looks twenty times a second at the groups that are not as wished; the reconciler, which takes a
// learner in by one of its passes and makes it a voter by another, is half as fast.
//
// Threading: one thread of its own, until Stop().
class MovesWatch {
 public:
  // REQUIRES: `admin` outlives it.
  explicit MovesWatch(const client::Admin& admin);

  // The copies that were begun, each with what its partition held then. One that was given up and
  // begun again counts twice.
  Copies Stop();

 private:
  using Arrival = std::pair<uint32_t, std::string>;  // The partition, the node.

  void Look();

  const client::Admin& admin_;
  std::set<Arrival> underway_;
  Copies begun_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// The copies on these nodes. REQUIRES: every group is as wished.
[[nodiscard]] Copies CopiesOn(const client::Admin& admin, uint32_t partitions,
                              const std::set<std::string>& nodes);

}  // namespace kvd::bench
