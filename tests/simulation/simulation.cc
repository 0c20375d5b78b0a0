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
#include "tests/simulation/operator.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/wholeness.h"

namespace kvd::simulation {
namespace {

constexpr Duration kMustRecoverWithin = std::chrono::seconds(60);
constexpr Duration kMembersMustRecoverWithin = std::chrono::minutes(4);
constexpr Duration kMustStayWholeFor = std::chrono::seconds(4);
constexpr Duration kFinalBudget = std::chrono::seconds(2);
constexpr Duration kLookEvery = std::chrono::milliseconds(250);

std::string NameOf(uint32_t i) {
  return fmt::format("n{}", i + 1);
}

std::string PeerAddressOf(const std::string& name) {
  return name + ".test:7401";
}

// Shards are not drawn with the rest, which is as it was before there were any: so that seeds stay.
Swarm SwarmFor(const RunOptions& options, Random& random) {
  Swarm swarm = DrawSwarm(random, options.nemesis);
  if (options.seed % 4 == 0) swarm.max_shards = 3;
  return swarm;
}

class Simulation {
 public:
  explicit Simulation(const RunOptions& options)
      : options_(options),
        world_(options.seed, options.prints_trace),
        swarm_(SwarmFor(options, world_.random())),
        network_(world_, swarm_),
        links_(world_, network_, swarm_) {
    Break(options.sabotage);
    for (uint32_t i = 0; i < swarm_.nodes + swarm_.spares; ++i) AddMachine(i);
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
    const bool is_spare = i >= swarm_.nodes;
    for (uint32_t each = 0; each < swarm_.nodes; ++each) terms.node_names.push_back(NameOf(each));
    if (is_spare) terms.node_names = {name};
    Machine::Options machine{
        .host = HostId{i},
        .founding = {.self = {.name = name,
                              .uuid = Uuid::Draw(world_.random()),
                              .address = name + ".test:7400",
                              .peer_address = PeerAddressOf(name),
                              .zone = {}},
                     .boot = {},
                     .terms = std::move(terms),
                     .peers = {},
                     .join = {},
                     .cluster_id = std::nullopt,
                     .binding = {},
                     .topology = std::nullopt,
                     .fresh_cluster_id = {}},
        .others = [this](const Machine& one) { return operator_.OthersOf(one); },
        .greet = [this, i](const auto& greeting) { Carry(*machines_[i], greeting); },
        .reconciler = {.on_report = [this](const auto& report) { oracle_.Hear(report); },
                       .on_answer = [this](const auto& answer) { oracle_.Hear(answer); }},
        .clock = {.offset = world_.Between(Duration::zero(), std::chrono::hours(1)),
                  .rate_ppm = DrawRate()},
        .is_off = is_spare};
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
      if (machine->peer_address() != greeting.address) continue;
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
    operator_.Start();
    clients_.Start();
    RunFor(swarm_.safety_phase);
    clients_.Stop();
    oracle_.Stop();
    operator_.Stop();
    nemesis_.Heal();
  }

  // Whole once is not enough: what was under way when the faults ended may still disturb.
  void Recover() {
    const Duration within =
        swarm_.operations.strikes() ? kMembersMustRecoverWithin : kMustRecoverWithin;
    const Duration deadline = world_.now() + within;
    Duration whole_since = world_.now();
    while (!world_.failure()) {
      const std::string missing = WhatIsMissing();
      if (!missing.empty()) whole_since = world_.now();
      if (world_.now() - whole_since >= kMustStayWholeFor) return;
      if (world_.now() >= deadline) {
        wholeness_.TraceAll();
        return world_.Fail(FailureKind::kNoProgress,
                           fmt::format("{} after healing: {}", ForPeople(within), missing));
      }
      RunFor(kLookEvery);
    }
  }

  // Until the cluster is whole; empty if it is.
  std::string WhatIsMissing() {
    if (clients_.waiting() > 0) return "a client waits for an answer: " + clients_.last_refusal();
    return wholeness_.WhatIsMissing();
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
    std::vector<Machine*> running;
    for (const auto& machine : machines_) {
      if (machine->process() != nullptr) running.push_back(machine.get());
    }
    clients_.Ask(*running[world_.random().Below(running.size())], key, kind, kFinalBudget);
    WaitForClients();
  }

  void ReadAll() {
    for (const auto& machine : machines_) {
      if (machine->process() == nullptr) continue;
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
  Truth truth_{world_};
  Consensus consensus_{world_, truth_};
  Ledger ledger_{world_, consensus_};
  Surroundings around_{world_,  swarm_, options_.sabotage, network_, links_,
                       ledger_, truth_, consensus_};
  std::vector<std::unique_ptr<Machine>> machines_;
  Clients clients_{around_, machines_};
  Nemesis nemesis_{around_, machines_};
  Oracle oracle_{around_, machines_};
  Operator operator_{around_, machines_};
  Wholeness wholeness_{around_, machines_};
};

}  // namespace

RunReport Run(const RunOptions& options) {
  return Simulation(options).Run();
}

}  // namespace kvd::simulation
