// What the leaders of groups tell the leader of the system group, and what it tells them to do: the
// words of the reconciler. A group's Raft configuration is the truth, a report is how it was seen,
// and a step is a wish that its leader takes or refuses (raft::Replica::ProposeChange): it is a
// compare-and-set on the index of the configuration.
//
// Pure values. Threading: values; Reports is confined to its owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/types.h"
#include "server/raft/configuration.h"

namespace kvd::topology {

// The number under which the system group reports and takes steps: GroupOf() makes group 0 of it.
inline constexpr PartitionId kSystemPartition{UINT32_MAX};
static_assert(GroupOf(kSystemPartition) == kSystemGroup);

// As the leader sees a member of its group; of itself it has nothing to say.
struct MemberProgress {
  ReplicaId id;
  uint64_t behind = 0;    // Entries.
  bool active = false;    // Heard within the last election timeout.
  bool snapshot = false;  // Waits for a snapshot, or receives one.

  friend bool operator==(const MemberProgress&, const MemberProgress&) = default;
};

struct GroupReport {
  PartitionId partition;
  raft::Member leader;
  Term term = 0;
  Index configuration_index = 0;
  bool settled = false;  // The configuration in force is committed and not joint.
  raft::Configuration configuration;
  std::vector<MemberProgress> members;
  uint64_t bytes = 0;
  uint64_t keys = 0;

  // nullptr: not reported.
  [[nodiscard]] const MemberProgress* Find(ReplicaId id) const;

  // Whether the leader hears this member; it hears itself.
  [[nodiscard]] bool IsActive(ReplicaId id) const;

  friend bool operator==(const GroupReport&, const GroupReport&) = default;
};

// What a group's leader is to propose, if its configuration is still that of `if_index` and its
// term that of `term`. Wished voters come first: those who vote already, then others, in ring
// order.
struct Step {
  PartitionId partition;
  Term term = 0;
  Index if_index = 0;
  std::vector<raft::Member> voters;
  std::vector<raft::Member> learners;

  friend bool operator==(const Step&, const Step&) = default;
};

// Whom the leader `self` of a group of these `voters` has to give its place to instead of proposing
// `step`: it is not among the step's voters, and somebody who votes already, is active and stays
// is. The step is then repeated to the successor, once that one reports. nullopt: propose it. (Of a
// leader that nobody can succeed yet, Raft hands the place on when it has left the group.)
[[nodiscard]] std::optional<raft::Member> HeirBefore(const Step& step, const GroupReport& present);

// The newest report of each group that one leader of the system group was given in its term. A new
// leader starts with none: what was reported to its predecessor may have been overtaken by steps
// that it does not know of.
class Reports {
 public:
  // `term` is that of the system group's leader.
  explicit Reports(Term term) : term_(term) {}

  // Takes a report that was made for the leader of `asked_in`. False: not for this term, malformed,
  // or older than what is known; a report of the same configuration replaces what is known of the
  // progress.
  bool Take(Term asked_in, GroupReport report);

  // nullptr: none yet.
  [[nodiscard]] const GroupReport* Of(PartitionId partition) const;

  [[nodiscard]] size_t size() const { return reports_.size(); }

 private:
  Term term_;
  std::map<PartitionId, GroupReport> reports_;
};

}  // namespace kvd::topology
