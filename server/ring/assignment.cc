#include "server/ring/assignment.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::ring {
namespace {

// Forgets one element without keeping the order.
void Erase(std::vector<uint32_t>& values, uint32_t value) {
  const auto it = std::find(values.begin(), values.end(), value);
  KVD_CHECK(it != values.end(), "what is removed was there");
  *it = values.back();
  values.pop_back();
}

}  // namespace

Assignment::Assignment(const Roster& roster, const ZoneRule& rule,
                       std::span<const std::vector<MemberIndex>> kept)
    : roster_(roster),
      rule_(rule),
      holders_(kept.size()),
      held_(roster.size()),
      shared_(size_t{roster.size()} * roster.size()) {
  for (uint32_t partition = 0; partition < partitions(); ++partition) {
    for (const MemberIndex member : kept[partition]) Add(partition, member);
  }
}

void Assignment::Add(uint32_t partition, MemberIndex member) {
  KVD_CHECK(Admits(partition, member), "a copy must keep the rule of zones");
  for (const MemberIndex other : holders_[partition]) {
    ++Shared(member, other);
    ++Shared(other, member);
  }
  holders_[partition].push_back(member);
  held_[member].push_back(partition);
}

void Assignment::Remove(uint32_t partition, MemberIndex member) {
  Erase(holders_[partition], member);
  Erase(held_[member], partition);
  for (const MemberIndex other : holders_[partition]) {
    --Shared(member, other);
    --Shared(other, member);
  }
}

void Assignment::Exchange(uint32_t partition, MemberIndex from, MemberIndex to) {
  Remove(partition, from);
  Add(partition, to);
}

bool Assignment::Holds(uint32_t partition, MemberIndex member) const {
  const auto& holders = holders_[partition];
  return std::find(holders.begin(), holders.end(), member) != holders.end();
}

bool Assignment::IsComplete(uint32_t partition) const {
  return holders_[partition].size() == rule_.copies();
}

bool Assignment::Admits(uint32_t partition, MemberIndex member) const {
  return !Holds(partition, member) && AdmitsZone(partition, roster_.ZoneOf(member));
}

bool Assignment::AdmitsZone(uint32_t partition, ZoneIndex zone) const {
  const auto& holders = holders_[partition];
  const uint32_t copies = rule_.CopiesIn(zone, holders);
  if (copies < rule_.Low(zone)) return true;
  return copies < rule_.High(zone) && rule_.ExtrasUsed(holders) < rule_.extras();
}

bool Assignment::Exchangeable(uint32_t partition, MemberIndex from, MemberIndex to) const {
  if (Holds(partition, to)) return false;
  const ZoneIndex left = roster_.ZoneOf(from);
  const ZoneIndex entered = roster_.ZoneOf(to);
  return left == entered || (CanLeaveZone(partition, left) && CanEnterZone(partition, entered));
}

bool Assignment::CanLeaveZone(uint32_t partition, ZoneIndex zone) const {
  return rule_.CopiesIn(zone, holders_[partition]) > rule_.Low(zone);
}

bool Assignment::CanEnterZone(uint32_t partition, ZoneIndex zone) const {
  return rule_.CopiesIn(zone, holders_[partition]) < rule_.High(zone);
}

uint64_t Assignment::Acquaintance(uint32_t partition, MemberIndex member) const {
  uint64_t sum = 0;
  for (const MemberIndex holder : holders_[partition]) {
    sum += shared_[size_t{holder} * roster_.size() + member];  // Along a row: kind to the cache.
  }
  return sum;
}

}  // namespace kvd::ring
