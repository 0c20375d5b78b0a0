#include "tests/simulation/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace kvd::simulation {
namespace {

// Above every id of a founding here.
constexpr uint64_t kFirstId = 1000;

constexpr Duration kCollectEvery = std::chrono::milliseconds(200);

bool HasMemberOn(const raft::Configuration& configuration, NodeId node) {
  return std::ranges::any_of(configuration.All(),
                             [&](const raft::Member& member) { return member.node == node; });
}

std::string Show(const std::vector<raft::Member>& members) {
  std::string text;
  for (const raft::Member& member : members) {
    text += fmt::format(" {}@{}", member.id.value, member.node.value);
  }
  return text;
}

}  // namespace

void Oracle::Start() {
  last_id_ = kFirstId;
  if (!around_.swarm.steps.strikes()) return;
  CollectLater();
  DecideLater();
}

// Every node reports to the one where this sits, which is another one now and then.
void Oracle::CollectLater() {
  around_.world.After(around_.world.Between(Duration::zero(), kCollectEvery), [this] {
    if (stopped_) return;
    Random& random = around_.world.random();
    if (seat_ == NodeId{} || random.Chance(50'000)) {
      seat_ = NodeId{static_cast<uint32_t>(random.Between(1, machines_.size()))};
    }
    for (const auto& machine : machines_) {
      if (machine->process() != nullptr) machine->process()->SendReports(seat_);
    }
    CollectLater();
  });
}

void Oracle::DecideLater() {
  const Plague& steps = around_.swarm.steps;
  around_.world.After(around_.world.Between(Duration::zero(), 2 * steps.every), [this] {
    if (stopped_) return;
    const auto partitions = around_.swarm.partitions;
    Decide(PartitionId{static_cast<uint32_t>(around_.world.random().Below(partitions))});
    DecideLater();
  });
}

void Oracle::Hear(const node::GroupReport& report) {
  const auto [known, fresh] = reports_.try_emplace(report.partition, report);
  if (!fresh && report.term >= known->second.term) known->second = report;
}

void Oracle::Hear(const node::StepAnswer& answer) {
  if (std::holds_alternative<node::StepTaken>(answer.result)) ++steps_;
}

void Oracle::Decide(PartitionId partition) {
  const auto report = reports_.find(partition);
  if (report == reports_.end()) return;
  const bool waits = around_.sabotage != Sabotage::kRaftTwoChangesAtOnce;
  if (waits && !report->second.settled) return;
  Goal& goal = goals_[partition];
  if (goal.until <= around_.world.now()) DrawGoal(report->second, goal);
  if (const auto step = NextStep(report->second, goal)) Send(report->second.leader.node, *step);
}

void Oracle::DrawGoal(const node::GroupReport& report, Goal& goal) {
  constexpr uint32_t kMostCopies = 5;
  World& world = around_.world;
  Random& random = world.random();
  goal.until =
      world.now() + world.Between(std::chrono::milliseconds(200), around_.swarm.steps.at_most);
  goal.retired.clear();
  const auto& voters = report.configuration.voters;
  if (random.Chance(300'000)) {
    goal.nodes.clear();
    for (const raft::Member& voter : voters) goal.nodes.insert(voter.node);
    goal.retired.insert(voters[random.Below(voters.size())].id);
    return;
  }
  const uint64_t most = std::min<uint64_t>(kMostCopies, machines_.size());
  const uint64_t copies =
      random.Chance(700'000) ? std::min<uint64_t>(3, most) : random.Between(1, most);
  goal.nodes.clear();
  while (goal.nodes.size() < copies) {
    goal.nodes.insert(NodeId{static_cast<uint32_t>(random.Between(1, machines_.size()))});
  }
}

std::optional<NodeId> Oracle::MissingNode(const node::GroupReport& report, const Goal& goal) const {
  for (const NodeId node : goal.nodes) {
    if (!HasMemberOn(report.configuration, node)) return node;
  }
  return std::nullopt;
}

// One at a time: unwanted learners go, missing ones come, then all are promoted, now and then
// together with the removal of who is not wanted; else those are removed at the end, or one after
// the other. Who is to be replaced on its own node has to go first.
std::optional<node::Step> Oracle::NextStep(const node::GroupReport& report, const Goal& goal) {
  const raft::Configuration& present = report.configuration;
  const auto is_wanted = [&](const raft::Member& member) {
    return goal.nodes.contains(member.node) && !goal.retired.contains(member.id);
  };
  node::Step step{.partition = report.partition,
                  .term = report.term,
                  .if_index = report.configuration_index,
                  .voters = present.voters,
                  .learners = present.learners};
  if (std::erase_if(step.learners, [&](const auto& each) { return !is_wanted(each); }) > 0) {
    return step;
  }
  std::vector<raft::Member> kept;
  std::ranges::copy_if(present.voters, std::back_inserter(kept), is_wanted);
  Random& random = around_.world.random();
  const auto missing = MissingNode(report, goal);
  if (missing) {
    step.learners.push_back({.id = ReplicaId{++last_id_}, .node = *missing});
    if (random.Chance(500'000)) return step;
    step.learners = present.learners;
  }
  if (!step.learners.empty() && (!missing || random.Chance(200'000))) {
    if (random.Chance(500'000)) step.voters = kept;
    std::ranges::copy(present.learners, std::back_inserter(step.voters));
    step.learners.clear();
    // A learner that never comes, because its id is gone, is given up.
    if (random.Chance(100'000))
      step = {report.partition, report.term, report.configuration_index, present.voters, {}};
    return step;
  }
  if (kept.empty() || kept.size() == present.voters.size()) return std::nullopt;
  step.voters = kept;
  return step;
}

void Oracle::Send(NodeId leader, const node::Step& step) {
  around_.world.Trace("oracle", fmt::format("partition {} at {} of term {}: voters{} learners{}",
                                            step.partition.value, step.if_index, step.term,
                                            Show(step.voters), Show(step.learners)));
  Process* process = machines_[seat_.value - 1]->process();
  const int times = around_.world.random().Chance(100'000) ? 2 : 1;
  for (int i = 0; i < times && process != nullptr; ++i) process->SendStep(leader, step);
}

}  // namespace kvd::simulation
