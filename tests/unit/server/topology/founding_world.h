// Some Founding objects and what surrounds them: a disk each, that survives Kill() and not Wipe(),
// and a network that carries greetings and answers at once. Time passes in steps of one greeting.
//
// Threading: confined to the test.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/topology/decision.h"
#include "server/topology/founding.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {

class FoundingWorld {
 public:
  // Nodes n1..nN, not started, on blank disks.
  explicit FoundingWorld(uint8_t nodes) {
    for (uint8_t n = 1; n <= nodes; ++n) {
      Machine& machine = machines_[NameOfNode(n)];
      machine.options.self = CardOf(n);
      machine.options.boot = {.counter = 1, .nonce = n};
      machine.options.terms = TermsOf(nodes);
      machine.options.fresh_cluster_id = UuidOf(static_cast<uint8_t>(0xc0 + n));
      for (uint8_t m = 1; m <= nodes; ++m) {
        if (m == n) continue;
        machine.options.peers.push_back({NameOfNode(m), CardOf(m).peer_address});
      }
    }
  }

  // Node n`number`, not started, whose file lists itself and `peers`, and whom no other file lists.
  void Add(uint8_t number, const std::vector<uint8_t>& peers) {
    Machine& machine = machines_[NameOfNode(number)];
    machine.options.self = CardOf(number);
    machine.options.boot = {.counter = 1, .nonce = number};
    machine.options.terms = TermsOf(0);
    machine.options.terms.node_names = {NameOfNode(number)};
    machine.options.fresh_cluster_id = UuidOf(static_cast<uint8_t>(0xc0 + number));
    for (const uint8_t peer : peers) {
      machine.options.terms.node_names.push_back(NameOfNode(peer));
      machine.options.peers.push_back({NameOfNode(peer), CardOf(peer).peer_address});
    }
  }

  // The cluster, as n1 knows it, decides `command`, and every member that runs is told.
  void Decide(const Command& command) {
    const Decision decision = topology::Decide(*TopologyOf("n1"), 0, command);
    const Topology next = std::get<Topology>(decision);
    for (auto& [name, machine] : machines_) {
      if (machine.founding && machine.founding->topology() != nullptr) {
        machine.founding->Supersede(next);
      }
    }
    Settle();
  }

  // What `name` will be started with; its disk is added by Start().
  Founding::Options& options(const std::string& name) { return machines_.at(name).options; }

  void Start(const std::string& name) {
    Machine& machine = machines_.at(name);
    machine.options.binding = machine.binding;
    machine.options.topology = machine.topology;
    machine.founding.emplace(machine.options);
    Settle();
  }

  // What was held and not released is lost.
  void Kill(const std::string& name) {
    Machine& machine = machines_.at(name);
    machine.founding.reset();
    machine.held_binding.reset();
    machine.held_topology.reset();
  }

  // The data directory is emptied: the node is not the one it was.
  void Wipe(const std::string& name) {
    Machine& machine = machines_.at(name);
    Kill(name);
    machine.binding = {};
    machine.topology.reset();
    machine.options.self.uuid.bytes.front() ^= 0x80U;
    machine.options.fresh_cluster_id.bytes.front() ^= 0x08U;
  }

  // What `name` writes from now on is not yet on its disk.
  void HoldDisk(const std::string& name) { machines_.at(name).disk_held = true; }

  // What was held is on the disk.
  void ReleaseDisk(const std::string& name) {
    machines_.at(name).disk_held = false;
    Settle();
  }

  // Answers to the greetings of `name` are lost, or no longer.
  void LoseAnswersTo(const std::string& name) { deaf_.insert(name); }
  void DeliverAnswersTo(const std::string& name) { deaf_.erase(name); }

  // Lets `steps` rounds of greetings pass.
  void Run(int steps = 3) {
    for (int i = 0; i < steps; ++i) {
      now_ += std::chrono::milliseconds(100);
      for (auto& [name, machine] : machines_) {
        if (machine.founding) machine.founding->Advance(now_);
      }
      Settle();
    }
  }

  // `name` is greeted with `request`. Returns the answer; nullopt if there is none yet.
  std::optional<HelloResponse> Greet(const std::string& name, const HelloRequest& request) {
    const HelloId id{++last_hello_};
    machines_.at(name).founding->OnHello(id, request);
    Settle();
    return AnswerTo(id);
  }

  // The answer to the last Greet().
  std::optional<HelloResponse> LastAnswer() const { return AnswerTo(HelloId{last_hello_}); }

  [[nodiscard]] Founding& at(const std::string& name) { return *machines_.at(name).founding; }
  [[nodiscard]] const Topology* TopologyOf(const std::string& name) { return at(name).topology(); }
  [[nodiscard]] Binding DiskBindingOf(const std::string& name) {
    return machines_.at(name).binding;
  }
  [[nodiscard]] std::string WaitingFor(const std::string& name) { return at(name).WaitingFor(); }

  // Every line `name` logged, in order.
  [[nodiscard]] std::vector<std::string> LogOf(const std::string& name) {
    return machines_.at(name).log;
  }

  // Who was announced to `name`, and the topologies it was shown that are later than its own.
  [[nodiscard]] std::vector<NodeCard> AnnouncedTo(const std::string& name) {
    return std::exchange(machines_.at(name).announced, {});
  }
  [[nodiscard]] const std::optional<Topology>& LaterShownTo(const std::string& name) {
    return machines_.at(name).later;
  }

  // Greetings made and answers given, by all nodes.
  [[nodiscard]] int greetings() const { return greetings_; }
  [[nodiscard]] int answers() const { return answers_; }

 private:
  struct Machine {
    Founding::Options options;
    std::optional<Founding> founding;
    Binding binding;
    std::optional<Topology> topology;
    bool disk_held = false;
    std::optional<Binding> held_binding;
    std::optional<Topology> held_topology;
    std::vector<std::string> log;
    std::vector<NodeCard> announced;
    std::optional<Topology> later;
  };

  // Who runs at `address`; nullptr: nobody.
  Founding* At(const std::string& address) {
    for (auto& [name, machine] : machines_) {
      if (machine.founding && machine.options.self.peer_address == address) {
        return &*machine.founding;
      }
    }
    return nullptr;
  }

  // Carries out what is to be done until nobody wants anything.
  void Settle() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (auto& [name, machine] : machines_) {
        if (machine.founding) moved = Carry(name, machine) || moved;
      }
    }
  }

  bool Carry(const std::string& name, Machine& machine) {
    FoundingEffects effects = machine.founding->TakeEffects();
    for (const LogLine& line : effects.log) machine.log.push_back(line.message);
    for (const NodeCard& card : effects.announced) machine.announced.push_back(card);
    if (effects.newer) machine.later = std::move(effects.newer);
    if (effects.bind) machine.held_binding = effects.bind;
    if (effects.store) machine.held_topology = effects.store;
    bool moved = WriteDisk(machine);
    for (const auto& greeting : effects.greetings) {
      ++greetings_;
      Founding* to = At(greeting.address);
      if (to == nullptr) continue;
      const HelloId id{++last_hello_};
      asked_[id] = {name, greeting.name};
      to->OnHello(id, greeting.request);
      moved = true;
    }
    for (const auto& [id, response] : effects.answers) {
      ++answers_;
      answered_.emplace(id, response);
      const auto asked = asked_.find(id);
      if (asked == asked_.end() || deaf_.contains(asked->second.first)) continue;
      auto& from = machines_.at(asked->second.first).founding;
      if (from) from->OnHelloAnswer(asked->second.second, response);
      moved = true;
    }
    return moved;
  }

  bool WriteDisk(Machine& machine) {
    if (machine.disk_held) return false;
    const auto binding = std::exchange(machine.held_binding, std::nullopt);
    const auto topology = std::exchange(machine.held_topology, std::nullopt);
    if (binding) {
      machine.binding = *binding;
      machine.founding->OnBound();
    }
    if (topology) {
      machine.topology = topology;
      machine.founding->OnStored();
    }
    return binding || topology;
  }

  [[nodiscard]] std::optional<HelloResponse> AnswerTo(HelloId id) const {
    const auto it = answered_.find(id);
    if (it == answered_.end()) return std::nullopt;
    return it->second;
  }

  std::map<std::string, Machine> machines_;
  std::map<HelloId, std::pair<std::string, std::string>> asked_;  // Who greeted whom.
  std::map<HelloId, HelloResponse> answered_;
  std::set<std::string> deaf_;
  Instant now_{};
  uint64_t last_hello_ = 0;
  int greetings_ = 0;
  int answers_ = 0;
};

}  // namespace kvd::topology
