// Redis Cluster as Debian has it: three masters that share the keys and a replica of each, on
// loopback, in a folder of its own.
//
// What it promises is less than kvd does: a master acknowledges a write that its replica need not
// have yet, so one that was acknowledged, and read, is lost when the replica takes over; and with
// an fsync every second, also when the machine stops.
//
// Threading: confined to the program's main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/versus/load.h"
#include "tests/bench/versus/redis_load.h"
#include "tests/bench/versus/redis_server.h"
#include "tests/support/files.h"
#include "tests/support/reserved_port.h"

namespace kvd::bench {

class RedisCluster {
 public:
  // When a write is fsynced: before it is acknowledged, or some time in the next second.
  enum class Fsync { kAlways, kEverySecond };

  // Starts six servers that are no cluster yet.
  RedisCluster();

  // Makes them one with redis-cli, waits until every slot is served and every replica follows, and
  // learns whose the keys are. False: they never did; what redis-cli said is printed.
  [[nodiscard]] bool AwaitReady();

  // Each key is asked of its master. Returns when the replicas have everything and all of it is
  // fsynced, which the latencies do not include: who is measured next has the machine to itself.
  // REQUIRES: AwaitReady() was true.
  [[nodiscard]] LoadResult Run(Fsync fsync, Operation operation, double seconds) const;

  [[nodiscard]] std::vector<pid_t> pids() const { return PidsOf(servers_); }

 private:
  [[nodiscard]] bool Found() const;
  [[nodiscard]] bool IsServed() const;
  void LearnKeys();
  void SetFsync(Fsync fsync) const;
  void AwaitReplicas() const;

  testing::TempFolder folder_;
  std::vector<testing::ReservedPort> bus_ports_;
  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<RedisKeys> masters_;
};

}  // namespace kvd::bench
