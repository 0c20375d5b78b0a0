#include "server/ring/zone_rule.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::ring {
namespace {

// What all zones together take if none takes more than `limit`.
uint32_t Capacity(const Roster& roster, uint32_t limit) {
  uint32_t capacity = 0;
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    capacity += std::min(static_cast<uint32_t>(roster.MembersOf(zone).size()), limit);
  }
  return capacity;
}

}  // namespace

ZoneRule::ZoneRule(const Roster& roster, uint32_t copies) : roster_(roster), copies_(copies) {
  KVD_CHECK_OP(>=, copies, 1U);
  KVD_CHECK_OP(<=, copies, roster.size());
  uint32_t limit = 1;
  while (Capacity(roster, limit) < copies) ++limit;
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    const auto size = static_cast<uint32_t>(roster.MembersOf(zone).size());
    low_.push_back(std::min(size, limit - 1));
    high_.push_back(std::min(size, limit));
  }
  extras_ = copies - Capacity(roster, limit - 1);
}

uint32_t ZoneRule::CopiesIn(ZoneIndex zone, std::span<const MemberIndex> placed) const {
  uint32_t copies = 0;
  for (const MemberIndex member : placed) copies += roster_.ZoneOf(member) == zone ? 1 : 0;
  return copies;
}

uint32_t ZoneRule::ExtrasUsed(std::span<const MemberIndex> placed) const {
  uint32_t used = 0;
  for (size_t i = 0; i < placed.size(); ++i) {
    const ZoneIndex zone = roster_.ZoneOf(placed[i]);
    used += CopiesIn(zone, placed.first(i)) >= low_[zone] ? 1 : 0;
  }
  return used;
}

uint32_t ZoneRule::Keepable(std::span<const MemberIndex> placed) const {
  uint32_t low = 0;
  uint32_t extra = 0;
  for (size_t i = 0; i < placed.size(); ++i) {
    const ZoneIndex zone = roster_.ZoneOf(placed[i]);
    const uint32_t before = CopiesIn(zone, placed.first(i));
    if (before < low_[zone]) {
      ++low;
    } else if (before < high_[zone]) {
      ++extra;
    }
  }
  return low + std::min(extra, extras_);
}

}  // namespace kvd::ring
