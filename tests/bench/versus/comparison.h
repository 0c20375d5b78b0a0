// The contestants and their figures: three nodes each of kvd, etcd and Redis, a Redis Cluster of
// three masters and three replicas, and a bare gRPC server; all of them up, one under load at a
// time.
//
// Threading: confined to the program's main thread.
#pragma once

#include <vector>

#include "tests/bench/versus/findings.h"

namespace kvd::bench {

struct Plan {
  double seconds = 5;  // Of each contestant and round.
  int rounds = 5;
  std::vector<int> callers = {1, 16, 64, 256};  // Of the unary figures; 64 is among them.
};

// Starts everybody, measures and stops them; takes minutes. Prints each figure once it is there.
// What does not come up ends the program, and says which.
[[nodiscard]] Findings Compare(const Plan& plan);

}  // namespace kvd::bench
