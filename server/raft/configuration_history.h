// The configurations of a log that are not yet history: the one in force, and those it falls back
// to if entries are cut off. A configuration is in force from the moment it is appended.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <map>

#include "common/types.h"
#include "server/raft/configuration.h"

namespace kvd::raft {

class ConfigurationHistory {
 public:
  // `configuration` is in force behind entry `index`.
  ConfigurationHistory(Index index, Configuration configuration);

  // REQUIRES: `index` is above the index in force.
  void Append(Index index, Configuration configuration);

  // The entries from `from` on were cut off: what they brought is in force no more.
  // REQUIRES: not all configurations go.
  void CutFrom(Index from);

  // Entry `committed` is never cut off: what was in force before the last configuration up to it is
  // forgotten.
  void ForgetBelow(Index committed);

  // Whether the configuration in force names it as a voter, or one that it may fall back to.
  [[nodiscard]] bool MayBeVoter(ReplicaId id) const;

  [[nodiscard]] const Configuration& current() const { return by_index_.rbegin()->second; }
  [[nodiscard]] Index index() const { return by_index_.rbegin()->first; }

 private:
  std::map<Index, Configuration> by_index_;  // Never empty.
};

}  // namespace kvd::raft
