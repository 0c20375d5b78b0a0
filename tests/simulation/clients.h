// Those who use the cluster: each asks one thing after another of any node, and notes what it saw.
// Answers may get lost, and nobody waits for ever.
//
// Threading: one world, one thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Clients {
 public:
  using Machines = std::vector<std::unique_ptr<Machine>>;

  Clients(const Surroundings& around, Machines& machines) : around_(around), machines_(machines) {}

  // They ask from now on, until Stop().
  void Start();
  void Stop() { stopped_ = true; }

  // Asks `machine` once. A put writes a value never written before.
  void Ask(
      Machine& machine, const std::string& key, OpKind kind, Duration budget,
      World::Action then = [] {});

  // The name of key `i` of the swarm's.
  [[nodiscard]] static std::string KeyName(uint32_t i) { return fmt::format("k{}", i); }

  // Asked and not yet answered or given up.
  [[nodiscard]] uint32_t waiting() const { return waiting_; }
  [[nodiscard]] const std::vector<Op>& history() const { return history_; }

  // The last refusal, for messages.
  [[nodiscard]] const std::string& last_refusal() const { return last_refusal_; }

 private:
  struct Asked;

  void AskSomething();
  void ThinkAndAsk();
  void Deliver(Machine& machine, const node::Operation& operation, Duration budget,
               const std::shared_ptr<Asked>& asked);
  void Note(Op& op, const node::Answer& answer);
  void NoteRefusal(Op& op, const Refusal& refusal);
  void End(const std::shared_ptr<Asked>& asked);

  const Surroundings& around_;
  Machines& machines_;
  std::vector<Op> history_;
  uint32_t waiting_ = 0;
  bool stopped_ = false;
  std::string last_refusal_;
};

}  // namespace kvd::simulation
