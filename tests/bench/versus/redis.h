// Redis as Debian has it, one that is written to and two that follow it, every write fsynced
// (appendfsync always), on loopback, in a folder of its own.
//
// Threading: confined to the program's main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/versus/load.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/reserved_port.h"

namespace kvd::bench {

class RedisTrio {
 public:
  RedisTrio();

  // Waits until both followers follow. False: they never did.
  [[nodiscard]] bool AwaitReady() const;

  // `connections` of them write `pipeline` keys each and then WAIT until one follower has them all:
  // the nearest Redis has to "on a majority".
  [[nodiscard]] LoadResult RunWaitedPuts(int connections, int pipeline, double seconds) const;

  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  struct Node {
    testing::ReservedPort port{};
    std::unique_ptr<testing::Process> process{};
  };

  void Start(size_t node);

  testing::TempFolder folder_;
  std::vector<Node> nodes_;
};

}  // namespace kvd::bench
