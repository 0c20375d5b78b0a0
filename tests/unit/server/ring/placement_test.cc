// Placement by example: 256 partitions on a few nodes, as in most clusters.

#include "server/ring/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/ring/topologies.h"

namespace kvd::ring {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kPartitions = 256;

std::vector<Member> Without(std::vector<Member> members, const std::set<NodeId>& gone) {
  std::erase_if(members, [&](const Member& member) { return gone.contains(member.id); });
  return members;
}

TEST(PlaceTest, CountsAreExact) {
  for (uint32_t nodes = 1; nodes <= 12; ++nodes) {
    for (uint32_t replication = 1; replication <= 5; ++replication) {
      const Ring ring = Place(Nodes(nodes), kPartitions, replication);
      EXPECT_EQ(ring.replication(), std::min(nodes, replication));
      EXPECT_TRUE(HoldsEqually(ring, Nodes(nodes))) << nodes << " nodes, R=" << replication;
      EXPECT_TRUE(OwnsEqually(ring, Nodes(nodes))) << nodes << " nodes, R=" << replication;
    }
  }
}

TEST(PlaceTest, HundredPartitionsPerNodeAreWithinOnePercent) {
  for (const uint32_t nodes : {3U, 5U, 7U, 10U, 40U}) {
    const Ring ring = Place(Nodes(nodes), 4096, 3);
    EXPECT_TRUE(ring.FullestByReplicas(nodes).IsAtMost(101, 100)) << nodes;
    EXPECT_TRUE(ring.FullestByOwned(nodes).IsAtMost(101, 100)) << nodes;
  }
}

TEST(PlaceTest, OrderOfMembersDoesNotMatter) {
  std::vector<Member> members = Zones({2, 3, 1});
  const Ring ring = Place(members, kPartitions, 3);
  std::reverse(members.begin(), members.end());
  EXPECT_EQ(Place(members, kPartitions, 3), ring);
}

TEST(PlaceTest, ReplicasNeverShareAZoneWhileZonesSuffice) {
  const std::vector<Member> members = Zones({2, 2, 2, 3});
  const Ring ring = Place(members, kPartitions, 3);
  for (uint32_t partition = 0; partition < kPartitions; ++partition) {
    for (const auto& [zone, copies] : CopiesByZone(ring, PartitionId{partition}, members)) {
      EXPECT_LE(copies, 1U) << zone;
    }
  }
  EXPECT_TRUE(HoldsEqually(ring, members));
}

TEST(PlaceTest, SeparationWinsOverBalanceInUnequalZones) {
  const std::vector<Member> members = Zones({1, 2, 3});
  const Ring ring = Place(members, kPartitions, 3);
  std::vector<uint32_t> held;
  for (const Member& member : members) held.push_back(ring.LoadOf(member.id).replicas);
  EXPECT_THAT(held, ElementsAre(256, 128, 128, 86, 85, 85));
  EXPECT_TRUE(OwnsEqually(ring, members));  // Owners are even all the same.
}

TEST(PlaceTest, ZonesFillLikeConnectedVessels) {
  // The zone of six is full with a copy of everything; the others share one level.
  const std::vector<Member> members = Zones({1, 1, 2, 6});
  const Ring ring = Place(members, kPartitions, 3);
  std::vector<uint32_t> held;
  for (const Member& member : members) held.push_back(ring.LoadOf(member.id).replicas);
  EXPECT_THAT(held, ElementsAre(128, 128, 128, 128, 43, 43, 43, 43, 42, 42));
}

TEST(PlaceTest, TwoZonesHoldTwoAndOne) {
  const std::vector<Member> members = Zones({3, 3});
  const Ring ring = Place(members, kPartitions, 3);
  EXPECT_TRUE(SpreadsZonesEvenly(ring, members));
  EXPECT_TRUE(HoldsEqually(ring, members));
}

TEST(PlaceTest, DeathOfAnyNodeLeavesTheSurvivorsBalanced) {
  for (uint32_t nodes = 3; nodes <= 9; ++nodes) {
    const Ring ring = Place(Nodes(nodes), kPartitions, 3);
    EXPECT_TRUE(FullestAfterADeath(ring, Nodes(nodes)).IsAtMost(105, 100)) << nodes;
  }
}

// A ring is stored, so a better placement may change this one; a change nobody meant may not.
TEST(PlaceTest, GoldenRing) {
  const Ring ring = Place(Zones({1, 2, 1}), 8, 2);
  std::string text;
  for (uint32_t partition = 0; partition < 8; ++partition) {
    for (const NodeId node : ring.Replicas(PartitionId{partition})) {
      text += std::to_string(node.value);
    }
    text += ' ';
  }
  EXPECT_EQ(text, "34 12 42 31 24 13 43 21 ");
}

TEST(RebalanceTest, SameMembersChangeNothing) {
  for (const auto& members : {Nodes(5), Zones({1, 2, 3}), Zones({4, 4})}) {
    const Ring ring = Place(members, kPartitions, 3);
    EXPECT_EQ(Rebalance(ring, members, 3), ring);
  }
}

TEST(RebalanceTest, AddingANodeMovesOnlyItsOwnPartitions) {
  const Ring before = Place(Nodes(5), kPartitions, 3);
  const Ring after = Rebalance(before, Nodes(6), 3);
  const std::vector<Move> moves = Moves(before, after);
  for (const Move& move : moves) {
    if (!move.added.empty()) {
      EXPECT_THAT(move.added, ElementsAre(NodeId{6}));
    }
    if (move.owner) {
      EXPECT_EQ(move.owner->to, NodeId{6});
    }
  }
  EXPECT_EQ(Count(moves).added, 128U);
  EXPECT_EQ(Count(moves).owners, 42U);
}

TEST(RebalanceTest, LosingANodeMovesOnlyItsCopies) {
  const Ring before = Place(Nodes(6), kPartitions, 3);
  const Ring after = Rebalance(before, Without(Nodes(6), {NodeId{2}}), 3);
  for (const Move& move : Moves(before, after)) {
    if (!move.removed.empty()) {
      EXPECT_THAT(move.removed, ElementsAre(NodeId{2}));
    }
  }
  EXPECT_EQ(Count(Moves(before, after)).added, 128U);
}

TEST(RebalanceTest, ReplacementTakesThePlaceOfTheDead) {
  std::vector<Member> members = Zones({2, 2, 2});
  const Ring before = Place(members, kPartitions, 3);
  members[3].id = NodeId{7};
  const std::vector<Move> moves = Moves(before, Rebalance(before, members, 3));
  for (const Move& move : moves) {
    EXPECT_THAT(move.removed, ElementsAre(NodeId{4}));
    EXPECT_THAT(move.added, ElementsAre(NodeId{7}));
  }
  EXPECT_EQ(moves.size(), 128U);
}

TEST(RebalanceTest, OneNodeGrowsToThreeWithCopiesOnEach) {
  const Ring one = Place(Nodes(1), kPartitions, 3);
  const Ring three = Rebalance(one, Nodes(3), 3);
  EXPECT_EQ(three.replication(), 3U);
  EXPECT_EQ(Count(Moves(one, three)).added, 2 * kPartitions);
  EXPECT_EQ(Count(Moves(one, three)).removed, 0U);
  EXPECT_TRUE(OwnsEqually(three, Nodes(3)));
}

TEST(RebalanceTest, SeveralNodesJoinAtOnceForTheMinimum) {
  const Ring before = Place(Nodes(3), kPartitions, 3);
  const Ring after = Rebalance(before, Nodes(5), 3);
  EXPECT_EQ(Count(Moves(before, after)).added, MinimumMoves(before, Nodes(5), 3));
  EXPECT_TRUE(HoldsEqually(after, Nodes(5)));
}

TEST(RebalanceTest, LostRackIsRebuiltOnTheOthers) {
  const std::vector<Member> members = Zones({2, 2, 2, 2});
  const std::vector<Member> rest = Without(members, {NodeId{3}, NodeId{4}});
  const Ring before = Place(members, kPartitions, 3);
  const Ring after = Rebalance(before, rest, 3);
  EXPECT_EQ(Count(Moves(before, after)).added, 192U);
  EXPECT_TRUE(SpreadsZonesEvenly(after, rest));
  EXPECT_TRUE(HoldsEqually(after, rest));
}

TEST(RebalanceTest, NewZonePartsCopiesThatSharedOne) {
  const Ring before = Place(Zones({3, 3}), kPartitions, 3);
  const Ring after = Rebalance(before, Zones({3, 3, 1}), 3);
  EXPECT_TRUE(SpreadsZonesEvenly(after, Zones({3, 3, 1})));
  EXPECT_EQ(Count(Moves(before, after)).added, kPartitions);
}

TEST(RebalanceTest, LowerReplicationOnlyRemoves) {
  const Ring before = Place(Nodes(6), kPartitions, 3);
  const Ring after = Rebalance(before, Nodes(6), 2);
  EXPECT_TRUE(HoldsEqually(after, Nodes(6)));
  EXPECT_EQ(Count(Moves(before, after)).removed, kPartitions);
  EXPECT_EQ(Count(Moves(before, after)).added, 0U);
}

TEST(PlaceDeathTest, NonsenseIsOurMistake) {
  EXPECT_DEATH((void)Place({}, 256, 3), "a ring needs a member");
  EXPECT_DEATH((void)Place(Nodes(3), 100, 3), "power of two");
  EXPECT_DEATH((void)Place(Nodes(3), 256, 0), "replication");
  const std::vector<Member> twice{{NodeId{1}, ""}, {NodeId{1}, "a"}};
  EXPECT_DEATH((void)Place(twice, 256, 3), "a member once");
}

}  // namespace
}  // namespace kvd::ring
