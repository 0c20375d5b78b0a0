// The log writer of a simulated process: does what runtime::LogWriter does, in the same order, on a
// disk in whose time a write takes a while.
//
// Threading: one world, one thread.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "server/partition/state_machines.h"
#include "server/topology/topology.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/life.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class LogWriter {
 public:
  using Durable = std::vector<std::pair<PartitionId, Index>>;
  using Truncations = std::vector<partition::StateMachines::Truncation>;

  struct Callbacks {
    std::function<void(Durable)> on_durable;
    std::function<void()> on_bound;
    std::function<void()> on_topology_stored;
    std::function<void(const Status&)> on_fatal;
  };

  LogWriter(const Surroundings& around, Life& life, Disk& disk, Callbacks callbacks);

  void Append(std::vector<storage::GroupWrite> writes) { Push(std::move(writes)); }
  void Bind(const topology::Binding& binding) { Push(binding); }
  void StoreTopology(const topology::Topology& topology) { Push(topology); }
  void Truncate(Truncations truncations) { Push(std::move(truncations)); }

 private:
  using Job = std::variant<std::vector<storage::GroupWrite>, topology::Binding, topology::Topology,
                           Truncations>;

  // What a write of the disk does when it begins, and when it is durable.
  struct Step {
    std::function<void()> begin;
    std::function<Status()> end;
  };

  void Push(Job job);
  void TakeJobs();
  void Next();
  void Finish(const std::function<Status()>& end);
  [[nodiscard]] Status Sync();

  [[nodiscard]] Step StepOf(const topology::Binding& binding);
  [[nodiscard]] Step StepOf(const topology::Topology& topology);
  [[nodiscard]] Step StepOf(const Truncations& truncations);
  [[nodiscard]] Step StepOf(std::vector<storage::GroupWrite> merged);

  const Surroundings& around_;
  Life& life_;
  Disk& disk_;
  const Callbacks callbacks_;
  std::vector<Job> jobs_;
  std::deque<Step> steps_;
  bool busy_ = false;
};

}  // namespace kvd::simulation
