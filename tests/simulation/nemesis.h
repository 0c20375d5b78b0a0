// Whoever strikes the cluster, as often and as hard as the swarm says.
//
// Threading: one world, one thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/simulation/machine.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Nemesis {
 public:
  using Machines = std::vector<std::unique_ptr<Machine>>;

  Nemesis(const Surroundings& around, Machines& machines) : around_(around), machines_(machines) {}

  void Start();

  // Ends all faults: the network is whole and quick, every machine runs and has room.
  void Heal();

 private:
  void Repeat(const Plague& plague, const std::function<void(Duration)>& strike);
  void CutNetwork(Duration time);
  void CrashWhileFounding();
  void CrashSome(Duration down);
  void SlowDown(Duration lag);
  void FillDisk(Duration time);
  [[nodiscard]] Machine& AnyMachine();

  const Surroundings& around_;
  Machines& machines_;
  bool healed_ = false;
};

}  // namespace kvd::simulation
