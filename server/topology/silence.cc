#include "server/topology/silence.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"
#include "server/topology/decision.h"
#include "server/topology/plan.h"

namespace kvd::topology {
namespace {

using Why = RemovalHalted::Why;

// The member that should go: down for longest, and in no job.
const Member* FindLost(const Topology& topology, const Silences& silences, Duration remove_after) {
  const Member* lost = nullptr;
  for (const auto& [node, silence] : silences) {
    if (silence < std::max(remove_after, kDownAfter)) continue;
    const Member* member = topology.Find(node);
    if (member == nullptr || !member->TakesCopies() || topology.FindJobOf(node) != nullptr) {
      continue;
    }
    if (lost == nullptr || silence > silences.at(lost->id)) lost = member;
  }
  return lost;
}

// Whoever is leaving has been decided about, and holds nothing up.
std::optional<RemovalHalted> CheckOthers(const Topology& topology, const std::set<NodeId>& down,
                                         const Member& lost) {
  bool zone_is_down = !lost.card.zone.empty();
  for (const Member& member : topology.members) {
    if (!member.TakesCopies() || member.id == lost.id) continue;
    const bool is_down = down.contains(member.id);
    if (is_down) return RemovalHalted{Why::kOthersDown, lost.id, member.id};
    if (member.card.zone == lost.card.zone) zone_is_down = false;
  }
  if (zone_is_down) return RemovalHalted{Why::kZoneDown, lost.id};
  return std::nullopt;
}

std::optional<RemovalHalted> CheckDisks(const Plan& plan, const std::map<NodeId, Disk>& disks,
                                        uint64_t fullest_percent, NodeId lost) {
  for (const auto& [node, bytes] : plan.bytes_to_take) {
    const auto disk = disks.find(node);
    if (disk == disks.end()) return RemovalHalted{Why::kDiskUnknown, lost, node};
    const uint64_t allowed = disk->second.capacity_bytes / 100 * fullest_percent;
    if (disk->second.used_bytes + bytes > allowed) {
      return RemovalHalted{Why::kDiskFull, lost, node};
    }
  }
  return std::nullopt;
}

}  // namespace

std::set<NodeId> DownNodes(const Silences& silences) {
  std::set<NodeId> down;
  for (const auto& [node, silence] : silences) {
    if (silence >= kDownAfter) down.insert(node);
  }
  return down;
}

RemovalVerdict JudgeSilence(const Topology& topology, const Silences& silences,
                            const std::map<NodeId, Disk>& disks,
                            const std::map<PartitionId, uint64_t>& sizes,
                            const RemovalRules& rules) {
  if (rules.remove_after == Duration::zero()) return NoRemoval{};
  const Member* lost = FindLost(topology, silences, rules.remove_after);
  if (lost == nullptr) return NoRemoval{};
  if (auto halted = CheckOthers(topology, DownNodes(silences), *lost)) return *halted;
  const StartRemove command{
      .node = lost->id, .accept_fewer_copies = false, .asked_by = "remove_after"};
  const Decision decision = Decide(topology, 0, command);
  const auto* next = std::get_if<Topology>(&decision);
  if (next == nullptr) return RemovalHalted{Why::kNoTarget, lost->id};
  const Plan plan = MakePlan(topology, *next, sizes);
  if (auto halted = CheckDisks(plan, disks, rules.fullest_percent, lost->id)) return *halted;
  return command;
}

std::string Describe(const RemovalHalted& halted, const Topology& topology) {
  const auto name = [&](NodeId node) {
    const Member* member = topology.Find(node);
    return member != nullptr ? member->card.name : fmt::format("node {}", node.value);
  };
  const std::string node = name(halted.node);
  const std::string other = halted.other ? name(*halted.other) : "";
  switch (halted.why) {
    case Why::kOthersDown:
      return fmt::format("{} is not removed by itself: {} is down too", node, other);
    case Why::kZoneDown:
      return fmt::format("{} is not removed by itself: its whole zone is down", node);
    case Why::kNoTarget:
      return fmt::format("replicas of {} cannot be rebuilt: no other node can take them", node);
    case Why::kDiskFull:
      return fmt::format("replicas of {} cannot be rebuilt: the disk of {} would be too full", node,
                         other);
    case Why::kDiskUnknown:
      return fmt::format("replicas of {} cannot be rebuilt yet: the disk of {} is not known", node,
                         other);
  }
  KVD_CHECK(false, "every reason is described");
}

ReturnVerdict JudgeReturn(const Topology& topology, const NodeCard& card,
                          const Silences& silences) {
  const Member* namesake = topology.FindName(card.name);
  const Member* same = topology.Find(card.uuid);
  if (same != nullptr && same->card.name == card.name) {
    if (same->card == card) return Known{same->id};
    return NoteCard{same->id, card};
  }
  if (namesake == nullptr) {
    const Decision decision = Decide(topology, 0, AddMembers{{card}, card.name});
    if (const auto* no = std::get_if<Rejection>(&decision)) return Explain(*no, topology);
    return Stranger{};
  }
  const auto silence = silences.find(namesake->id);
  if (silence == silences.end() || silence->second < kDownAfter) {
    return Explain({.why = Rejection::Why::kNameInUse, .node = namesake->id}, topology);
  }
  ReplaceWiped command{namesake->id, card};
  const Decision decision = Decide(topology, 0, command);
  if (const auto* no = std::get_if<Rejection>(&decision)) return Explain(*no, topology);
  return command;
}

}  // namespace kvd::topology
