#include "tests/unit/server/topology/model/group.h"

#include <algorithm>

namespace kvd::topology::model {
namespace {

constexpr uint64_t kPercent = 10'000;  // Of a million.

std::vector<raft::Member> Sorted(std::vector<raft::Member> members) {
  std::ranges::sort(members);
  return members;
}

}  // namespace

Group::Group(PartitionId partition, const std::vector<Replica>& founders, uint64_t bytes)
    : partition_(partition), bytes_(bytes) {
  for (const Replica& replica : founders) {
    configuration_.voters.push_back({replica.id, replica.node});
  }
  configuration_.voters = Sorted(configuration_.voters);
  committed_ = configuration_;
}

bool Group::HasMajority(const raft::Configuration& configuration,
                        const std::set<NodeId>& dead) const {
  return configuration.HasMajority(
      [&](ReplicaId id) { return !dead.contains(configuration.Find(id)->node); });
}

void Group::Advance(Millis now, const std::set<NodeId>& dead, uint64_t bytes_per_learner,
                    Random& random) {
  if (leader_ && (dead.contains(leader_->node) || !HasMajority(configuration_, dead))) {
    leader_.reset();
    elect_at_ = now + random.Between(100, 2000);
  }
  if (!leader_ && now >= elect_at_) Elect(now, dead, random);
  if (!leader_) return;
  for (auto& [learner, left] : left_) {
    const raft::Member* member = configuration_.Find(learner);
    if (member == nullptr || dead.contains(member->node)) continue;
    left -= std::min(left, bytes_per_learner);
  }
  if (commits_at_ && now >= *commits_at_) Commit(now, random);
}

// Whoever is elected holds the last configuration, or one that only the old majority knows.
void Group::Elect(Millis now, const std::set<NodeId>& dead, Random& random) {
  const bool is_cut_off = commits_at_ && random.Chance(30 * kPercent);
  const raft::Configuration& deciding = is_cut_off ? committed_ : configuration_;
  if (!HasMajority(deciding, dead)) return;
  std::vector<raft::Member> candidates;
  for (const raft::Member& member : deciding.All()) {
    if (deciding.IsVoter(member.id) && !dead.contains(member.node)) candidates.push_back(member);
  }
  if (is_cut_off) {
    configuration_ = committed_;  // A learner that was cut off is still wished: it may come again.
    index_ = committed_index_;
    commits_at_.reset();
  }
  leader_ = candidates[random.Below(candidates.size())];
  ++term_;
  if (commits_at_) commits_at_ = now + random.Between(1, 300);
  if (!commits_at_ && configuration_.IsJoint()) LeaveJoint(now, random);
}

void Group::LeaveJoint(Millis now, Random& random) {
  raft::Configuration next = configuration_;
  next.outgoing.clear();
  Append(std::move(next), now, random);
}

void Group::Commit(Millis now, Random& random) {
  commits_at_.reset();
  const raft::Configuration before = committed_;
  committed_ = configuration_;
  committed_index_ = index_;
  if (configuration_.IsJoint()) return LeaveJoint(now, random);
  Forget(before);
  if (!configuration_.IsVoter(leader_->id)) leader_.reset();  // It leaves the group.
}

void Group::Append(raft::Configuration configuration, Millis now, Random& random) {
  configuration_ = std::move(configuration);
  index_ = ++last_;
  commits_at_ = now + random.Between(1, 300);
}

// Replicas that are named no more are gone for good.
void Group::Forget(const raft::Configuration& before) {
  for (const raft::Member& member : before.All()) {
    if (configuration_.Contains(member.id) || committed_.Contains(member.id)) continue;
    gone_.insert(member.id);
    left_.erase(member.id);
  }
}

void Group::Take(const Step& step, Millis now, const std::set<NodeId>& dead, Random& random) {
  if (!leader_ || step.term != term_ || step.if_index != index_) return;
  if (commits_at_ || configuration_.IsJoint()) return Violate("a second change at once");
  CheckStep(step);
  if (const auto heir = HeirBefore(step, *Report(dead, random))) {
    leader_ = *heir;
    ++term_;
    return;
  }
  raft::Configuration next{
      .voters = Sorted(step.voters), .outgoing = {}, .learners = Sorted(step.learners)};
  if (next.voters != configuration_.voters) next.outgoing = configuration_.voters;
  if (!raft::IsWellFormed(next)) return Violate("a configuration that is none");
  const auto lacks = [&](const raft::Member& voter) {
    const auto left = left_.find(voter.id);
    return left != left_.end() && left->second > 0;
  };
  if (std::ranges::any_of(next.voters, lacks)) return Violate("a vote for who is not caught up");
  if (next.IsJoint() && !HasMajority(next, dead)) return;  // As Raft would refuse.
  for (const raft::Member& learner : next.learners) {
    if (!left_.try_emplace(learner.id, bytes_).second) continue;
    ++transfers_;
  }
  Append(std::move(next), now, random);
}

void Group::CheckStep(const Step& step) {
  std::set<NodeId> nodes;
  for (const auto* members : {&step.voters, &step.learners}) {
    for (const raft::Member& member : *members) {
      if (!nodes.insert(member.node).second) Violate("two replicas on one node");
      if (gone_.contains(member.id)) Violate("a replica that was removed");
      const raft::Member* present = configuration_.Find(member.id);
      if (present == nullptr && members == &step.voters) Violate("a vote for a stranger");
      if (present != nullptr && present->node != member.node) Violate("a replica that moves");
    }
  }
  for (const raft::Member& learner : step.learners) {
    if (configuration_.IsVoter(learner.id)) Violate("a voter made a learner");
  }
}

void Group::Violate(const std::string& what) {
  violations_.push_back("partition " + std::to_string(partition_.value) + ": " + what);
}

std::optional<GroupReport> Group::Report(const std::set<NodeId>& dead, Random& random) const {
  if (!leader_) return std::nullopt;
  GroupReport report{.partition = partition_,
                     .leader = *leader_,
                     .term = term_,
                     .configuration_index = index_,
                     .settled = !commits_at_ && !configuration_.IsJoint(),
                     .configuration = configuration_,
                     .members = {},
                     .bytes = bytes_,
                     .keys = 0};
  for (const raft::Member& member : configuration_.All()) {
    if (member.id == leader_->id) continue;
    const auto left = left_.find(member.id);
    const bool lacks = left != left_.end() && left->second > 0;
    report.members.push_back({.id = member.id,
                              .behind = random.Below(20),
                              .active = !dead.contains(member.node),
                              .snapshot = lacks});
  }
  return report;
}

bool Group::CountsOn(NodeId node) const {
  const auto counts_in = [node](const raft::Configuration& configuration) {
    return std::ranges::any_of(configuration.All(), [&](const raft::Member& member) {
      return member.node == node && configuration.IsVoter(member.id);
    });
  };
  return counts_in(configuration_) || counts_in(committed_);
}

bool Group::IsAsWished(const std::vector<Replica>& wish) const {
  if (commits_at_ || configuration_.IsJoint() || !configuration_.learners.empty()) return false;
  const auto votes = [&](const Replica& replica) {
    return std::ranges::count(configuration_.voters, replica.node, &raft::Member::node) == 1;
  };
  return configuration_.voters.size() == wish.size() && std::ranges::all_of(wish, votes);
}

std::string Group::Describe() const {
  std::string text = "partition " + std::to_string(partition_.value) + " term " +
                     std::to_string(term_) + " index " + std::to_string(index_);
  text += leader_ ? " led by node " + std::to_string(leader_->node.value) : " without a leader";
  text += commits_at_ ? ", to commit at " + std::to_string(*commits_at_) : ", settled";
  const auto list = [&text](const std::string& name, const std::vector<raft::Member>& members) {
    text += ", " + name;
    for (const raft::Member& member : members) {
      text += " " + std::to_string(member.id.value) + "@" + std::to_string(member.node.value);
    }
  };
  list("voters", configuration_.voters);
  list("outgoing", configuration_.outgoing);
  list("learners", configuration_.learners);
  return text;
}

}  // namespace kvd::topology::model
