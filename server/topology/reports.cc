#include "server/topology/reports.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace kvd::topology {

const MemberProgress* GroupReport::Find(ReplicaId id) const {
  const auto it = std::ranges::find(members, id, &MemberProgress::id);
  return it != members.end() ? &*it : nullptr;
}

bool GroupReport::IsActive(ReplicaId id) const {
  if (id == leader.id) return true;
  const MemberProgress* progress = Find(id);
  return progress != nullptr && progress->active;
}

std::optional<raft::Member> HeirBefore(const Step& step, const GroupReport& present) {
  if (std::ranges::find(step.voters, present.leader) != step.voters.end()) return std::nullopt;
  const auto can_lead = [&](const raft::Member& voter) {
    return present.configuration.IsVoter(voter.id) && present.IsActive(voter.id);
  };
  const auto heir = std::ranges::find_if(step.voters, can_lead);
  return heir != step.voters.end() ? std::optional(*heir) : std::nullopt;
}

bool Reports::Take(Term asked_in, GroupReport report) {
  if (asked_in != term_ || !raft::IsWellFormed(report.configuration)) return false;
  const PartitionId partition = report.partition;
  const auto [known, is_first] = reports_.try_emplace(partition, report);
  if (is_first) return true;
  const auto age = [](const GroupReport& one) {
    return std::tuple(one.term, one.configuration_index, one.settled);
  };
  if (age(report) < age(known->second)) return false;
  known->second = std::move(report);
  return true;
}

const GroupReport* Reports::Of(PartitionId partition) const {
  const auto it = reports_.find(partition);
  return it != reports_.end() ? &it->second : nullptr;
}

}  // namespace kvd::topology
