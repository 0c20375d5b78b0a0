#include "server/topology/decision.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/ring/moves.h"
#include "server/topology/wish.h"

namespace kvd::topology {
namespace {

using Why = Rejection::Why;

constexpr size_t kEndedJobsKept = 16;

Topology NextOf(const Topology& now) {
  Topology next = now;
  ++next.epoch.value;
  return next;
}

// Of those who are known to be there.
Member& MemberOf(Topology& topology, NodeId node) {
  return *std::ranges::lower_bound(topology.members, node, {}, &Member::id);
}

Job& JobOf(Topology& topology, JobId job) {
  return *std::ranges::lower_bound(topology.jobs, job, {}, &Job::id);
}

void ForgetOldJobs(Topology& topology) {
  const auto ended = static_cast<size_t>(std::ranges::count_if(topology.jobs, &Job::HasEnded));
  size_t excess = ended - std::min(ended, kEndedJobsKept);
  std::erase_if(topology.jobs, [&excess](const Job& job) {
    if (!job.HasEnded() || excess == 0) return false;
    --excess;
    return true;
  });
}

// The wish of `next`, as a job that started with what `now` was.
Decision Begin(const Topology& now, Topology next, Job job) {
  next = WithWishedRing(std::move(next));
  job.id = next.next_job;
  job.copies_to_add = ring::Count(ring::Moves(RingOf(now), RingOf(next))).added;
  ++next.next_job.value;
  next.jobs.push_back(std::move(job));
  return next;
}

NodeId Admit(Topology& topology, const NodeCard& card) {
  const NodeId id = topology.next_node;
  topology.members.push_back({id, card, MemberState::kJoining});
  ++topology.next_node.value;
  return id;
}

std::optional<Rejection> CheckUuid(const Topology& now, const NodeCard& card) {
  if (card.name.empty() || card.uuid.is_nil() || card.peer_address.empty()) {
    return Rejection{.why = Why::kBadCard};
  }
  if (const Member* same = now.Find(card.uuid); same != nullptr) {
    return Rejection{.why = Why::kUuidInUse, .node = same->id};
  }
  if (const Removed* removed = now.FindRemoved(card.uuid); removed != nullptr) {
    return Rejection{.why = Why::kRemovedBefore, .node = removed->id};
  }
  return std::nullopt;
}

std::optional<Rejection> CheckNewcomer(const Topology& now, const NodeCard& card) {
  const Member* namesake = now.FindName(card.name);
  if (namesake == nullptr || card.uuid == namesake->card.uuid) return CheckUuid(now, card);
  return Rejection{.why = Why::kNameInUse, .node = namesake->id};
}

// The job that brings in exactly these nodes, if one does.
const Job* FindJoinOf(const Topology& now, const std::vector<NodeCard>& cards) {
  std::vector<NodeId> nodes;
  for (const NodeCard& card : cards) {
    const Member* member = now.Find(card.uuid);
    if (member == nullptr || member->card.name != card.name) return nullptr;
    nodes.push_back(member->id);
  }
  std::ranges::sort(nodes);
  const auto it = std::ranges::find_if(now.jobs, [&](const Job& job) {
    return job.kind == JobKind::kJoin && job.state == JobState::kRunning && job.nodes == nodes;
  });
  return it != now.jobs.end() ? &*it : nullptr;
}

Decision Apply(const Topology& now, Index at, const AddMembers& command) {
  if (command.cards.empty()) return Rejection{.why = Why::kNoMembers};
  if (const Job* same = FindJoinOf(now, command.cards); same != nullptr) {
    return Rejection{.why = Why::kUnderWay, .job = same->id};
  }
  std::set<std::string> names;
  std::set<Uuid> uuids;
  for (const NodeCard& card : command.cards) {
    if (const auto rejection = CheckNewcomer(now, card)) return *rejection;
    const bool is_new = names.insert(card.name).second && uuids.insert(card.uuid).second;
    if (!is_new) return Rejection{.why = Why::kBadCard};
  }
  Topology next = NextOf(now);
  Job job{.kind = JobKind::kJoin, .asked_by = command.asked_by, .asked_at = at};
  for (const NodeCard& card : command.cards) job.nodes.push_back(Admit(next, card));
  return Begin(now, std::move(next), std::move(job));
}

// Whether a job for the node may start.
std::optional<Rejection> CheckIdle(const Topology& now, NodeId node) {
  if (now.Find(node) == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = node};
  const Job* job = now.FindJobOf(node);
  if (job == nullptr) return std::nullopt;
  return Rejection{.why = Why::kBusy, .node = node, .job = job->id};
}

Decision Depart(const Topology& now, Index at, JobKind kind, const auto& command) {
  const Job* job = now.FindJobOf(command.node);
  if (job != nullptr && job->kind == kind && job->state == JobState::kRunning) {
    return Rejection{.why = Why::kUnderWay, .job = job->id};
  }
  if (const auto rejection = CheckIdle(now, command.node)) return *rejection;
  const size_t left = Placeable(now).size() - 1;
  if (left == 0) return Rejection{.why = Why::kNobodyLeft, .node = command.node};
  if (left < now.copies && !command.accept_fewer_copies) {
    return Rejection{.why = Why::kFewerCopies, .node = command.node};
  }
  Topology next = NextOf(now);
  MemberOf(next, command.node).state = MemberState::kLeaving;
  return Begin(
      now, std::move(next),
      {.kind = kind, .asked_by = command.asked_by, .asked_at = at, .nodes = {command.node}});
}

Decision Apply(const Topology& now, Index at, const StartLeave& command) {
  return Depart(now, at, JobKind::kLeave, command);
}

Decision Apply(const Topology& now, Index at, const StartRemove& command) {
  return Depart(now, at, JobKind::kRemove, command);
}

// The newcomer takes the very copies of the old one. Placed anew they might go to others of equal
// load: a copy more that moves, or, if that one is down as well, a job that never ends.
NodeId TakePlace(Topology& next, NodeId old, const NodeCard& card) {
  MemberOf(next, old).state = MemberState::kLeaving;
  const NodeId heir = Admit(next, card);
  for (std::vector<Replica>& list : next.ring) {
    const auto copy = std::ranges::find(list, old, &Replica::node);
    if (copy == list.end()) continue;
    *copy = {.id = next.next_replica, .node = heir};
    ++next.next_replica.value;
  }
  return heir;
}

Decision Substitute(const Topology& now, NodeId old, const NodeCard& card, Job job) {
  Topology next = NextOf(now);
  job.kind = JobKind::kReplace;
  job.nodes = {old, TakePlace(next, old, card)};
  return Begin(now, std::move(next), std::move(job));
}

Decision Apply(const Topology& now, Index at, const StartReplace& command) {
  const Job* job = now.FindJobOf(command.old);
  const Member* arrived = now.Find(command.card.uuid);
  if (job != nullptr && arrived != nullptr && job->nodes == std::vector{command.old, arrived->id}) {
    return Rejection{.why = Why::kUnderWay, .job = job->id};
  }
  if (const auto rejection = CheckIdle(now, command.old)) return *rejection;
  if (const auto rejection = CheckNewcomer(now, command.card)) return *rejection;
  return Substitute(now, command.old, command.card, {.asked_by = command.asked_by, .asked_at = at});
}

// A node of the job that is to hold copies was wiped: the job goes on with its next self.
Decision SubstituteAgain(const Topology& now, JobId job, NodeId old, const NodeCard& card) {
  Topology next = NextOf(now);
  JobOf(next, job).nodes.push_back(TakePlace(next, old, card));
  return WithWishedRing(std::move(next));
}

// One at a time: each replacement of this kind is a node less that could be asked for its copies.
// But whoever is to hold copies by a job under way is waited for, by other jobs too.
Decision Apply(const Topology& now, Index at, const ReplaceWiped& command) {
  const Member* old = now.Find(command.old);
  if (old == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = command.old};
  if (old->card.name != command.card.name) return Rejection{.why = Why::kBadCard};
  if (const auto rejection = CheckUuid(now, command.card)) return *rejection;
  if (const Job* own = now.FindJobOf(command.old); own != nullptr) {
    if (old->TakesCopies()) return SubstituteAgain(now, own->id, command.old, command.card);
    return Rejection{.why = Why::kBusy, .node = command.old, .job = own->id};
  }
  const auto other = std::ranges::find_if(
      now.jobs, [](const Job& job) { return job.kind == JobKind::kReplace && !job.HasEnded(); });
  if (other != now.jobs.end()) {
    return Rejection{.why = Why::kBusy, .node = command.old, .job = other->id};
  }
  return Substitute(now, command.old, command.card,
                    {.asked_by = command.card.name, .asked_at = at});
}

Decision Apply(const Topology& now, Index at, const StartRebalance& command) {
  for (const Job& job : now.jobs) {
    if (job.kind != JobKind::kRebalance || job.HasEnded()) continue;
    return Rejection{.why = Why::kUnderWay, .job = job.id};
  }
  const Topology next = NextOf(now);
  if (WithWishedRing(next).ring == now.ring) return Rejection{.why = Why::kNothingToDo};
  return Begin(now, next,
               {.kind = JobKind::kRebalance, .asked_by = command.asked_by, .asked_at = at});
}

Decision Apply(const Topology& now, Index /*at*/, const NoteCard& command) {
  const Member* member = now.Find(command.node);
  if (member == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = command.node};
  if (command.card.uuid != member->card.uuid || command.card.name != member->card.name ||
      command.card.peer_address.empty()) {
    return Rejection{.why = Why::kBadCard};
  }
  if (command.card == member->card) return Rejection{.why = Why::kNothingToDo};
  Topology next = NextOf(now);
  MemberOf(next, command.node).card = command.card;
  return next;
}

Decision Apply(const Topology& now, Index /*at*/, const SetVoters& command) {
  const auto& voters = command.voters;
  const bool in_order =
      std::ranges::adjacent_find(voters, std::ranges::greater_equal{}) == voters.end();
  if (voters.empty() || !in_order) return Rejection{.why = Why::kNoMembers};
  for (const NodeId voter : voters) {
    const Member* member = now.Find(voter);
    if (member == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = voter};
    if (!member->TakesCopies()) return Rejection{.why = Why::kWrongState, .node = voter};
  }
  if (std::ranges::equal(voters, now.system_voters, {}, {}, &Replica::node)) {
    return Rejection{.why = Why::kNothingToDo};
  }
  return WithVoters(NextOf(now), voters);
}

Decision Apply(const Topology& now, Index /*at*/, const FinishJoin& command) {
  const Member* member = now.Find(command.node);
  if (member == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = command.node};
  if (member->state != MemberState::kJoining) {
    return Rejection{.why = Why::kWrongState, .node = command.node};
  }
  Topology next = NextOf(now);
  MemberOf(next, command.node).state = MemberState::kActive;
  return next;
}

Decision Apply(const Topology& now, Index /*at*/, const FinishRemoval& command) {
  const Member* member = now.Find(command.node);
  if (member == nullptr) return Rejection{.why = Why::kNoSuchNode, .node = command.node};
  if (member->state != MemberState::kLeaving) {
    return Rejection{.why = Why::kWrongState, .node = command.node};
  }
  if (now.IsWishedOn(command.node)) {
    return Rejection{.why = Why::kStillWished, .node = command.node};
  }
  Topology next = NextOf(now);
  next.removed.push_back({member->id, member->card.uuid, member->card.name, next.epoch});
  std::erase_if(next.members, [&](const Member& one) { return one.id == command.node; });
  return next;
}

Decision Apply(const Topology& now, Index /*at*/, const FinishJob& command) {
  const Job* job = now.FindJob(command.job);
  if (job == nullptr) return Rejection{.why = Why::kNoSuchJob, .job = command.job};
  if (job->HasEnded()) return Rejection{.why = Why::kJobEnded, .job = command.job};
  for (const NodeId node : job->nodes) {
    const Member* member = now.Find(node);
    if (member == nullptr || member->state == MemberState::kActive) continue;
    return Rejection{.why = Why::kNotDone, .node = node, .job = command.job};
  }
  Topology next = NextOf(now);
  const bool aborts = job->state == JobState::kAborting;
  JobOf(next, command.job).state = aborts ? JobState::kAborted : JobState::kDone;
  ForgetOldJobs(next);
  return next;
}

// Whether all that the job changed can be changed back: nobody was removed, no disk was wiped.
bool HasWayBack(const Topology& now, const Job& job) {
  if (job.kind == JobKind::kRebalance) return false;
  std::set<std::string> names;
  return std::ranges::all_of(job.nodes, [&](NodeId node) {
    const Member* member = now.Find(node);
    return member != nullptr && names.insert(member->card.name).second;
  });
}

Decision Apply(const Topology& now, Index /*at*/, const AbortJob& command) {
  const Job* job = now.FindJob(command.job);
  if (job == nullptr) return Rejection{.why = Why::kNoSuchJob, .job = command.job};
  if (job->HasEnded()) return Rejection{.why = Why::kJobEnded, .job = command.job};
  if (job->state == JobState::kAborting) return Rejection{.why = Why::kUnderWay, .job = job->id};
  if (!HasWayBack(now, *job)) return Rejection{.why = Why::kNoWayBack, .job = command.job};
  Topology next = NextOf(now);
  for (const NodeId node : job->nodes) {
    Member& member = MemberOf(next, node);
    const bool was_leaving = member.state == MemberState::kLeaving;
    member.state = was_leaving ? MemberState::kActive : MemberState::kLeaving;
  }
  if (Placeable(next).empty()) return Rejection{.why = Why::kNobodyLeft, .job = command.job};
  JobOf(next, command.job).state = JobState::kAborting;
  return WithWishedRing(std::move(next));
}

}  // namespace

Decision Decide(const Topology& now, Index at, const Command& command) {
  return std::visit([&](const auto& one) { return Apply(now, at, one); }, command);
}

}  // namespace kvd::topology
