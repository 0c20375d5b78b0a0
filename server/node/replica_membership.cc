// How the groups of a node's replicas change their members: steps, reports, and what is said to
// replicas that are not there yet, or no more.

#include <algorithm>
#include <set>
#include <utility>

#include "server/node/replicas.h"

namespace kvd::node {
namespace {

bool IsIn(const std::vector<raft::Member>& members, ReplicaId id) {
  return std::ranges::find(members, id, &raft::Member::id) != members.end();
}

// What raft::Replica::ProposeChange() requires, and one replica per node.
bool IsWellFormed(const Step& step, const raft::Configuration& present) {
  if (step.voters.empty()) return false;
  std::set<ReplicaId> ids;
  std::set<NodeId> nodes;
  for (const auto* members : {&step.voters, &step.learners}) {
    for (const raft::Member& member : *members) {
      if (member.id == ReplicaId{} || member.node == NodeId{}) return false;
      if (!ids.insert(member.id).second || !nodes.insert(member.node).second) return false;
      const raft::Member* before = present.Find(member.id);
      if (before != nullptr && before->node != member.node) return false;
    }
  }
  return std::ranges::none_of(
      step.learners, [&](const raft::Member& learner) { return present.IsVoter(learner.id); });
}

StepRefused ReasonOf(raft::Replica::ChangeRefused why) {
  switch (why) {
    case raft::Replica::ChangeRefused::kNotLeader:
      return StepRefused::kNotLeader;
    case raft::Replica::ChangeRefused::kTransferring:
      return StepRefused::kTransferring;
    case raft::Replica::ChangeRefused::kOtherConfiguration:
      return StepRefused::kOtherConfiguration;
    case raft::Replica::ChangeRefused::kChangeUnderWay:
      return StepRefused::kChangeUnderWay;
    case raft::Replica::ChangeRefused::kNoEntryOfOwnTerm:
      return StepRefused::kNotReady;
    case raft::Replica::ChangeRefused::kNotCaughtUp:
      return StepRefused::kNotCaughtUp;
    case raft::Replica::ChangeRefused::kNoVoters:
      break;
  }
  return StepRefused::kMalformed;
}

}  // namespace

std::vector<raft::Member> Replicas::Ranked(const One& one) {
  std::vector<raft::Member> ranked = one.raft.configuration().voters;
  std::ranges::stable_sort(ranked, {}, [&](const raft::Member& voter) {
    return std::ranges::find(one.order, voter.node) - one.order.begin();
  });
  return ranked;
}

bool Replicas::IsSettled(const raft::Replica& replica) {
  return replica.configuration_index() <= replica.commit() && !replica.configuration().IsJoint();
}

StepResult Replicas::Take(const node::Step& step, Instant now) {
  One* one = FindOne(step.partition);
  if (one == nullptr || one->raft.role() != raft::Role::kLeader || one->raft.term() != step.term) {
    return StepRefused::kNotLeader;
  }
  if (one->raft.configuration_index() != step.if_index) return StepRefused::kOtherConfiguration;
  if (!IsWellFormed(step, one->raft.configuration())) return StepRefused::kMalformed;
  Touch(step.partition, *one);
  if (HandOver(*one, step, now)) return StepRefused::kHandingOver;
  const auto proposed = one->raft.ProposeChange(
      {.if_index = step.if_index, .voters = step.voters, .learners = step.learners}, now);
  if (const auto* why = std::get_if<raft::Replica::ChangeRefused>(&proposed)) return ReasonOf(*why);
  return StepTaken{std::get<raft::Replica::Proposed>(proposed).index};
}

// The leader of a group that is to go ends what it serves in order; whoever leads next is asked
// again. If none of those who stay can vote yet, it has to lead them through the change.
bool Replicas::HandOver(One& one, const node::Step& step, Instant now) {
  if (IsIn(step.voters, one.raft.self().id) || one.raft.IsTransferring()) return false;
  std::optional<ReplicaId> best;
  Index best_match = 0;
  for (const raft::Member& voter : Ranked(one)) {
    const auto progress = one.raft.ProgressOf(voter.id);
    if (!IsIn(step.voters, voter.id) || !progress || !progress->active) continue;
    if (best && progress->match <= best_match) continue;
    best = voter.id;
    best_match = progress->match;
  }
  if (!best || !one.raft.Transfer(*best, now)) return false;
  Reschedule(PartitionOf(one.raft.group()), one);
  return true;
}

GroupReport Replicas::ReportOf(PartitionId partition, const One& one) {
  const raft::Replica& replica = one.raft;
  GroupReport report{.partition = partition,
                     .leader = replica.self(),
                     .term = replica.term(),
                     .configuration_index = replica.configuration_index(),
                     .settled = IsSettled(replica),
                     .configuration = replica.configuration(),
                     .members = {}};
  for (const raft::Member& member : replica.configuration().All()) {
    const auto progress = replica.ProgressOf(member.id);
    if (!progress) continue;
    report.members.push_back({.id = member.id,
                              .behind = replica.last() - std::min(progress->match, replica.last()),
                              .active = progress->active,
                              .snapshot = progress->snapshot});
  }
  return report;
}

std::vector<GroupReport> Replicas::Reports() const {
  std::vector<GroupReport> reports;
  for (const auto& [partition, one] : replicas_) {
    if (one.raft.role() == raft::Role::kLeader) reports.push_back(ReportOf(partition, one));
  }
  return reports;
}

std::optional<Create> Replicas::AnswerTo(NodeId peer, const NotHere& not_here) const {
  if (not_here.gone) return std::nullopt;
  const auto it = replicas_.find(PartitionOf(not_here.group));
  if (it == replicas_.end() || it->second.raft.role() != raft::Role::kLeader) return std::nullopt;
  const raft::Replica& leader = it->second.raft;
  // Made now, it would be told that it was removed if the configuration was lost with its leader,
  // and would never come again.
  if (leader.commit() < leader.configuration_index()) return std::nullopt;
  // A voter was durable before it became one: if it is not there, its disk was lost.
  const auto& learners = leader.configuration().learners;
  const raft::Member asked{.id = not_here.replica, .node = peer};
  if (std::ranges::find(learners, asked) == learners.end()) return std::nullopt;
  return Create{
      .group = not_here.group, .replica = not_here.replica, .initial = it->second.initial};
}

std::optional<Removal> Replicas::AnswerTo(const Inquiry& inquiry) const {
  const raft::Replica* replica = Find(PartitionOf(inquiry.group));
  if (replica == nullptr || replica->role() != raft::Role::kLeader) return std::nullopt;
  if (!IsSettled(*replica) || replica->configuration().Contains(inquiry.replica)) {
    return std::nullopt;
  }
  return Removal{.group = inquiry.group,
                 .replica = inquiry.replica,
                 .index = replica->commit(),
                 .term = replica->TermAt(replica->commit()).value_or(0)};
}

// As logs are compared in elections. What the replica holds above the committed entry cannot become
// committed any more, and what it holds below was committed without it, or before it was removed.
bool Replicas::IsProof(const Removal& removal) const {
  if (!Holds(removal.group, removal.replica)) return false;
  const raft::Replica& replica = *Find(PartitionOf(removal.group));
  const Term last_term = replica.TermAt(replica.last()).value_or(0);
  return std::pair(removal.term, removal.index) >= std::pair(last_term, replica.last());
}

bool Replicas::IsInTouch(const One& one, Instant now) const {
  if (one.raft.role() == raft::Role::kLeader) return true;
  const bool is_member = one.raft.configuration().Contains(one.raft.self().id);
  return is_member && now < one.heard_at + options_.in_touch_for;
}

bool Replicas::IsInTouch(PartitionId partition, Instant now) const {
  const One* one = FindOne(partition);
  return one != nullptr && IsInTouch(*one, now);
}

std::vector<Inquiry> Replicas::OutOfTouch(Instant now) const {
  std::vector<Inquiry> inquiries;
  for (const auto& [partition, one] : replicas_) {
    if (IsInTouch(one, now)) continue;
    inquiries.push_back({.group = GroupOf(partition), .replica = one.raft.self().id});
  }
  return inquiries;
}

bool Replicas::HasMajority(PartitionId partition, const IsAlive& is_alive) const {
  const raft::Configuration& configuration = replicas_.at(partition).raft.configuration();
  return configuration.HasMajority([&](ReplicaId voter) {
    const NodeId node = configuration.Find(voter)->node;
    return node == self_ || is_alive(node);
  });
}

// Those who are no longer named hear of it at once, if this replica led them out; else they ask.
void Replicas::NoteSettled(One& one, const std::function<Frame&(NodeId)>& frame_to) {
  if (!IsSettled(one.raft) || one.settled == one.raft.configuration()) return;
  const raft::Configuration before = std::exchange(one.settled, one.raft.configuration());
  for (const raft::Member& member : before.All()) {
    const auto removal = AnswerTo(Inquiry{.group = one.raft.group(), .replica = member.id});
    if (removal) frame_to(member.node).membership.removals.push_back(*removal);
  }
}

}  // namespace kvd::node
