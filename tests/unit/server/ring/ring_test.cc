// A ring of four partitions on three nodes, written by hand.

#include "server/ring/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::ring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr NodeId kN1{1};
constexpr NodeId kN2{2};
constexpr NodeId kN3{3};

using Lists = std::vector<std::vector<NodeId>>;

const Lists kLists{{kN1, kN2}, {kN2, kN3}, {kN3, kN1}, {kN1, kN3}};

TEST(RingTest, KeepsTheOrderOfReplicas) {
  const Ring ring = *Ring::FromLists(kLists);
  EXPECT_EQ(ring.partitions(), 4U);
  EXPECT_EQ(ring.replication(), 2U);
  EXPECT_THAT(ring.Replicas(PartitionId{2}), ElementsAre(kN3, kN1));
  EXPECT_EQ(ring.Owner(PartitionId{2}), kN3);
  EXPECT_TRUE(ring.Holds(PartitionId{2}, kN1));
  EXPECT_FALSE(ring.Holds(PartitionId{2}, kN2));
}

TEST(RingTest, CountsWhatEveryNodeOwnsAndHolds) {
  const Ring ring = *Ring::FromLists(kLists);
  EXPECT_EQ(ring.LoadOf(kN1), (Load{.owned = 2, .replicas = 3}));
  EXPECT_EQ(ring.LoadOf(kN2), (Load{.owned = 1, .replicas = 2}));
  EXPECT_EQ(ring.LoadOf(kN3), (Load{.owned = 1, .replicas = 3}));
  EXPECT_EQ(ring.LoadOf(NodeId{9}), Load{});
}

TEST(RingTest, FullestOverMeanIsExact) {
  const Ring ring = *Ring::FromLists(kLists);
  const Ratio replicas = ring.FullestByReplicas(3);  // 3 over 8/3.
  EXPECT_TRUE(replicas.IsAtMost(9, 8));
  EXPECT_FALSE(replicas.IsAtMost(8999, 8000));
  const Ratio owned = ring.FullestByOwned(4);  // 2 over 4/4: a fourth member holds nothing.
  EXPECT_TRUE(owned.IsAtMost(2, 1));
  EXPECT_FALSE(owned.IsAtMost(199, 100));
}

TEST(RingTest, RingsAreEqualIfEveryListIs) {
  Lists other = kLists;
  EXPECT_EQ(*Ring::FromLists(kLists), *Ring::FromLists(other));
  std::swap(other[3][0], other[3][1]);
  EXPECT_NE(*Ring::FromLists(kLists), *Ring::FromLists(other));
}

std::string RefusalOf(const Lists& lists) {
  return Message(Ring::FromLists(lists).status());
}

TEST(RingTest, DamagedListsAreRefusedNamingThePlace) {
  EXPECT_THAT(RefusalOf({}), HasSubstr("0 partitions, which is no power of two"));
  EXPECT_THAT(RefusalOf({{kN1}, {kN1}, {kN1}}), HasSubstr("3 partitions"));
  EXPECT_THAT(RefusalOf({{}, {}}), HasSubstr("partition 0 has no replicas"));
  EXPECT_THAT(RefusalOf({{kN1, kN2}, {kN1}}),
              HasSubstr("partition 1 has 1 replicas where partition 0 has 2"));
  EXPECT_THAT(RefusalOf({{kN1, kN2}, {kN1, NodeId{0}}}), HasSubstr("partition 1 names node 0"));
  EXPECT_THAT(RefusalOf({{kN1, kN2}, {kN3, kN3}}), HasSubstr("partition 1 names node 3 twice"));
}

TEST(RingTest, RefusalsSayWhatToDo) {
  EXPECT_THAT(RefusalOf({}), HasSubstr("fetch the topology from another node"));
}

TEST(RingDeathTest, PartitionsBeyondTheLastAreOurMistake) {
  const Ring ring = *Ring::FromLists(kLists);
  EXPECT_DEATH((void)ring.Replicas(PartitionId{4}), "partition.value");
}

}  // namespace
}  // namespace kvd::ring
