#include "tests/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/hash.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/oracle.h"

namespace kvd::simulation {
namespace {

constexpr Duration kMustRecoverWithin = std::chrono::seconds(60);
constexpr Duration kMustStayWholeFor = std::chrono::seconds(4);
constexpr Duration kFinalBudget = std::chrono::seconds(2);
constexpr Duration kLookEvery = std::chrono::milliseconds(250);

std::string NameOf(uint32_t i) {
  return fmt::format("n{}", i + 1);
}

std::string PeerAddressOf(const std::string& name) {
  return name + ".test:7401";
}

class Simulation {
 public:
  explicit Simulation(const RunOptions& options)
      : options_(options),
        world_(options.seed, options.prints_trace),
        swarm_(DrawSwarm(world_.random(), options.nemesis)),
        network_(world_, swarm_),
        links_(world_, network_, swarm_),
        ledger_(world_) {
    raft::broken.clear();
    if (const auto rule = BrokenRule(options.sabotage)) raft::broken.insert(*rule);
    for (uint32_t i = 0; i < swarm_.nodes; ++i) AddMachine(i);
  }

  RunReport Run() {
    UnderFaults();
    Recover();
    ReadEverything();
    return Judge();
  }

 private:
  void AddMachine(uint32_t i) {
    const std::string name = NameOf(i);
    topology::ClusterTerms terms{.name = "sim",
                                 .partitions = swarm_.partitions,
                                 .replication = swarm_.replication,
                                 .node_names = {}};
    std::vector<topology::Founding::Peer> peers;
    for (uint32_t other = 0; other < swarm_.nodes; ++other) {
      terms.node_names.push_back(NameOf(other));
      if (other != i) peers.push_back({NameOf(other), PeerAddressOf(NameOf(other))});
    }
    Machine::Options machine{
        .host = HostId{i},
        .founding = {.self = {.name = name,
                              .uuid = Uuid::Draw(world_.random()),
                              .address = name + ".test:7400",
                              .peer_address = PeerAddressOf(name),
                              .zone = {}},
                     .boot = {},
                     .terms = std::move(terms),
                     .peers = std::move(peers),
                     .join = {},
                     .cluster_id = std::nullopt,
                     .binding = {},
                     .topology = std::nullopt,
                     .fresh_cluster_id = {}},
        .greet = [this, i](const auto& greeting) { Carry(*machines_[i], greeting); },
        .reconciler = {.on_report = [this](const auto& report) { oracle_.Hear(report); },
                       .on_answer = [this](const auto& answer) { oracle_.Hear(answer); }},
        .clock = {.offset = world_.Between(Duration::zero(), std::chrono::hours(1)),
                  .rate_ppm = DrawRate()}};
    machines_.push_back(std::make_unique<Machine>(around_, std::move(machine)));
    world_.After(world_.Between(Duration::zero(), std::chrono::seconds(1)),
                 [machine = machines_.back().get()] { machine->Start(); });
  }

  int64_t DrawRate() {
    const auto spread =
        static_cast<int64_t>(world_.random().Between(0, 2 * swarm_.clock_spread_ppm));
    return 1'000'000 - swarm_.clock_spread_ppm + spread;
  }

  // A greeting and its answer, each on its way like any message.
  void Carry(Machine& from, const topology::FoundingEffects::Greeting& greeting) {
    for (const auto& machine : machines_) {
      if (PeerAddressOf(machine->name()) != greeting.address) continue;
      Machine& to = *machine;
      network_.Carry(from.host(), to.host(), [=, this, &from, &to, run = from.run()] {
        if (to.process() == nullptr) return;
        to.process()->Hello(greeting.request, [=, this, &from, &to](auto response) {
          network_.Carry(to.host(), from.host(), [=, &from, response = std::move(response)] {
            const bool there = from.process() != nullptr && from.run() == run;
            if (there) from.process()->HelloAnswer(greeting.name, response);
          });
        });
      });
    }
  }

  bool Step() {
    const bool stepped = world_.Step();
    if (options_.now_ns != nullptr) *options_.now_ns = world_.now().count();
    return stepped;
  }

  void RunFor(Duration time) {
    bool over = false;
    world_.After(time, [&over] { over = true; });
    while (!over && Step()) {
    }
  }

  void UnderFaults() {
    nemesis_.Start();
    oracle_.Start();
    clients_.Start();
    RunFor(swarm_.safety_phase);
    clients_.Stop();
    oracle_.Stop();
    nemesis_.Heal();
  }

  // Whole once is not enough: what was under way when the faults ended may still disturb.
  void Recover() {
    const Duration deadline = world_.now() + kMustRecoverWithin;
    Duration whole_since = world_.now();
    while (!world_.failure()) {
      const std::string missing = WhatIsMissing();
      if (!missing.empty()) whole_since = world_.now();
      if (world_.now() - whole_since >= kMustStayWholeFor) return;
      if (world_.now() >= deadline) {
        return world_.Fail(FailureKind::kNoProgress, "60 s after healing: " + missing);
      }
      RunFor(kLookEvery);
    }
  }

  // Until the cluster is whole; empty if it is.
  std::string WhatIsMissing() {
    if (clients_.waiting() > 0) return "a client waits for an answer: " + clients_.last_refusal();
    for (const auto& machine : machines_) {
      Process* process = machine->process();
      if (process == nullptr) return machine->name() + " does not run";
      std::string missing = WhatIsMissingOn(*machine, *process);
      if (!missing.empty()) return missing;
    }
    const uint32_t partitions = machines_.front()->process()->node().topology()->partitions();
    for (uint32_t p = 0; p < partitions; ++p) {
      std::string missing = WhatIsMissingOf(PartitionId{p});
      if (!missing.empty()) return fmt::format("partition {}: {}", p, missing);
    }
    return "";
  }

  std::string WhatIsMissingOn(const Machine& machine, Process& process) {
    const node::Node& node = process.node();
    if (node.topology() == nullptr) {
      return machine.name() + " has no topology: " + node.ViewCluster(process.Now()).waiting_for;
    }
    for (const node::NodeView& view : node.ViewCluster(process.Now()).nodes) {
      if (view.state == node::NodeState::kUp) continue;
      return fmt::format("{} sees {} as not up: {}", machine.name(), view.card.name,
                         view.silent_reason);
    }
    if (process.has_calls()) return machine.name() + " has not answered every call";
    if (!node.IsIdle()) return machine.name() + " holds requests";
    return "";
  }

  // The first in ring order leads, members elsewhere being last; all members are equal byte for
  // byte; and nobody else has a replica.
  std::string WhatIsMissingOf(PartitionId partition) {
    const raft::Replica* owner = nullptr;
    for (const auto& machine : machines_) {
      const raft::Replica* replica = ReplicaOn(*machine, partition);
      if (replica == nullptr || !replica->IsServing()) continue;
      if (owner == nullptr || replica->term() > owner->term()) owner = replica;
    }
    if (owner == nullptr) return "nobody leads: " + DescribeReplicas(partition);
    const raft::Configuration& configuration = owner->configuration();
    if (configuration.IsJoint() || owner->configuration_index() > owner->commit()) {
      return "its configuration is not settled";
    }
    const raft::Member first = FirstOf(partition, configuration.voters);
    if (owner->self() != first) {
      return fmt::format("replica {} does not lead, {} does", first.id.value,
                         owner->self().id.value);
    }
    for (const auto& machine : machines_) {
      const raft::Replica* replica = ReplicaOn(*machine, partition);
      if (replica == nullptr || configuration.Contains(replica->self().id)) continue;
      return fmt::format("replica {} was removed and is still there", replica->self().id.value);
    }
    return WhatMembersMiss(partition, *owner);
  }

  std::string WhatMembersMiss(PartitionId partition, const raft::Replica& owner) {
    std::optional<uint64_t> digest;
    for (const raft::Member& member : owner.configuration().All()) {
      Machine& machine = MachineOf(member.node);
      const raft::Replica* replica = ReplicaOn(machine, partition);
      if (replica == nullptr || replica->self() != member) {
        return fmt::format("replica {} is not there", member.id.value);
      }
      if (replica->leader() != owner.self()) {
        return fmt::format("replica {} does not know its leader", member.id.value);
      }
      const Index applied = machine.process()->machines().applied(partition).index;
      if (applied != owner.last()) {
        return fmt::format("replica {} has applied {} of {}", member.id.value, applied,
                           owner.last());
      }
      const auto own = machine.process()->machines().Digest(partition);
      if (!own.ok()) return Message(own.status());
      if (digest.value_or(*own) != *own) {
        world_.Fail(FailureKind::kWrong,
                    fmt::format("the replicas of partition {} differ", partition.value));
      }
      digest = *own;
    }
    return "";
  }

  std::string DescribeReplicas(PartitionId partition) {
    std::string text;
    for (const auto& machine : machines_) {
      const raft::Replica* replica = ReplicaOn(*machine, partition);
      if (replica == nullptr) continue;
      text +=
          fmt::format("{} has {} in role {} of term {}, log {} to {}, commit {}, members at {}:",
                      machine->name(), replica->self().id.value, static_cast<int>(replica->role()),
                      replica->term(), replica->first(), replica->last(), replica->commit(),
                      replica->configuration_index());
      for (const auto* members :
           {&replica->configuration().voters, &replica->configuration().outgoing,
            &replica->configuration().learners}) {
        for (const raft::Member& member : *members) text += fmt::format(" {}", member.id.value);
        text += members == &replica->configuration().learners ? "; " : " /";
      }
    }
    return text;
  }

  // All run.
  [[nodiscard]] const topology::Topology& AnyTopology() const {
    return *machines_.front()->process()->node().topology();
  }

  static const raft::Replica* ReplicaOn(Machine& machine, PartitionId partition) {
    return machine.process()->node().replicas()->Find(partition);
  }

  [[nodiscard]] raft::Member FirstOf(PartitionId partition,
                                     std::vector<raft::Member> voters) const {
    const auto& order = AnyTopology().ring[partition.value];
    return std::ranges::min(voters, {}, [&](const raft::Member& voter) {
      return std::pair(
          std::ranges::find(order, voter.node, &topology::Replica::node) - order.begin(), voter.id);
    });
  }

  Machine& MachineOf(NodeId node) {
    const std::string& name = AnyTopology().Find(node)->card.name;
    const auto found = std::ranges::find_if(
        machines_, [&](const auto& machine) { return machine->name() == name; });
    KVD_CHECK(found != machines_.end(), "a member is a machine");
    return **found;
  }

  // A write and reads of every key: all must be served.
  void ReadEverything() {
    if (world_.failure()) return;
    const size_t before = clients_.history().size();
    ReadAll();
    for (const std::string& key : clients_.registers()) WriteOnce(key, OpKind::kPut);
    for (const std::string& key : clients_.counters()) WriteOnce(key, OpKind::kIncrement);
    ReadAll();
    if (world_.failure()) return;
    for (size_t i = before; i < clients_.history().size(); ++i) {
      const Op& op = clients_.history()[i];
      if (op.state == OpState::kDone) continue;
      return world_.Fail(FailureKind::kNoProgress,
                         "after healing " + Describe(op) + ": " + clients_.last_refusal());
    }
  }

  void WriteOnce(const std::string& key, OpKind kind) {
    clients_.Ask(*machines_[world_.random().Below(machines_.size())], key, kind, kFinalBudget);
    WaitForClients();
  }

  void ReadAll() {
    for (const auto& machine : machines_) {
      for (const auto* keys : {&clients_.registers(), &clients_.counters()}) {
        for (const std::string& key : *keys) {
          clients_.Ask(*machine, key, OpKind::kGet, kFinalBudget);
          WaitForClients();  // One at a time: limits of few bytes must not refuse them.
        }
      }
    }
  }

  void WaitForClients() {
    while (clients_.waiting() > 0 && Step()) {
    }
  }

  RunReport Judge() {
    RunReport report;
    if (!world_.failure()) {
      const Verdict verdict = JudgeHistory(clients_.history());
      report.too_hard = verdict.too_hard;
      if (verdict.wrong) world_.Fail(FailureKind::kWrong, *verdict.wrong);
      JudgeCounters();
    }
    for (const auto& machine : machines_) {
      report.processes += static_cast<uint32_t>(machine->run());
      TraceDisk(*machine);
    }
    for (const Op& op : clients_.history()) {
      report.done += op.state == OpState::kDone ? 1 : 0;
      report.open += op.state == OpState::kOpen ? 1 : 0;
      report.refused += op.state == OpState::kRefused ? 1 : 0;
    }
    report.steps = oracle_.steps();
    report.failure = world_.failure();
    report.digest = world_.digest();
    return report;
  }

  void JudgeCounters() {
    for (const std::string& key : clients_.counters()) {
      const int64_t value = truth_.NumberAt(PartitionOf(key, swarm_.partitions), key);
      const auto wrong = JudgeCount(clients_.history(), key, value);
      if (wrong) world_.Fail(FailureKind::kWrong, *wrong);
    }
  }

  void TraceDisk(Machine& machine) {
    const auto groups = machine.disk().log().Groups();
    if (!groups.ok()) return;
    for (const storage::GroupExtent& extent : *groups) {
      std::string content;
      if (extent.first <= extent.last) {
        const auto entries =
            machine.disk().log().Read(extent.group, extent.first, extent.last, ~0ULL);
        if (!entries.ok()) return;
        for (const storage::Entry& entry : *entries) content += entry.payload;
      }
      const PartitionId partition = PartitionOf(extent.group);
      const auto values = machine.disk().store().Scan(partition, 1, "", 1000);
      if (!values.ok()) return;
      for (const storage::StoredKey& key : *values) content += key.key + key.value.value;
      world_.Trace(machine.name(),
                   fmt::format("group {} holds {} to {}, content {:016x}", extent.group.value,
                               extent.first, extent.last, Hash64(content)));
    }
  }

  const RunOptions options_;
  World world_;
  const Swarm swarm_;
  Network network_;
  Links links_;
  Ledger ledger_;
  Truth truth_{world_};
  Consensus consensus_{world_, truth_};
  Surroundings around_{world_,  swarm_, options_.sabotage, network_, links_,
                       ledger_, truth_, consensus_};
  std::vector<std::unique_ptr<Machine>> machines_;
  Clients clients_{around_, machines_};
  Nemesis nemesis_{around_, machines_};
  Oracle oracle_{around_, machines_};
};

}  // namespace

RunReport Run(const RunOptions& options) {
  return Simulation(options).Run();
}

}  // namespace kvd::simulation
