// The rule of zones on small sets of members, written as the number of nodes in each zone.

#include "server/ring/zone_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::ring {
namespace {

using ::testing::ElementsAre;

Roster Zones(const std::vector<int>& sizes) {
  std::vector<Member> members;
  for (size_t zone = 0; zone < sizes.size(); ++zone) {
    for (int i = 0; i < sizes[zone]; ++i) {
      members.push_back({.id = NodeId{static_cast<uint32_t>(members.size() + 1)},
                         .zone = "z" + std::to_string(zone)});
    }
  }
  return Roster(members);
}

std::vector<std::pair<uint32_t, uint32_t>> Bounds(const std::vector<int>& sizes, uint32_t copies) {
  const Roster roster = Zones(sizes);
  const ZoneRule rule(roster, copies);
  std::vector<std::pair<uint32_t, uint32_t>> bounds;
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    bounds.emplace_back(rule.Low(zone), rule.High(zone));
  }
  return bounds;
}

TEST(ZoneRuleTest, EnoughZonesHoldOneCopyAtMost) {
  EXPECT_THAT(Bounds({1, 2, 3}, 3), ElementsAre(std::pair(0, 1), std::pair(0, 1), std::pair(0, 1)));
}

TEST(ZoneRuleTest, TwoZonesShareThreeCopiesAsTwoAndOne) {
  EXPECT_THAT(Bounds({3, 3}, 3), ElementsAre(std::pair(1, 2), std::pair(1, 2)));
}

TEST(ZoneRuleTest, SmallZoneTakesWhatItCan) {
  EXPECT_THAT(Bounds({1, 3, 3}, 5), ElementsAre(std::pair(1, 1), std::pair(1, 2), std::pair(1, 2)));
}

TEST(ZoneRuleTest, OneZoneTakesAll) {
  EXPECT_THAT(Bounds({5}, 3), ElementsAre(std::pair(2, 3)));
}

TEST(ZoneRuleTest, NodeWithoutZoneIsAZoneOfItsOwn) {
  const std::vector<Member> members{
      {NodeId{3}, ""}, {NodeId{1}, "a"}, {NodeId{2}, ""}, {NodeId{4}, "a"}};
  const Roster roster(members);
  EXPECT_EQ(roster.zones(), 3U);
  EXPECT_EQ(roster.ZoneOf(0), roster.ZoneOf(3));
  EXPECT_NE(roster.ZoneOf(1), roster.ZoneOf(2));
}

TEST(ZoneRuleTest, KeepableCountsWhatTheRuleLeaves) {
  const Roster roster = Zones({2, 2, 2});  // Members 0 1 | 2 3 | 4 5.
  const ZoneRule rule(roster, 3);
  EXPECT_EQ(rule.Keepable(std::vector<MemberIndex>{0, 2, 4}), 3U);
  EXPECT_EQ(rule.Keepable(std::vector<MemberIndex>{0, 1, 4}), 2U);
  EXPECT_EQ(ZoneRule(roster, 2).Keepable(std::vector<MemberIndex>{0, 2, 4}), 2U);
}

}  // namespace
}  // namespace kvd::ring
