#include "tests/unit/server/topology/model/cluster.h"

#include <algorithm>
#include <utility>

#include "server/topology/progress.h"
#include "server/topology/voters.h"

namespace kvd::topology::model {
namespace {

constexpr Millis kTick = 100;
constexpr Millis kPassEvery = 200;
constexpr Millis kNoticedAfter = 500;
constexpr Millis kDownAfter = 30'000;

}  // namespace

Cluster::Cluster(Topology founded, Options options)
    : topology_(std::move(founded)), options_(options), random_(options.seed) {
  groups_.emplace(kSystemPartition, Group(kSystemPartition, topology_.system_voters, 10));
  for (uint32_t p = 0; p < topology_.partitions(); ++p) {
    groups_.emplace(PartitionId{p},
                    Group(PartitionId{p}, topology_.ring[p], options_.bytes_per_partition));
  }
}

void Cluster::Disturb(uint64_t loss_per_million, Millis longest_delay) {
  loss_per_million_ = loss_per_million;
  longest_delay_ = longest_delay;
}

bool Cluster::Ask(const Command& command) {
  if (!groups_.at(kSystemPartition).HasLeader()) return false;
  Decision decision = Decide(topology_, ++index_, command);
  auto* next = std::get_if<Topology>(&decision);
  if (next == nullptr) return false;
  const Topology before = std::exchange(topology_, std::move(*next));
  CheckRemovals(before);
  return true;
}

// Nobody stops while a group counts on it. A learner may be named even then, by a step that was
// asked for long before and arrived after the last report: the next pass drops it.
void Cluster::CheckRemovals(const Topology& before) {
  for (size_t i = before.removed.size(); i < topology_.removed.size(); ++i) {
    const NodeId node = topology_.removed[i].id;
    for (const auto& [partition, group] : groups_) {
      if (!group.CountsOn(node)) continue;
      violations_.push_back("node " + std::to_string(node.value) +
                            " removed before its replica of partition " +
                            std::to_string(partition.value));
    }
    dead_.insert(node);
    stopped_.insert(node);
  }
}

void Cluster::Kill(NodeId node) {
  if (dead_.insert(node).second) died_at_[node] = now_;
}

void Cluster::Revive(NodeId node) {
  if (!stopped_.contains(node)) dead_.erase(node);
}

void Cluster::Depose(PartitionId partition) {
  groups_.at(partition).Depose();
}

void Cluster::Send(Message message) {
  if (random_.Chance(loss_per_million_)) return;
  underway_.emplace(now_ + random_.Between(1, longest_delay_), std::move(message));
}

void Cluster::Deliver() {
  while (!underway_.empty() && underway_.begin()->first <= now_) {
    Message message = std::move(underway_.begin()->second);
    underway_.erase(underway_.begin());
    if (auto* sent = std::get_if<ReportSent>(&message)) {
      (void)received_.Take(sent->asked_in, std::move(sent->report));
    } else {
      const Step& step = std::get<Step>(message);
      groups_.at(step.partition).Take(step, now_, dead_, random_);
    }
  }
}

void Cluster::SendReports() {
  for (auto& [partition, group] : groups_) {
    if ((now_ / kTick + partition.value) % (options_.report_every / kTick) != 0) continue;
    const auto report = group.Report(dead_, random_);
    if (!report) continue;
    ++reported_;
    Send(ReportSent{heard_[partition], *report});
    if (!random_.Chance(loss_per_million_)) heard_[partition] = term_;
  }
}

void Cluster::Lead() {
  std::set<NodeId> silent;
  std::set<NodeId> down;
  for (const NodeId node : dead_) {
    if (now_ - died_at_[node] >= kNoticedAfter) silent.insert(node);
    if (now_ - died_at_[node] >= kDownAfter) down.insert(node);
  }
  if (const auto voters = VotersDue(topology_, down)) (void)Ask(SetVoters{*voters});
  for (const Command& command : CommandsDue(topology_, received_)) (void)Ask(command);
  const uint64_t allowed = options_.budget_bytes_per_second * kPassEvery / 1000;
  debt_ -= std::min(debt_, allowed);
  Limits limits = options_.limits;
  limits.bytes = debt_ > 0 ? 0 : allowed;
  last_pass_ = Reconcile(topology_, received_, silent, limits);
  debt_ += last_pass_.bytes;
  steps_ += last_pass_.steps.size();
  for (const Step& step : last_pass_.steps) Send(step);
}

void Cluster::Tick() {
  now_ += kTick;
  const uint64_t bytes = options_.bytes_per_second * kTick / 1000;
  for (auto& [partition, group] : groups_) group.Advance(now_, dead_, bytes, random_);
  const Group& system = groups_.at(kSystemPartition);
  if (system.HasLeader() && system.term() != term_) {
    term_ = system.term();
    received_ = Reports(term_);
  }
  Deliver();
  SendReports();
  if (system.HasLeader() && now_ % kPassEvery == 0) Lead();
}

bool Cluster::IsSettled() const {
  if (!std::ranges::all_of(topology_.jobs, &Job::HasEnded)) return false;
  const auto is_on_the_way = [](const Member& member) {
    return member.state != MemberState::kActive;
  };
  if (std::ranges::any_of(topology_.members, is_on_the_way)) return false;
  return std::ranges::all_of(groups_, [&](const auto& entry) {
    const auto& [partition, group] = entry;
    return group.IsAsWished(partition == kSystemPartition ? topology_.system_voters
                                                          : topology_.ring[partition.value]);
  });
}

std::optional<Millis> Cluster::RunUntilSettled(Millis limit) {
  const Millis begin = now_;
  while (now_ < begin + limit) {
    Tick();
    if (IsSettled()) return now_ - begin;
  }
  return std::nullopt;
}

uint64_t Cluster::transfers() const {
  uint64_t sum = 0;
  for (const auto& [partition, group] : groups_) sum += group.transfers();
  return sum;
}

std::vector<std::string> Cluster::Violations() const {
  std::vector<std::string> all = violations_;
  for (const auto& [partition, group] : groups_) {
    all.insert(all.end(), group.violations().begin(), group.violations().end());
  }
  return all;
}

std::string Cluster::Describe() const {
  std::string text =
      "at " + std::to_string(now_) + " ms, epoch " + std::to_string(topology_.epoch.value) + "\n";
  for (const Member& member : topology_.members) {
    text += "  node " + std::to_string(member.id.value) + " state " +
            std::to_string(static_cast<int>(member.state)) + "\n";
  }
  for (const auto& [partition, obstacle] : last_pass_.obstacles) {
    text += "  obstacle " + std::to_string(static_cast<int>(obstacle.why)) + ", node " +
            std::to_string(obstacle.node.value_or(NodeId{}).value) + "; " +
            groups_.at(partition).Describe() + "\n";
  }
  for (const Job& job : topology_.jobs) {
    text += "  job " + std::to_string(job.id.value) + " state " +
            std::to_string(static_cast<int>(job.state)) + "\n";
  }
  return text;
}

}  // namespace kvd::topology::model
