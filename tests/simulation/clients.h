// Those who use the cluster: each asks one thing after another of any node, and notes what it saw.
// Answers may get lost, and nobody waits for ever. Some name their operations (request ids), and
// ask again under the same name until they know what came of it.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
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

  Clients(const Surroundings& around, Machines& machines);
  ~Clients();

  // They ask from now on, until Stop(). Who repeats an operation then goes on until it knows.
  void Start();
  void Stop() { stopped_ = true; }

  // Asks `machine` once, as nobody in particular. A put writes a value never written before.
  void Ask(Machine& machine, const std::string& key, OpKind kind, Duration budget);

  // Keys that are put and deleted, and keys that are counted with.
  [[nodiscard]] const std::vector<std::string>& registers() const { return registers_; }
  [[nodiscard]] const std::vector<std::string>& counters() const { return counters_; }

  // Asked and not yet answered or given up.
  [[nodiscard]] uint32_t waiting() const { return waiting_; }
  [[nodiscard]] const std::vector<Op>& history() const { return history_; }

  // The last refusal, for messages.
  [[nodiscard]] const std::string& last_refusal() const { return last_refusal_; }

 private:
  struct Client;
  struct Asked;
  using AskedPtr = std::shared_ptr<Asked>;

  void NameKeys();
  void ThinkAndAsk(Client& client);
  void AskSomething(Client& client);
  [[nodiscard]] node::Operation DrawOperation(Client& client);
  [[nodiscard]] node::Operation DrawBatch(const std::string& key);
  [[nodiscard]] node::Operation DrawConditional(const Client& client, const std::string& key);
  [[nodiscard]] std::string NewValue();
  void Name(Client& client, node::Operation& operation);

  void Begin(const AskedPtr& asked, Machine& machine);
  void Try(const AskedPtr& asked, Machine& machine);
  void Deliver(Machine& machine, const AskedPtr& asked, uint32_t attempt);
  void Answered(const AskedPtr& asked, uint32_t attempt, const std::optional<node::Answer>& answer);
  void NoteResult(Asked& asked, const node::Answer& answer);
  void Lost(const AskedPtr& asked, uint32_t attempt);
  void Refused(const AskedPtr& asked, uint32_t attempt, bool maybe_applied);
  void End(const AskedPtr& asked);
  [[nodiscard]] Machine& AnyMachine();

  const Surroundings& around_;
  Machines& machines_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::string> registers_;
  std::vector<std::string> counters_;
  std::map<std::string, std::string> siblings_;  // Another key in the partition of a register.
  std::vector<Op> history_;
  uint64_t last_id_ = 0;
  uint32_t waiting_ = 0;
  bool stopped_ = false;
  std::string last_refusal_;
};

}  // namespace kvd::simulation
