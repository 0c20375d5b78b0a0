// What an operator is told of a change before it is made: 16 partitions of 100 bytes, R = 3.

#include "server/topology/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Plan PlanOf(const Topology& before, const Command& command) {
  std::map<PartitionId, uint64_t> sizes;
  for (uint32_t p = 0; p < before.partitions(); ++p) sizes[PartitionId{p}] = 100;
  return MakePlan(before, std::get<Topology>(Decide(before, 1, command)), sizes);
}

TEST(PlanTest, JoinTakesTheSameFromEverybody) {
  const Plan plan = PlanOf(FoundedBy(3), AddMembers{{CardOf(4)}, "ops"});
  EXPECT_EQ(plan.copies, 12U);
  EXPECT_EQ(plan.minimum_copies, 12U);
  EXPECT_EQ(plan.bytes, 1200U);
  EXPECT_THAT(plan.transfers, ElementsAre(Transfer{NodeId{1}, NodeId{4}, 4, 400},
                                          Transfer{NodeId{2}, NodeId{4}, 4, 400},
                                          Transfer{NodeId{3}, NodeId{4}, 4, 400}));
  EXPECT_EQ(plan.bytes_to_take.at(NodeId{4}), 1200U);
}

TEST(PlanTest, BalanceIsToldBeforeAndAfter) {
  const Plan plan = PlanOf(FoundedBy(3), AddMembers{{CardOf(4)}, "ops"});
  EXPECT_EQ(plan.loads_before.at(NodeId{1}).replicas, 16U);
  EXPECT_EQ(plan.loads_after.at(NodeId{1}), (ring::Load{.owned = 4, .replicas = 12}));
  EXPECT_TRUE(plan.balance_after.replicas.IsAtMost(1, 1));
  EXPECT_TRUE(plan.balance_after.owned.IsAtMost(1, 1));
  EXPECT_FALSE(plan.balance_before.owned.IsAtMost(1, 1));  // 16 on 3.
}

TEST(PlanTest, AdditionalCopiesAreTakenFromNobody) {
  const Plan plan = PlanOf(FoundedBy(1), AddMembers{{CardOf(2)}, "ops"});
  EXPECT_THAT(plan.transfers, ElementsAre(Transfer{std::nullopt, NodeId{2}, 16, 1600}));
}

TEST(PlanTest, LeaveGivesToTheOthers) {
  const Plan plan = PlanOf(FoundedBy(4), StartLeave{NodeId{4}, false, "ops"});
  EXPECT_EQ(plan.copies, 12U);
  for (const Transfer& transfer : plan.transfers) EXPECT_EQ(transfer.from, NodeId{4});
  EXPECT_FALSE(plan.loads_after.contains(NodeId{4}));
}

TEST(PlanTest, PlanMatchesTheJobThatFollows) {
  const Topology before = FoundedBy(5);
  const Command command = StartReplace{NodeId{2}, CardOf(6), "ops"};
  const Topology after = std::get<Topology>(Decide(before, 1, command));
  EXPECT_EQ(PlanOf(before, command).copies, after.jobs.front().copies_to_add);
}

TEST(PlanTest, GrowthFromOneNodeEndsTheDangerOfLosingIt) {
  const Plan plan = PlanOf(FoundedBy(1), AddMembers{{CardOf(2), CardOf(3)}, "ops"});
  EXPECT_THAT(plan.exposures_before, ElementsAre(Exposure{NodeId{1}, 16, 16}));
  EXPECT_THAT(plan.exposures_after, IsEmpty());
}

TEST(ExposureTest, OfTwoNodesEitherStopsEverythingAndLosesNothing) {
  EXPECT_THAT(ExposuresOf(FoundedBy(2)),
              ElementsAre(Exposure{NodeId{1}, 0, 16}, Exposure{NodeId{2}, 0, 16}));
}

TEST(ExposureTest, ZoneThatHoldsAMajorityStopsItsPartitions) {
  auto cards = CardsOf(4);
  for (NodeCard& card : cards) card.zone = card.name == "n4" ? "b" : "a";
  const Topology topology = FoundTopology(UuidOf(0xcc), TermsOf(4), cards);
  EXPECT_THAT(ExposuresOf(topology), ElementsAre(Exposure{Zone{"a"}, 0, 16}));
}

TEST(ExposureTest, SpreadOverThreeZonesAnyOneMayBeLost) {
  auto cards = CardsOf(6);
  for (NodeCard& card : cards) card.zone = "z" + std::to_string((card.name[1] - '0') % 3);
  EXPECT_THAT(ExposuresOf(FoundTopology(UuidOf(0xcc), TermsOf(6), cards)), IsEmpty());
}

}  // namespace
}  // namespace kvd::topology
