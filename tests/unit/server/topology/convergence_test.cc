// The decisions of this room, all together, against a model of the groups they are about: what is
// wished becomes so, whatever happens on the way, and nothing unsafe is ever asked for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "server/ring/moves.h"
#include "server/topology/wish.h"
#include "tests/unit/server/topology/model/cluster.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using model::Cluster;
using model::Millis;
using ::testing::IsEmpty;

constexpr uint32_t kPartitions = 64;
constexpr Millis kMinute = 60'000;

class ConvergenceTest : public ::testing::Test {
 protected:
  // Everything becomes as wished, safely.
  void Settle(Cluster& cluster) {
    EXPECT_TRUE(cluster.RunUntilSettled(10 * kMinute)) << cluster.Describe();
    EXPECT_THAT(cluster.Violations(), IsEmpty());
  }

  Cluster Settled(uint8_t nodes) {
    Cluster cluster(FoundedBy(nodes, kPartitions), {});
    Settle(cluster);
    return cluster;
  }
};

TEST_F(ConvergenceTest, JoinMovesItsShareAndNoMore) {
  Cluster cluster = Settled(4);
  const Topology before = cluster.topology();
  ASSERT_TRUE(cluster.Ask(AddMembers{{CardOf(5), CardOf(6)}, "ops"}));
  const uint64_t minimum = ring::MinimumMoves(RingOf(before), Placeable(cluster.topology()), 3);
  Settle(cluster);
  EXPECT_EQ(cluster.transfers(), cluster.topology().jobs.back().copies_to_add);
  EXPECT_LE(cluster.transfers() * 10, minimum * 11);
}

TEST_F(ConvergenceTest, OneNodeGrowsToFiveAndShrinksAgain) {
  Cluster cluster = Settled(1);
  ASSERT_TRUE(cluster.Ask(AddMembers{{CardOf(2), CardOf(3)}, "ops"}));
  Settle(cluster);
  EXPECT_EQ(cluster.topology().system_voters.size(), 3U);
  ASSERT_TRUE(cluster.Ask(AddMembers{{CardOf(4), CardOf(5)}, "ops"}));
  Settle(cluster);
  for (uint32_t n = 1; n <= 4; ++n) {
    ASSERT_TRUE(cluster.Ask(StartLeave{NodeId{n}, true, "ops"}));
    Settle(cluster);
  }
  EXPECT_EQ(cluster.topology().members.size(), 1U);
  EXPECT_EQ(cluster.topology().copies, 1U);
  EXPECT_EQ(cluster.topology().removed.size(), 4U);
}

TEST_F(ConvergenceTest, OnlyNodeIsReplacedByAnother) {
  Cluster cluster = Settled(1);
  ASSERT_TRUE(cluster.Ask(StartReplace{NodeId{1}, CardOf(2), "ops"}));
  Settle(cluster);
  EXPECT_EQ(cluster.topology().members.front().id, NodeId{2});
}

TEST_F(ConvergenceTest, DeadNodeIsRemovedAndItsVoteGoesToAnother) {
  Cluster cluster = Settled(5);
  cluster.Kill(NodeId{1});
  for (int tick = 0; tick < 600; ++tick) cluster.Tick();
  ASSERT_TRUE(cluster.Ask(StartRemove{NodeId{1}, false, "ops"}));
  Settle(cluster);
  EXPECT_EQ(cluster.topology().removed.front().id, NodeId{1});
  EXPECT_EQ(cluster.topology().system_voters.size(), 3U);
}

TEST_F(ConvergenceTest, JobWaitsForASilentNodeAndGoesOnWhenItReturns) {
  Cluster cluster = Settled(4);
  cluster.Kill(NodeId{5});
  ASSERT_TRUE(cluster.Ask(AddMembers{{CardOf(5)}, "ops"}));
  EXPECT_EQ(cluster.RunUntilSettled(kMinute), std::nullopt);
  EXPECT_EQ(cluster.transfers(), 0U);
  cluster.Revive(NodeId{5});
  Settle(cluster);
}

TEST_F(ConvergenceTest, AbortedJoinEndsWhereItBegan) {
  Cluster cluster = Settled(4);
  ASSERT_TRUE(cluster.Ask(AddMembers{{CardOf(5)}, "ops"}));
  for (int tick = 0; tick < 15; ++tick) cluster.Tick();
  ASSERT_TRUE(cluster.Ask(AbortJob{JobId{1}}));
  Settle(cluster);
  EXPECT_EQ(cluster.topology().Find(NodeId{5}), nullptr);
  EXPECT_EQ(cluster.topology().FindJob(JobId{1})->state, JobState::kAborted);
}

TEST_F(ConvergenceTest, AbortedLeaveTakesBackWhatHadGone) {
  Cluster cluster = Settled(4);
  ASSERT_TRUE(cluster.Ask(StartLeave{NodeId{2}, false, "ops"}));
  for (int tick = 0; tick < 20; ++tick) cluster.Tick();
  ASSERT_TRUE(cluster.Ask(AbortJob{JobId{1}}));
  Settle(cluster);
  EXPECT_EQ(cluster.topology().members.size(), 4U);
}

// --- Everything at once.

NodeId AnyNode(const Cluster& cluster, Random& random) {
  const auto& members = cluster.topology().members;
  return members[random.Below(members.size())].id;
}

Command DrawCommand(const Cluster& cluster, uint8_t fresh, Random& random) {
  const NodeId node = AnyNode(cluster, random);
  const auto& jobs = cluster.topology().jobs;
  switch (random.Below(6)) {
    case 0:
      return StartLeave{node, false, "ops"};
    case 1:
      return StartRemove{node, false, "ops"};
    case 2:
      return StartReplace{node, CardOf(fresh), "ops"};
    case 3:
      if (!jobs.empty()) return AbortJob{jobs[random.Below(jobs.size())].id};
      return StartRebalance{"ops"};
    case 4: {
      NodeCard wiped = cluster.topology().Find(node)->card;
      wiped.uuid = UuidOf(fresh);
      return ReplaceWiped{node, wiped};
    }
    default:
      return AddMembers{{CardOf(fresh)}, "ops"};
  }
}

// Some nodes die or return, some leaders are deposed.
void Trouble(Cluster& cluster, Random& random) {
  const NodeId node = AnyNode(cluster, random);
  if (random.Chance(30'000)) cluster.Kill(node);
  if (random.Chance(60'000)) cluster.Revive(node);
  if (random.Chance(50'000)) {
    cluster.Depose(PartitionId{static_cast<uint32_t>(random.Below(kPartitions))});
  }
  if (random.Chance(10'000)) cluster.Depose(kSystemPartition);
}

RC_GTEST_PROP(ConvergencePropertyTest, ChaosDoesNoHarmAndEndsAsWished, (uint64_t seed)) {
  Random random(seed);
  Limits limits;
  limits.transfers = static_cast<uint32_t>(random.Between(1, 16));
  Cluster cluster(
      FoundedBy(static_cast<uint8_t>(random.Between(1, 7)), kPartitions),
      {.seed = seed, .bytes_per_second = random.Between(500, 20'000), .limits = limits});
  cluster.Disturb(random.Below(300'000), random.Between(10, 5000));
  uint8_t fresh = 8;
  for (int tick = 0; tick < 1200; ++tick) {
    Trouble(cluster, random);
    if (random.Chance(8'000)) (void)cluster.Ask(DrawCommand(cluster, fresh++, random));
    cluster.Tick();
    RC_ASSERT(cluster.Violations() == std::vector<std::string>());
  }
  cluster.Disturb(0, 10);
  for (const Member& member : cluster.topology().members) cluster.Revive(member.id);
  const auto settled = cluster.RunUntilSettled(30 * kMinute);
  if (!settled) RC_LOG() << cluster.Describe();
  RC_ASSERT(settled.has_value());
  RC_ASSERT(cluster.Violations() == std::vector<std::string>());
}

}  // namespace
}  // namespace kvd::topology
