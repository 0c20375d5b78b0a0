// Counts the answers to one campaign.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <map>

#include "common/types.h"
#include "server/raft/configuration.h"

namespace kvd::raft {

enum class Outcome : uint8_t { kOpen, kWon, kLost };

class Ballot {
 public:
  // Forgets every answer: a new campaign begins.
  void Clear() { votes_.clear(); }

  // The first answer of a replica stands, repeats change nothing.
  void Count(ReplicaId from, bool granted) { votes_.try_emplace(from, granted); }

  // Only voters of `configuration` count. Lost once the missing answers cannot win it any more;
  // silence is not an answer.
  [[nodiscard]] Outcome OutcomeIn(const Configuration& configuration) const;

 private:
  std::map<ReplicaId, bool> votes_;
};

}  // namespace kvd::raft
