// Who counts in a group: its voters, the voters it is leaving behind while a change is under way
// (joint consensus, Ongaro's dissertation 4.3), and learners, who receive everything and count for
// nothing.
//
// Pure values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/status.h"
#include "common/types.h"

namespace kvd::raft {

// A replica and the node it is on.
struct Member {
  ReplicaId id;
  NodeId node;

  friend auto operator<=>(const Member&, const Member&) = default;
};

struct Configuration {
  std::vector<Member> voters;    // In order of id, here and below.
  std::vector<Member> outgoing;  // The voters before the change; not empty: the group is joint.
  std::vector<Member> learners;  // Disjoint from both.

  [[nodiscard]] bool IsJoint() const { return !outgoing.empty(); }
  [[nodiscard]] bool IsVoter(ReplicaId id) const;  // Of either set.
  [[nodiscard]] bool Contains(ReplicaId id) const;

  // nullptr: no such member.
  [[nodiscard]] const Member* Find(ReplicaId id) const;

  // Everyone once, in order of id.
  [[nodiscard]] std::vector<Member> All() const;

  // Whether those for whom `yes` holds are a majority of the voters, and of the outgoing ones while
  // joint. An empty set of voters has no majority.
  [[nodiscard]] bool HasMajority(const std::function<bool(ReplicaId)>& yes) const;

  // The highest index that a majority (both, while joint) has reached.
  using Reached = absl::FunctionRef<Index(const Member&)>;
  [[nodiscard]] Index MajorityIndex(Reached reached) const;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// Whether it is one: there are voters, each list is in order of id and names nobody twice, a
// learner is no voter, and nobody is on two nodes.
[[nodiscard]] bool IsWellFormed(const Configuration& configuration);

// The payload of a configuration entry, and of storage::AppliedRecord::configuration. DATA_LOSS if
// the bytes are no configuration, FAILED_PRECONDITION if they are of a newer format.
[[nodiscard]] std::string EncodeConfiguration(const Configuration& configuration);
[[nodiscard]] StatusOr<Configuration> DecodeConfiguration(std::string_view bytes);

}  // namespace kvd::raft
