// The applier of a simulated process: does what runtime::ApplierThread does, in the same order, on
// a disk in whose time work takes a while.
//
// Threading: one world, one thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/node/effects.h"
#include "server/partition/state_machines.h"
#include "tests/simulation/life.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Applier {
 public:
  using Value = StatusOr<std::optional<storage::StoredValue>>;
  using Reads = std::vector<std::pair<node::Ticket, Value>>;
  using Truncations = std::vector<partition::StateMachines::Truncation>;

  struct Callbacks {
    std::function<void(std::vector<partition::Applied>, Reads)> on_done;
    std::function<void(Truncations)> on_flushed;
    std::function<void(const Status&)> on_fatal;
  };

  Applier(const Surroundings& around, Life& life, partition::StateMachines& machines,
          Callbacks callbacks);

  void Apply(std::vector<partition::ApplyJob> jobs);
  void Read(std::vector<node::ReadJob> jobs);

 private:
  void Start();
  void Work();
  [[nodiscard]] Value ReadOne(const node::ReadJob& job);
  void FlushLater();

  const Surroundings& around_;
  Life& life_;
  partition::StateMachines& machines_;
  const Callbacks callbacks_;
  std::vector<partition::ApplyJob> applies_;
  std::vector<node::ReadJob> reads_;
  bool flush_due_ = false;
  bool busy_ = false;
  std::map<std::pair<PartitionId, std::string>, Value> read_before_;  // For Sabotage::kReadStale.
};

}  // namespace kvd::simulation
