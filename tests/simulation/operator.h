// Whoever runs the cluster, and changes who is a member of it: lets spare machines join, takes
// machines away for a while, and loses their disks; one that was away for long may have been
// removed meanwhile. Asks for changes, too, of whatever node: that one leaves, is removed or
// replaced, that the ring is rebalanced, that a job is aborted. The system group sees to the rest.
// Now and then a machine comes back with a copy of its disk from an earlier time.
//
// An operator is careful: no disk is lost or rolled back as long as that could cost a group its
// majority, or nobody would notice, and nobody moves before the cluster knows where the last one
// that moved is. Who says that it has to start empty is emptied, and so is a disk that was rolled
// back and started as often as those who remember it can tell. What he knows of the cluster is what
// was decided, at once.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/machine.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Operator {
 public:
  using Machines = std::vector<std::unique_ptr<Machine>>;

  Operator(const Surroundings& around, Machines& machines) : around_(around), machines_(machines) {}

  // Does something now and then, if the swarm says so.
  void Start();

  // Does no more. Every machine that was ever used runs again, but for those that were removed.
  void Stop();

  // Whom a machine is told of when it starts.
  [[nodiscard]] Machine::Others OthersOf(const Machine& machine);

 private:
  enum class Standing : uint8_t { kBlank, kMember, kRemoved };

  void ActLater();
  void Act();
  void Admit();
  void TakeAway();
  void BringBack(Machine& machine);
  void MoveOne();
  void Tend();
  void TendLater();
  void CopySomeDisk();
  [[nodiscard]] uint64_t BootsNoticed(const Machine& machine) const;
  void AskForSomething();
  [[nodiscard]] node::Administer DrawRequest();
  [[nodiscard]] Standing StandingOf(const Machine& machine) const;
  [[nodiscard]] bool IsFounder(const Machine& machine) const;
  [[nodiscard]] bool IsLate(const Machine& machine) const;  // The cluster was there before it.
  [[nodiscard]] bool IsFounded() const;
  [[nodiscard]] bool AreAddressesKnown() const;
  [[nodiscard]] Machine* AnyWhere(const std::function<bool(const Machine&)>& fits);

  const Surroundings& around_;
  Machines& machines_;
  bool stopped_ = false;
};

}  // namespace kvd::simulation
