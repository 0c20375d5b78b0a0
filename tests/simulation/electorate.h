// Who counts in each group, seen from outside: the configurations that were committed, who voted
// for whom, and which nodes were removed from the cluster. A breach ends the run.
//
//   S2   one vote per term
//   S7   who leads was voted for by those who count
//   S14  nobody is removed who counts, and who was removed never does again
//
// Threading: one world, one thread.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/raft/configuration.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

// A majority of the voters, and of the outgoing ones while joint. By rules of its own: those of the
// room may be broken.
template <typename Yes>
bool HasMajorities(const raft::Configuration& configuration, const Yes& yes) {
  const auto has_majority = [&](const std::vector<raft::Member>& members) {
    return static_cast<size_t>(std::ranges::count_if(members, yes)) * 2 > members.size();
  };
  if (!has_majority(configuration.voters)) return false;
  return !configuration.IsJoint() || has_majority(configuration.outgoing);
}

class Electorate {
 public:
  explicit Electorate(World& world) : world_(world) {}

  // Of the entry `index`; what is in force at an entry behind it may be given for that one.
  void Committed(GroupId group, Index index, const raft::Configuration& configuration);

  // It was decided that the node is a member no more.
  void Removed(NodeId node);
  [[nodiscard]] bool IsRemoved(NodeId node) const { return removed_.contains(node); }

  // `voter`, a replica, says so. Repetition is no second vote.
  void Voted(GroupId group, raft::Member voter, Term term, ReplicaId candidate);

  // Whether `leader` has the votes for this term of those who count, by this configuration.
  [[nodiscard]] bool IsElected(GroupId group, Term term, ReplicaId leader,
                               const raft::Configuration& configuration) const;

 private:
  struct Known {
    Index index = 0;
    raft::Configuration configuration;
  };
  struct Vote {
    ReplicaId candidate;
    bool counts = true;
  };

  void CheckMembers(GroupId group, const Known& known);
  void Fail(GroupId group, const std::string& what);

  World& world_;
  std::map<GroupId, Known> committed_;  // The last of each.
  std::map<std::tuple<GroupId, ReplicaId, Term>, Vote> votes_;
  std::set<NodeId> removed_;
};

}  // namespace kvd::simulation
