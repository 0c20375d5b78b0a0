// The members as the algorithms of this room see them: numbered 0..N-1 in the order of their ids,
// and grouped by zone. The order in which they were given is lost here, and with it any influence
// on the ring.
//
// Pure. Threading: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "server/ring/ring.h"

namespace kvd::ring {

using MemberIndex = uint32_t;
using ZoneIndex = uint32_t;

class Roster {
 public:
  // REQUIRES: there is a member; ids are distinct and none is 0.
  explicit Roster(std::span<const Member> members);

  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(ids_.size()); }
  [[nodiscard]] NodeId IdOf(MemberIndex member) const { return ids_[member]; }
  [[nodiscard]] std::optional<MemberIndex> Find(NodeId id) const;

  [[nodiscard]] uint32_t zones() const { return static_cast<uint32_t>(zones_.size()); }
  [[nodiscard]] ZoneIndex ZoneOf(MemberIndex member) const { return zone_of_[member]; }
  [[nodiscard]] std::span<const MemberIndex> MembersOf(ZoneIndex zone) const {
    return zones_[zone];
  }

  // A number without pattern for the pair, to break ties differently for every partition.
  [[nodiscard]] uint64_t Scatter(uint32_t partition, MemberIndex member) const;

 private:
  std::vector<NodeId> ids_;
  std::vector<ZoneIndex> zone_of_;
  std::vector<std::vector<MemberIndex>> zones_;
};

// The survivors of `previous` among the members, partition by partition and in ring order.
[[nodiscard]] std::vector<std::vector<MemberIndex>> Survivors(const Roster& roster,
                                                              const Ring& previous);

// How many of `lists` name each member.
[[nodiscard]] std::vector<uint32_t> CountHeld(const Roster& roster,
                                              std::span<const std::vector<MemberIndex>> lists);

}  // namespace kvd::ring
