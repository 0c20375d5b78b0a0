// Redis as Debian has it, one that is written to and two that follow it, every write fsynced
// (appendfsync always), on loopback, in a folder of its own.
//
// Threading: confined to the program's main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/versus/load.h"
#include "tests/bench/versus/redis_server.h"
#include "tests/support/files.h"

namespace kvd::bench {

class RedisTrio {
 public:
  RedisTrio();

  // Waits until both followers follow. False: they never did.
  [[nodiscard]] bool AwaitReady() const;

  // Batches that end with a WAIT until one follower has them: the nearest Redis has to "on a
  // majority".
  [[nodiscard]] LoadResult RunWaitedPuts(double seconds) const;

  [[nodiscard]] std::vector<pid_t> pids() const { return PidsOf(servers_); }

 private:
  testing::TempFolder folder_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
};

}  // namespace kvd::bench
