// Nodes n1..nN of a founded cluster, each on the twins of log and store, and a network between
// them. Their effects are carried out at once and in order, unless a disk or the network is held;
// time passes when a test says so.
//
// Threading: confined to the test.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/node/node.h"
#include "server/partition/state_machines.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"

namespace kvd::node {

inline constexpr NodeId kN1{1};
inline constexpr NodeId kN2{2};
inline constexpr NodeId kN3{3};

// A result as text: "written 3", "found \"v\" of version 3", "absent", "OVERLOADED: ...".
[[nodiscard]] std::string Show(const Result& result);

class World {
 public:
  // All nodes are started, linked, and have heard each other.
  explicit World(uint8_t nodes, Limits limits = {});

  // A frame that left `from` for `to`.
  struct Sent {
    NodeId from;
    NodeId to;
    Frame frame;
  };

  // Calls, posted to a node; answered when the answer is there.
  CallId Get(NodeId node, const std::string& key, bool omit_value = false);
  CallId Put(NodeId node, const std::string& key, const std::string& value,
             std::optional<Duration> budget = std::nullopt);
  CallId Delete(NodeId node, const std::string& key);
  [[nodiscard]] const Answer* AnswerTo(CallId call) const;

  // REQUIRES: the call is answered.
  [[nodiscard]] const Result& ResultOf(CallId call) const;

  // Likewise, as Show() says it.
  [[nodiscard]] std::string OutcomeOf(CallId call) const { return Show(ResultOf(call)); }

  // REQUIRES: the call is answered with a refusal.
  [[nodiscard]] const Refusal& RefusalOf(CallId call) const;

  // A key owned by `node`, the `n`th.
  [[nodiscard]] std::string KeyOf(NodeId node, int n = 0) const;

  // The network. Frames on a broken link are lost; frames on a held network wait in sent().
  void Link(NodeId a, NodeId b);
  void Break(NodeId a, NodeId b);
  void HoldNetwork() { network_held_ = true; }
  void ReleaseNetwork();
  [[nodiscard]] std::vector<Sent>& sent() { return held_frames_; }

  // `to` gets `frame` from `from`, in the envelope that `from` would use.
  void Deliver(NodeId from, NodeId to, Frame frame);
  [[nodiscard]] topology::Envelope EnvelopeOf(NodeId from, NodeId to) const;

  // The disk of a node. Held: nothing becomes durable, nothing is applied or read.
  void HoldDisk(NodeId node) { machines_.at(node).disk_held = true; }
  void ReleaseDisk(NodeId node);
  void HoldApplier(NodeId node) { machines_.at(node).applier_held = true; }
  void ReleaseApplier(NodeId node);
  [[nodiscard]] storage::MemoryStore& store(NodeId node) { return *machines_.at(node).store; }

  // Starts the node again on what its disk holds.
  void Restart(NodeId node);

  // The process stops answering, without a word; and goes on.
  void Freeze(NodeId node) { frozen_.insert(node); }
  void Thaw(NodeId node) { frozen_.erase(node); }

  // Carries out what all nodes want, until nobody wants anything.
  void Settle();

  // Lets time pass, a few milliseconds at once.
  void Pass(Duration duration);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Node& at(NodeId node) { return *machines_.at(node).node; }
  [[nodiscard]] const topology::Topology& topology() const { return topology_; }
  [[nodiscard]] std::vector<LogLine> TakeLogOf(NodeId node) {
    return std::exchange(machines_.at(node).lines, {});
  }
  [[nodiscard]] Node::Options OptionsOf(NodeId node) const;

 private:
  struct Machine {
    uint64_t boots = 0;
    std::unique_ptr<storage::MemoryLog> log = std::make_unique<storage::MemoryLog>();
    std::unique_ptr<storage::MemoryStore> store = std::make_unique<storage::MemoryStore>();
    std::unique_ptr<partition::StateMachines> state;
    std::unique_ptr<Node> node;
    bool disk_held = false;
    bool applier_held = false;
    std::vector<storage::GroupWrite> appends;
    std::vector<partition::ApplyJob> applies;
    std::vector<ReadJob> reads;
    std::vector<LogLine> lines;
  };

  void Start(NodeId node);
  CallId Call(NodeId node, Operation operation, std::optional<Duration> budget);
  void Collect(NodeId id, Machine& machine);
  bool WorkDisk(Machine& machine);
  bool WorkNetwork();

  Limits limits_;
  topology::Topology topology_;
  std::map<NodeId, Machine> machines_;
  std::set<std::pair<NodeId, NodeId>> links_;  // Both directions.
  std::set<NodeId> frozen_;
  std::vector<Sent> frames_;
  std::vector<Sent> held_frames_;
  bool network_held_ = false;
  std::map<CallId, Answer> answers_;
  uint64_t last_call_ = 0;
  Instant now_{};
};

}  // namespace kvd::node
