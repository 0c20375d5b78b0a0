// A group of replicas as far as the reconciler can tell: it has a leader now and then, takes steps
// one at a time, commits them after a while, sends its data to learners, and reports. It keeps the
// rules of Raft that matter here and writes down every step that no reconciler should have asked
// for.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "server/topology/reports.h"
#include "server/topology/topology.h"

namespace kvd::topology::model {

// Virtual milliseconds.
using Millis = uint64_t;

class Group {
 public:
  Group(PartitionId partition, const std::vector<Replica>& founders, uint64_t bytes);

  // Time passes: elections, commits, transfers of `bytes_per_learner`.
  void Advance(Millis now, const std::set<NodeId>& dead, uint64_t bytes_per_learner,
               Random& random);

  // The leader, if there is one, takes the step or refuses it.
  void Take(const Step& step, Millis now, const std::set<NodeId>& dead, Random& random);

  // nullopt: there is no leader.
  [[nodiscard]] std::optional<GroupReport> Report(const std::set<NodeId>& dead,
                                                  Random& random) const;

  // The leader gives up: somebody else will be elected, or itself again.
  void Depose() { leader_.reset(); }

  [[nodiscard]] bool HasLeader() const { return leader_.has_value(); }
  [[nodiscard]] Term term() const { return term_; }

  // Whether a replica on the node counts, now or if the last change is cut off.
  [[nodiscard]] bool CountsOn(NodeId node) const;
  [[nodiscard]] bool IsAsWished(const std::vector<Replica>& wish) const;
  [[nodiscard]] std::string Describe() const;
  [[nodiscard]] uint64_t transfers() const { return transfers_; }  // Begun so far.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

 private:
  [[nodiscard]] bool HasMajority(const raft::Configuration& configuration,
                                 const std::set<NodeId>& dead) const;
  void Elect(Millis now, const std::set<NodeId>& dead, Random& random);
  void Commit(Millis now, Random& random);
  void LeaveJoint(Millis now, Random& random);
  void Append(raft::Configuration configuration, Millis now, Random& random);
  void CheckStep(const Step& step);
  void Forget(const raft::Configuration& before);
  void Violate(const std::string& what);

  PartitionId partition_;
  uint64_t bytes_;
  Term term_ = 1;
  std::optional<raft::Member> leader_;
  Millis elect_at_ = 0;

  raft::Configuration configuration_;  // In force.
  Index index_ = 1;
  std::optional<Millis> commits_at_;  // Unset: it is committed.
  raft::Configuration committed_;
  Index committed_index_ = 1;
  Index last_ = 1;

  std::map<ReplicaId, uint64_t> left_;  // Bytes that a learner still lacks.
  std::set<ReplicaId> gone_;            // Never to be named again.
  uint64_t transfers_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace kvd::topology::model
