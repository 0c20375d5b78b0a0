#include "server/daemon/recover_report.h"

#include <fmt/format.h>

namespace kvd::daemon {
namespace {

using topology::GroupSalvage;
using Loss = GroupSalvage::Loss;

std::string NameOf(const topology::Topology& topology, NodeId id) {
  const topology::Member* member = topology.Find(id);
  return member != nullptr ? member->card.name : fmt::format("node {}", id.value);
}

std::string Nodes(const topology::Topology& newest, const std::map<NodeId, std::string>& paths) {
  std::string out;
  for (const topology::Member& member : newest.members) {
    const auto given = paths.find(member.id);
    out += given != paths.end()
               ? fmt::format("  given  {:12} {}\n", member.card.name, given->second)
               : fmt::format("  lost   {:12} was at {}\n", member.card.name, member.card.address);
  }
  return out;
}

std::string GroupName(GroupId group) {
  return group == kSystemGroup ? "topology" : fmt::to_string(PartitionOf(group).value);
}

std::string AtRisk(const topology::Salvage& salvage, const topology::Topology& newest) {
  std::string out;
  for (const GroupSalvage& group : salvage.groups) {
    if (group.loss != Loss::kLastWrites) continue;
    const auto& configuration = group.best->configuration;
    out += fmt::format("  {:9}  {:12} {:>9}  {:>13}  {} of {}\n", GroupName(group.group),
                       NameOf(newest, group.replica.node), group.best->last_term,
                       group.best->last_index, group.voters_given,
                       configuration.voters.size() + configuration.outgoing.size());
  }
  if (out.empty()) return out;
  return "\n  partition  best copy    last term     last index  voters given\n" + out;
}

// The topology itself is on every disk.
std::string Lost(const topology::Salvage& salvage) {
  std::string out;
  for (const GroupSalvage& group : salvage.groups) {
    if (group.loss != Loss::kEverything || group.group == kSystemGroup) continue;
    out += (out.empty() ? "" : ", ") + GroupName(group.group);
  }
  return out.empty() ? out : fmt::format("\n  no copy is given of partitions {}\n", out);
}

}  // namespace

std::string DescribeSalvage(const topology::Salvage& salvage, const topology::Topology& newest,
                            const std::map<NodeId, std::string>& paths) {
  std::string out =
      fmt::format("cluster {} ({}), epoch {}, {} partitions\n\n", newest.cluster_name,
                  newest.cluster_id.ToString(), newest.epoch.value, newest.partitions());
  out += Nodes(newest, paths) + AtRisk(salvage, newest) + Lost(salvage);
  out += fmt::format(
      "\nOf {} groups (the topology, and each partition):\n"
      "  {:5} lose nothing: a majority of their voters is given\n"
      "  {:5} may lose their last writes, acknowledged ones too: they go on from the best copy "
      "given\n"
      "  {:5} begin anew, no copy is given: a partition is lost with all its keys, the topology is "
      "that of epoch {}\n",
      salvage.groups.size(), salvage.Count(Loss::kNone), salvage.Count(Loss::kLastWrites),
      salvage.Count(Loss::kEverything), newest.epoch.value);
  out += fmt::format(
      "\nThe nodes given go on as cluster {} ({}), epoch {}.\n"
      "The lost ones are removed from it for good: one that comes back is refused.\n",
      salvage.topology.cluster_name, salvage.topology.cluster_id.ToString(),
      salvage.topology.epoch.value);
  return out;
}

}  // namespace kvd::daemon
