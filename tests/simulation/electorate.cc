#include "tests/simulation/electorate.h"

#include <fmt/format.h>

namespace kvd::simulation {

void Electorate::Fail(GroupId group, const std::string& what) {
  world_.Fail(FailureKind::kWrong, fmt::format("partition {}: {}", PartitionOf(group).value, what));
}

void Electorate::Committed(GroupId group, Index index, const raft::Configuration& configuration) {
  Known& known = committed_[group];
  if (index < known.index) return;
  known = {index, configuration};
  CheckMembers(group, known);
}

void Electorate::Removed(NodeId node) {
  removed_.insert(node);
  for (const auto& [group, known] : committed_) CheckMembers(group, known);
}

void Electorate::CheckMembers(GroupId group, const Known& known) {
  for (const auto* members : {&known.configuration.voters, &known.configuration.outgoing}) {
    for (const raft::Member& member : *members) {
      if (!IsRemoved(member.node)) continue;
      Fail(group, fmt::format("S14: node {} is removed, and replica {} on it counts at entry {}",
                              member.node.value, member.id.value, known.index));
    }
  }
}

void Electorate::Voted(GroupId group, raft::Member voter, Term term, ReplicaId candidate) {
  const Vote vote{.candidate = candidate, .counts = !IsRemoved(voter.node)};
  const auto& known = votes_.try_emplace({group, voter.id, term}, vote).first->second;
  if (known.candidate == candidate) return;
  Fail(group, fmt::format("S2: replica {} votes for {} and {} in term {}", voter.id.value,
                          known.candidate.value, candidate.value, term));
}

// A vote for oneself need not be said to anyone.
bool Electorate::IsElected(GroupId group, Term term, ReplicaId leader,
                           const raft::Configuration& configuration) const {
  return HasMajorities(configuration, [&](const raft::Member& voter) {
    if (voter.id == leader) return !IsRemoved(voter.node);
    const auto vote = votes_.find({group, voter.id, term});
    return vote != votes_.end() && vote->second.candidate == leader && vote->second.counts;
  });
}

}  // namespace kvd::simulation
