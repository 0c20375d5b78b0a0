#include "server/topology/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/topology/rules.h"

namespace kvd::topology {
namespace {

bool IsOn(const std::vector<raft::Member>& members, NodeId node) {
  return std::ranges::find(members, node, &raft::Member::node) != members.end();
}

bool IsWishedIn(const std::vector<Replica>& wish, NodeId node) {
  return std::ranges::find(wish, node, &Replica::node) != wish.end();
}

// Whether the replica on `node` counts in what the group has committed.
bool Votes(const GroupReport* report, NodeId node) {
  return report != nullptr && report->settled && IsOn(report->configuration.voters, node);
}

// Whether the group's leader knows that the node is out for good.
bool IsGone(const GroupReport* report, NodeId node) {
  return report != nullptr && report->settled && !IsOn(report->configuration.All(), node);
}

// Calls `holds(wish, report)` for every group, the system group included; true if all did.
bool ForAllGroups(const Topology& topology, const Reports& reports, const auto& holds) {
  if (!holds(topology.system_voters, reports.Of(kSystemPartition))) return false;
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    if (!holds(topology.ring[p], reports.Of(PartitionId{p}))) return false;
  }
  return true;
}

bool HasArrived(const Topology& topology, const Reports& reports, NodeId node) {
  return ForAllGroups(topology, reports, [node](const auto& wish, const GroupReport* report) {
    return !IsWishedIn(wish, node) || Votes(report, node);
  });
}

bool HasGone(const Topology& topology, const Reports& reports, NodeId node) {
  if (IsBroken(Rule::kRemoveWhoCounts)) return true;
  return ForAllGroups(topology, reports, [node](const auto& wish, const GroupReport* report) {
    return !IsWishedIn(wish, node) && IsGone(report, node);
  });
}

bool IsAsWished(const std::vector<Replica>& wish, const GroupReport* report) {
  if (report == nullptr || !report->settled) return false;
  const auto& configuration = report->configuration;
  return configuration.learners.empty() && configuration.voters.size() == wish.size() &&
         std::ranges::all_of(wish, [&](const Replica& one) { return Votes(report, one.node); });
}

bool IsDone(const Job& job, const Topology& topology, const Reports& reports) {
  if (job.kind == JobKind::kRebalance) {
    return ForAllGroups(topology, reports, IsAsWished);
  }
  return std::ranges::all_of(job.nodes, [&](NodeId node) {
    const Member* member = topology.Find(node);
    if (member == nullptr) return true;
    return member->state == MemberState::kActive && HasArrived(topology, reports, node);
  });
}

// Whether a node of the job is to come to the group or to go from it.
bool IsConcerned(const Job& job, const std::vector<Replica>& wish, const GroupReport* report) {
  if (job.kind == JobKind::kRebalance) return !IsAsWished(wish, report);
  return std::ranges::any_of(job.nodes, [&](NodeId node) {
    return IsWishedIn(wish, node) ? !Votes(report, node) : !IsGone(report, node);
  });
}

// Whether time alone will not do.
bool HoldsUp(Obstacle::Why why) {
  using Why = Obstacle::Why;
  return why == Why::kNoReport || why == Why::kNodeSilent || why == Why::kNoMajority;
}

}  // namespace

std::vector<Command> CommandsDue(const Topology& topology, const Reports& reports) {
  std::vector<Command> due;
  for (const Member& member : topology.members) {
    if (member.state == MemberState::kJoining && HasArrived(topology, reports, member.id)) {
      due.emplace_back(FinishJoin{member.id});
    }
    if (member.state == MemberState::kLeaving && HasGone(topology, reports, member.id)) {
      due.emplace_back(FinishRemoval{member.id});
    }
  }
  for (const Job& job : topology.jobs) {
    if (!job.HasEnded() && IsDone(job, topology, reports)) due.emplace_back(FinishJob{job.id});
  }
  return due;
}

JobProgress ProgressOf(const Job& job, const Topology& topology, const Reports& reports,
                       const Reconciliation& pass) {
  JobProgress progress{.job = job.id, .copies = job.copies_to_add, .waiting = std::nullopt};
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    const PartitionId partition{p};
    const std::vector<Replica>& wish = topology.ring[p];
    const GroupReport* report = reports.Of(partition);
    if (!IsConcerned(job, wish, report)) continue;
    for (const Replica& replica : wish) {
      if (Votes(report, replica.node)) continue;
      ++progress.copies_left;
      progress.bytes_left += report != nullptr ? report->bytes : 0;
    }
    const auto obstacle = pass.obstacles.find(partition);
    if (obstacle == pass.obstacles.end()) continue;
    const bool is_worse = !progress.waiting || (HoldsUp(obstacle->second.why) &&
                                                !HoldsUp(progress.waiting->obstacle.why));
    if (is_worse) progress.waiting = JobProgress::Waiting{partition, obstacle->second};
  }
  return progress;
}

std::string Describe(const JobProgress::Waiting& waiting, const Topology& topology) {
  const Obstacle& obstacle = waiting.obstacle;
  if (!HoldsUp(obstacle.why)) return "";
  const uint32_t partition = waiting.partition.value;
  if (obstacle.why == Obstacle::Why::kNoReport) {
    return fmt::format("partition {} has no owner that reports", partition);
  }
  if (obstacle.why == Obstacle::Why::kNoMajority) {
    return fmt::format("partition {} has too few replicas up", partition);
  }
  const Member* member = obstacle.node ? topology.Find(*obstacle.node) : nullptr;
  return fmt::format("{} is silent; partition {} waits for it",
                     member != nullptr ? member->card.name : "a node", partition);
}

}  // namespace kvd::topology
