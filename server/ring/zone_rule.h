// How many copies of one partition a zone may hold: the rule of zones in placement.h, as numbers.
//
// Pure. Threading: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/ring/roster.h"

namespace kvd::ring {

class ZoneRule {
 public:
  // REQUIRES: `copies` is at least 1 and at most the number of members.
  ZoneRule(const Roster& roster, uint32_t copies);

  // The copies each partition has.
  [[nodiscard]] uint32_t copies() const { return copies_; }

  // Every partition has Low() or High() copies in the zone; High() is Low() or one more.
  [[nodiscard]] uint32_t Low(ZoneIndex zone) const { return low_[zone]; }
  [[nodiscard]] uint32_t High(ZoneIndex zone) const { return high_[zone]; }

  // The copies of a partition beyond the Low() of every zone. They go to different zones.
  [[nodiscard]] uint32_t extras() const { return extras_; }

  // The extras that `placed`, the members holding a partition, use up.
  [[nodiscard]] uint32_t ExtrasUsed(std::span<const MemberIndex> placed) const;

  // The copies among `placed` that are in `zone`.
  [[nodiscard]] uint32_t CopiesIn(ZoneIndex zone, std::span<const MemberIndex> placed) const;

  // How many of `placed` could stay.
  [[nodiscard]] uint32_t Keepable(std::span<const MemberIndex> placed) const;

 private:
  const Roster& roster_;
  uint32_t copies_;
  uint32_t extras_ = 0;
  std::vector<uint32_t> low_;
  std::vector<uint32_t> high_;
};

}  // namespace kvd::ring
