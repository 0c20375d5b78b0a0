// A ring in the making: which member holds which partition, unordered and possibly incomplete, but
// never in breach of the rule of zones: whatever is assigned can be completed.
//
// Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/ring/zone_rule.h"

namespace kvd::ring {

class Assignment {
 public:
  // Starts with `kept`, one list per partition.
  // REQUIRES: each list keeps the rule. `roster` and `rule` outlive the assignment.
  Assignment(const Roster& roster, const ZoneRule& rule,
             std::span<const std::vector<MemberIndex>> kept);

  // REQUIRES: Admits(partition, member).
  void Add(uint32_t partition, MemberIndex member);

  // REQUIRES: Holds(partition, from) and Exchangeable(partition, from, to).
  void Exchange(uint32_t partition, MemberIndex from, MemberIndex to);

  [[nodiscard]] uint32_t partitions() const { return static_cast<uint32_t>(holders_.size()); }
  [[nodiscard]] std::span<const MemberIndex> HoldersOf(uint32_t partition) const {
    return holders_[partition];
  }
  [[nodiscard]] std::span<const uint32_t> HeldBy(MemberIndex member) const { return held_[member]; }
  [[nodiscard]] uint32_t CountOf(MemberIndex member) const {
    return static_cast<uint32_t>(held_[member].size());
  }
  [[nodiscard]] bool Holds(uint32_t partition, MemberIndex member) const;
  [[nodiscard]] bool IsComplete(uint32_t partition) const;

  // True if `member` may get a copy in addition to those there are.
  [[nodiscard]] bool Admits(uint32_t partition, MemberIndex member) const;

  // True if a copy in `zone` may be added without another one leaving.
  [[nodiscard]] bool AdmitsZone(uint32_t partition, ZoneIndex zone) const;

  // True if `to` may take over the copy that `from` holds.
  [[nodiscard]] bool Exchangeable(uint32_t partition, MemberIndex from, MemberIndex to) const;

  // True if one of the zone's copies may be exchanged for a copy in another zone, and the reverse.
  [[nodiscard]] bool CanLeaveZone(uint32_t partition, ZoneIndex zone) const;
  [[nodiscard]] bool CanEnterZone(uint32_t partition, ZoneIndex zone) const;

  // How often `member` already shares a partition with the holders of this one: the fewer, the more
  // nodes will share the load of one that dies.
  [[nodiscard]] uint64_t Acquaintance(uint32_t partition, MemberIndex member) const;

 private:
  void Remove(uint32_t partition, MemberIndex member);
  uint32_t& Shared(MemberIndex a, MemberIndex b) { return shared_[size_t{a} * roster_.size() + b]; }

  const Roster& roster_;
  const ZoneRule& rule_;
  std::vector<std::vector<MemberIndex>> holders_;  // By partition.
  std::vector<std::vector<uint32_t>> held_;        // By member.
  std::vector<uint32_t> shared_;                   // By pair of members: partitions held by both.
};

}  // namespace kvd::ring
