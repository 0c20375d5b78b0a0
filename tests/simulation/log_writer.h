// The log writer of a simulated process: does what runtime::LogWriter does, in the same order, on a
// disk in whose time a write takes a while.
//
// Threading: one world, one thread.
#pragma once

#include <deque>
#include <functional>
#include <string>
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
  using Durable = std::vector<std::pair<GroupId, uint64_t>>;
  using Truncations = std::vector<storage::Log::Prefix>;

  struct Callbacks {
    std::function<void(Durable)> on_durable;
    std::function<void()> on_bound;
    std::function<void()> on_topology_stored;
    std::function<void()> on_boots_stored;
    std::function<void(const Status&)> on_fatal;
  };

  LogWriter(const Surroundings& around, Life& life, Disk& disk, Callbacks callbacks);

  void Append(std::vector<raft::Write> writes) { Push(std::move(writes)); }
  void Bind(const topology::Binding& binding) { Push(binding); }
  void StoreTopology(const topology::Topology& topology) { Push(topology); }
  void StoreBoots(std::string record) { Push(BootsRecord{std::move(record)}); }
  void Truncate(Truncations truncations) { Push(std::move(truncations)); }

  // What is under way, and what follows, takes this long at least from now on.
  void Stall(Duration time) { stalled_until_ = around_.world.now() + time; }
  void EndStall() { stalled_until_ = {}; }

 private:
  struct BootsRecord {
    std::string bytes;
  };
  using Job = std::variant<std::vector<raft::Write>, topology::Binding, topology::Topology,
                           BootsRecord, Truncations>;

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
  [[nodiscard]] Duration DrawTime();

  [[nodiscard]] Step StepOf(const topology::Binding& binding);
  [[nodiscard]] Step StepOf(storage::KeptRecord which, const std::string& record,
                            const std::function<void()>& on_stored);
  [[nodiscard]] Step StepOf(const Truncations& truncations);
  [[nodiscard]] Step StepOf(std::vector<raft::Write> writes);

  const Surroundings& around_;
  Life& life_;
  Disk& disk_;
  const Callbacks callbacks_;
  std::vector<Job> jobs_;
  std::deque<Step> steps_;
  bool busy_ = false;
  Duration stalled_until_{};
};

}  // namespace kvd::simulation
