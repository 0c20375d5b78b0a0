// The load that Redis gets, whatever its shape: connections that each send a batch of commands, and
// the next one when all of it is answered (a closed loop), from one thread. A command's latency is
// that of its batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/versus/load.h"

namespace kvd::bench {

struct RedisLoad {
  Operation operation = Operation::kPut;
  int connections = 50;  // Over the servers in turn.
  int pipeline = 16;     // Commands in a batch.
  bool waits = false;    // A batch ends with a WAIT until one follower has all of it.
  double seconds = 3;
};

// Who is asked for which keys: in turn, again and again.
struct RedisKeys {
  uint16_t port = 0;
  std::vector<std::string> keys{};
};

// A batch of which anything is refused, missing or not confirmed counts as failed. A server that
// does not answer for ten seconds ends the program.
[[nodiscard]] LoadResult RunRedisLoad(const RedisLoad& load, const std::vector<RedisKeys>& servers);

}  // namespace kvd::bench
