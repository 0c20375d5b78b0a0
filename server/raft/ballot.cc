#include "server/raft/ballot.h"

namespace kvd::raft {

Outcome Ballot::OutcomeIn(const Configuration& configuration) const {
  const auto granted = [&](ReplicaId id) {
    const auto it = votes_.find(id);
    return it != votes_.end() && it->second;
  };
  const auto within_reach = [&](ReplicaId id) { return granted(id) || !votes_.contains(id); };

  if (configuration.HasMajority(granted)) return Outcome::kWon;
  if (!configuration.HasMajority(within_reach)) return Outcome::kLost;
  return Outcome::kOpen;
}

}  // namespace kvd::raft
