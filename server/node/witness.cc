#include "server/node/witness.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace kvd::node {
namespace {

// Leaders ask at least three times as often.
constexpr Duration kGoodFor = std::chrono::seconds(20);

}  // namespace

void Witnesses::Take(NodeId from, Witness witness, Instant now) {
  told_.insert_or_assign(from, Told{std::move(witness), now});
}

topology::Silences Witnesses::Agreed(const topology::Topology& topology,
                                     const std::vector<NodeId>& voters, Instant now) const {
  topology::Silences agreed;
  for (const topology::Member& member : topology.members) {
    std::vector<Duration> silences(voters.size(), Duration::zero());
    for (size_t i = 0; i < voters.size(); ++i) {
      const auto told = told_.find(voters[i]);
      if (told == told_.end() || now - told->second.at > kGoodFor) continue;
      const auto silent = told->second.witness.silent.find(member.id);
      if (silent == told->second.witness.silent.end()) continue;
      silences[i] = silent->second + (now - told->second.at);
    }
    std::ranges::sort(silences, std::greater{});
    // The shortest silence within the majority that has not heard it for longest.
    const Duration shared = silences[voters.size() / 2];
    if (shared > Duration::zero()) agreed.emplace(member.id, shared);
  }
  return agreed;
}

std::map<NodeId, topology::Disk> Witnesses::disks() const {
  std::map<NodeId, topology::Disk> disks;
  for (const auto& [node, told] : told_) disks.emplace(node, told.witness.disk);
  return disks;
}

}  // namespace kvd::node
