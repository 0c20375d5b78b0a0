// One trial of the failover bench: three fresh nodes, writers that write only what one of them
// owns, a fault of that node, and its return.
//
// Threading: confined to the program's main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/failover/writers.h"

namespace kvd::bench {

enum class Fault : uint8_t {
  kKill,       // kill -9, later started again.
  kFreeze,     // SIGSTOP, later SIGCONT.
  kTerminate,  // SIGTERM, started again when it has ended.
};

struct TrialOptions {
  Fault fault = Fault::kKill;
  int victim = 1;
  int writers = 16;
  Duration try_timeout = std::chrono::milliseconds(100);
  std::string settings{};    // Of the cluster file.
  std::string log_folder{};  // Where the nodes' logs are copied to; empty: nowhere.
};

struct TrialResult {
  Gaps before;  // A second of undisturbed load: what this machine does by itself.
  Gaps fault;   // From the fault on, for as long as the node is away.
  Gaps back;    // From its return on.
  double away_ms = 0;
  uint64_t acknowledged = 0;
  uint64_t lost = 0;
  std::vector<std::string> failures{};
  std::string fault_at{};  // Wall clock, as in the nodes' logs.
};

[[nodiscard]] TrialResult RunTrial(const TrialOptions& options);

}  // namespace kvd::bench
