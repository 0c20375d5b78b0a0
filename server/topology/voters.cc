#include "server/topology/voters.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace kvd::topology {
namespace {

// A member without a zone is a zone of its own, as in the ring.
std::string ZoneOf(const Member& member) {
  return member.card.zone.empty() ? "\n" + std::to_string(member.id.value) : member.card.zone;
}

}  // namespace

size_t VotersFor(size_t nodes) {
  if (nodes <= 3) return nodes;
  return nodes < 7 ? 3 : 5;
}

std::vector<NodeId> ChooseVoters(const std::vector<Member>& members,
                                 const std::set<NodeId>& present, const std::set<NodeId>& down) {
  std::vector<const Member*> candidates;
  for (const Member& member : members) {
    if (member.state == MemberState::kActive) candidates.push_back(&member);
  }
  std::map<std::string, int> chosen_in;
  const auto rank = [&](const Member* member) {
    const bool is_down = down.contains(member->id);
    const bool is_new = !present.contains(member->id);
    // One who is down is never voted in for the sake of its zone.
    return std::tuple(is_down, is_down && is_new, chosen_in[ZoneOf(*member)], is_new, member->id);
  };
  std::vector<NodeId> voters;
  const size_t wanted = VotersFor(candidates.size());
  while (voters.size() < wanted) {
    const auto best = std::ranges::min_element(candidates, {}, rank);
    voters.push_back((*best)->id);
    ++chosen_in[ZoneOf(**best)];
    candidates.erase(best);
  }
  std::ranges::sort(voters);
  return voters;
}

std::optional<std::vector<NodeId>> VotersDue(const Topology& topology,
                                             const std::set<NodeId>& down) {
  std::set<NodeId> present;
  for (const Replica& voter : topology.system_voters) present.insert(voter.node);
  const std::vector<NodeId> voters = ChooseVoters(topology.members, present, down);
  if (voters.empty() || std::ranges::equal(voters, present)) return std::nullopt;
  return voters;
}

}  // namespace kvd::topology
