#include "server/topology/group_change.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::topology {
namespace {

using Why = Obstacle::Why;
using Members = std::vector<raft::Member>;

const raft::Member* FindOn(const Members& members, NodeId node) {
  const auto it = std::ranges::find(members, node, &raft::Member::node);
  return it != members.end() ? &*it : nullptr;
}

// The wish and the present configuration side by side, by node.
struct Comparison {
  Members voting;     // Wished, and votes.
  Members ready;      // Wished, a learner, and caught up.
  Members behind;     // Wished, a learner, and not.
  Members missing;    // Wished, and no member yet.
  Members unwished;   // Votes, and is not wished.
  Members abandoned;  // A learner, and not wished.
};

bool IsReady(const GroupReport& report, ReplicaId id, uint64_t caught_up) {
  const MemberProgress* progress = report.Find(id);
  return progress != nullptr && progress->active && !progress->snapshot &&
         progress->behind <= caught_up;
}

Comparison Compare(const std::vector<Replica>& wish, const GroupReport& report,
                   uint64_t caught_up) {
  const auto& [voters, outgoing, learners] = report.configuration;
  Comparison compared;
  Members wished;
  for (const Replica& replica : wish) {
    wished.push_back({replica.id, replica.node});
    if (const raft::Member* voter = FindOn(voters, replica.node); voter != nullptr) {
      compared.voting.push_back(*voter);
    } else if (const raft::Member* learner = FindOn(learners, replica.node); learner != nullptr) {
      auto& list = IsReady(report, learner->id, caught_up) ? compared.ready : compared.behind;
      list.push_back(*learner);
    } else {
      compared.missing.push_back(wished.back());
    }
  }
  const auto is_unwished = [&](const raft::Member& member) { return !FindOn(wished, member.node); };
  std::ranges::copy_if(voters, std::back_inserter(compared.unwished), is_unwished);
  std::ranges::copy_if(learners, std::back_inserter(compared.abandoned), is_unwished);
  return compared;
}

Members Concat(const Members& a, const Members& b) {
  Members all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

Members Sorted(Members members) {
  std::ranges::sort(members);
  return members;
}

// Whether the live ones could carry a change to these voters, and go on alone after it.
bool HasMajorities(const GroupReport& report, const Members& voters) {
  const raft::Configuration joint{
      .voters = Sorted(voters), .outgoing = report.configuration.voters, .learners = {}};
  return joint.HasMajority([&](ReplicaId id) { return report.IsActive(id); });
}

Step MakeStep(const GroupReport& report, Members voters, Members learners) {
  return {.partition = report.partition,
          .term = report.term,
          .if_index = report.configuration_index,
          .voters = std::move(voters),
          .learners = std::move(learners)};
}

// The first wished replica, no voter yet, that nobody hears.
std::optional<NodeId> FindSilent(const Comparison& compared, const std::set<NodeId>& silent) {
  for (const Members* waited_for : {&compared.missing, &compared.behind}) {
    for (const raft::Member& member : *waited_for) {
      if (silent.contains(member.node)) return member.node;
    }
  }
  return std::nullopt;
}

// The voters after learners that are ready have taken the places of those not wished: of the silent
// ones, and of all if a wished replica is not heard; nullopt if there is no such pair.
std::optional<Step> TakeOver(const Comparison& compared, const GroupReport& report,
                             const std::set<NodeId>& silent) {
  Members leaving = compared.unwished;
  const auto lives = [&](const raft::Member& member) { return report.IsActive(member.id); };
  const auto dead = std::stable_partition(leaving.begin(), leaving.end(), lives);
  const bool waits = FindSilent(compared, silent).has_value();
  const auto vacant = waits ? leaving.size() : static_cast<size_t>(leaving.end() - dead);
  const size_t places = std::min(compared.ready.size(), vacant);
  if (places == 0) return std::nullopt;
  leaving.resize(leaving.size() - places);
  const auto first_behind = compared.ready.begin() + static_cast<ptrdiff_t>(places);
  const Members promoted(compared.ready.begin(), first_behind);
  const Members waiting(first_behind, compared.ready.end());
  const Members voters = Concat(Concat(compared.voting, promoted), leaving);
  if (!HasMajorities(report, voters)) return std::nullopt;
  return MakeStep(report, voters, Concat(waiting, compared.behind));
}

std::optional<Step> StepOf(const Comparison& compared, const GroupReport& report,
                           const std::set<NodeId>& silent) {
  if (compared.missing.empty() && compared.behind.empty()) {
    const Members voters = Concat(compared.voting, compared.ready);
    if (HasMajorities(report, voters)) return MakeStep(report, voters, {});
  }
  if (auto step = TakeOver(compared, report, silent)) return step;
  if (compared.abandoned.empty()) return std::nullopt;
  return MakeStep(report, report.configuration.voters, Concat(compared.ready, compared.behind));
}

Obstacle ObstacleOf(const Comparison& compared, const std::set<NodeId>& silent) {
  if (const auto node = FindSilent(compared, silent)) return {Why::kNodeSilent, *node};
  if (!compared.behind.empty()) return {Why::kCatchingUp, compared.behind.front().node};
  return {Why::kNoMajority};
}

}  // namespace

GroupChange NextChange(const std::vector<Replica>& wish, const GroupReport& report,
                       const std::set<NodeId>& silent, uint64_t caught_up) {
  const Comparison compared = Compare(wish, report, caught_up);
  GroupChange change;
  for (const raft::Member& member : compared.behind) {
    if (!silent.contains(member.node)) ++change.transfers;
  }
  if (!report.settled || report.configuration.IsJoint()) {
    change.obstacle = {Why::kChangeUnderWay};
    return change;
  }
  change.as_wished = compared.voting.size() == wish.size() && compared.unwished.empty() &&
                     compared.abandoned.empty();
  if (change.as_wished) return change;
  change.step = StepOf(compared, report, silent);
  if (change.step) return change;
  for (const raft::Member& member : compared.missing) {
    if (!silent.contains(member.node)) change.newcomers.push_back(member);
  }
  if (change.newcomers.empty()) change.obstacle = ObstacleOf(compared, silent);
  return change;
}

Step AddLearners(const GroupReport& report, const GroupChange& change, size_t count) {
  KVD_CHECK_OP(<=, count, change.newcomers.size());
  const auto end = change.newcomers.begin() + static_cast<ptrdiff_t>(count);
  return MakeStep(report, report.configuration.voters,
                  Concat(report.configuration.learners, Members(change.newcomers.begin(), end)));
}

}  // namespace kvd::topology
