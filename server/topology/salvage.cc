#include "server/topology/salvage.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/check.h"
#include "common/hash.h"
#include "common/random.h"
#include "server/topology/voters.h"
#include "server/topology/wish.h"

namespace kvd::topology {
namespace {

using Loss = GroupSalvage::Loss;
using Copies = std::vector<FoundCopy>;

// What the lost ones may have decided or written, and the survivors never saw, is less.
constexpr uint64_t kEpochsBeyond = uint64_t{1} << 20U;
constexpr Index kIndexesBeyond = Index{1} << 40U;

bool IsBetter(const FoundCopy& a, const FoundCopy& b) {
  const auto rank = [](const FoundCopy& copy) {
    return std::tuple(copy.last_term, copy.last_index);
  };
  return rank(a) != rank(b) ? rank(a) > rank(b) : a.replica.node < b.replica.node;
}

bool IsGiven(const Copies& copies, ReplicaId id) {
  return std::ranges::any_of(copies, [id](const FoundCopy& copy) { return copy.replica.id == id; });
}

GroupSalvage SalvageOf(GroupId group, const Copies& copies) {
  GroupSalvage salvage{.group = group, .term = 1, .index = kIndexesBeyond};
  if (copies.empty()) {
    salvage.loss = Loss::kEverything;
    return salvage;
  }
  const auto is_given = [&](ReplicaId id) { return IsGiven(copies, id); };
  salvage.best = *std::ranges::min_element(copies, IsBetter);
  salvage.replica = salvage.best->replica;
  const raft::Configuration& configuration = salvage.best->configuration;
  for (const raft::Member& member : configuration.All()) {
    if (configuration.IsVoter(member.id) && is_given(member.id)) ++salvage.voters_given;
  }
  salvage.loss = configuration.HasMajority(is_given) ? Loss::kNone : Loss::kLastWrites;
  for (const FoundCopy& copy : copies) {
    salvage.term = std::max({salvage.term, copy.term + 1, copy.last_term + 1});
    salvage.index = std::max(salvage.index, copy.last_index + kIndexesBeyond);
  }
  return salvage;
}

// Above every id that a survivor knows of: one of a copy that ended is never given again.
ReplicaId FirstFreeId(const Topology& newest, const Copies& copies) {
  ReplicaId free = newest.next_replica;
  const auto see = [&free](ReplicaId id) { free = std::max(free, ReplicaId{id.value + 1}); };
  for (const FoundCopy& copy : copies) {
    see(copy.replica.id);
    for (const raft::Member& member : copy.configuration.All()) see(member.id);
  }
  return free;
}

Topology WithoutLost(const Topology& newest, const std::set<NodeId>& survivors) {
  Topology next = newest;
  next.epoch.value += kEpochsBeyond;
  next.members.clear();
  std::set<Uuid> uuids;
  for (const Member& member : newest.members) {
    if (survivors.contains(member.id)) {
      uuids.insert(member.card.uuid);
      next.members.push_back({member.id, member.card, MemberState::kActive});
    } else {
      next.removed.push_back({member.id, member.card.uuid, member.card.name, next.epoch});
    }
  }
  KVD_CHECK_OP(==, next.members.size(), survivors.size());
  next.cluster_id = SuccessorOf(newest.cluster_id, uuids);
  for (Job& job : next.jobs) {
    if (!job.HasEnded()) job.state = JobState::kAborted;
  }
  return next;
}

// The copy that is there keeps its id; all others of the wish are yet to be made.
void AllotAnew(std::vector<Replica>& wish, const std::optional<FoundCopy>& best, ReplicaId& next) {
  for (Replica& replica : wish) {
    if (best && best->replica.node == replica.node) {
      replica.id = best->replica.id;
      continue;
    }
    replica.id = next;
    ++next.value;
  }
}

std::vector<Replica>& WishOf(Topology& topology, GroupId group) {
  if (group == kSystemGroup) return topology.system_voters;
  return topology.ring[PartitionOf(group).value];
}

Topology WithVotersLike(Topology topology, const std::optional<FoundCopy>& best) {
  std::set<NodeId> present;
  if (best) present.insert(best->replica.node);
  const auto voters = ChooseVoters(topology.members, present, {});
  return WithVoters(std::move(topology), voters);
}

}  // namespace

size_t Salvage::Count(Loss loss) const {
  return static_cast<size_t>(std::ranges::count(groups, loss, &GroupSalvage::loss));
}

Salvage PlanSalvage(const Topology& newest, const std::set<NodeId>& survivors,
                    const std::vector<FoundCopy>& copies) {
  std::map<GroupId, Copies> by_group;
  for (const FoundCopy& copy : copies) by_group[copy.group].push_back(copy);
  Salvage salvage;
  for (uint32_t group = 0; group <= newest.partitions(); ++group) {
    salvage.groups.push_back(SalvageOf(GroupId{group}, by_group[GroupId{group}]));
  }
  Topology next = WithWishedRing(WithoutLost(newest, survivors));
  next = WithVotersLike(std::move(next), salvage.groups.front().best);
  next.next_replica = std::max(next.next_replica, FirstFreeId(newest, copies));
  for (GroupSalvage& group : salvage.groups) {
    std::vector<Replica>& wish = WishOf(next, group.group);
    AllotAnew(wish, group.best, next.next_replica);
    if (!group.best) group.replica = {.id = wish.front().id, .node = wish.front().node};
  }
  salvage.topology = std::move(next);
  return salvage;
}

Uuid SuccessorOf(const Uuid& lost, const std::set<Uuid>& survivors) {
  std::string bytes = lost.ToBytes();
  for (const Uuid& survivor : survivors) bytes += survivor.ToBytes();
  Random drawn(Hash64(bytes));
  return Uuid::Draw(drawn);
}

}  // namespace kvd::topology
