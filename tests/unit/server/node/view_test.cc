// What a node shows of the cluster: the file before founding, the topology and its peers after.

#include "server/node/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/server/node/world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST(ViewTest, BeforeFoundingTheFileIsShown) {
  Node::Options options = World(3).OptionsOf(kN2);
  options.founding.topology.reset();
  options.founding.binding = {};
  Node node(options, Instant{});
  const ClusterView view = node.ViewCluster(Instant{});
  EXPECT_EQ(view.cluster, "demo");
  EXPECT_TRUE(view.cluster_id.is_nil());
  EXPECT_EQ(view.epoch, Epoch{0});
  EXPECT_EQ(view.partitions, 16U);
  EXPECT_EQ(view.copies, 0U);
  EXPECT_EQ(view.replication_wished, 3U);
  EXPECT_EQ(view.self.name, "n2");
  EXPECT_EQ(view.waiting_for, "waiting for the topology of cluster demo");
  ASSERT_THAT(view.nodes, SizeIs(3));
  for (uint8_t n = 1; n <= 3; ++n) {
    EXPECT_EQ(view.nodes[n - 1U].card.name, topology::NameOfNode(n));
    EXPECT_EQ(view.nodes[n - 1U].card.peer_address, topology::CardOf(n).peer_address);
    EXPECT_EQ(view.nodes[n - 1U].state, NodeState::kJoining);
  }
}

TEST(ViewTest, BeforeFoundingThereIsNoRing) {
  Node::Options options = World(3).OptionsOf(kN2);
  options.founding.topology.reset();
  options.founding.binding = {};
  EXPECT_FALSE(Node(options, Instant{}).ViewRing(Instant{}));
}

class FoundedViewTest : public ::testing::Test {
 protected:
  FoundedViewTest() { world_.Pass(1s); }

  [[nodiscard]] ClusterView View() { return world_.at(kN1).ViewCluster(world_.now()); }

  World world_{3};
};

TEST_F(FoundedViewTest, AllAreUpAndShareTheRing) {
  const ClusterView view = View();
  EXPECT_EQ(view.cluster_id, world_.topology().cluster_id);
  EXPECT_EQ(view.epoch, Epoch{1});
  EXPECT_EQ(view.copies, 3U);
  EXPECT_EQ(view.leaderless, 0U);
  EXPECT_EQ(view.waiting_for, "");
  ASSERT_THAT(view.nodes, SizeIs(3));
  uint32_t owned = 0;
  for (const NodeView& node : view.nodes) {
    EXPECT_EQ(node.state, NodeState::kUp) << node.card.name;
    EXPECT_EQ(node.replicas, 16U);
    EXPECT_GE(node.owned, 5U);
    owned += node.owned;
  }
  EXPECT_EQ(owned, 16U);
}

TEST_F(FoundedViewTest, KeysAndDiskAreThoseOfEachNode) {
  for (int i = 0; i < 3; ++i) (void)world_.Put(kN1, world_.KeyOf(kN2, i), "v");
  (void)world_.Put(kN1, world_.KeyOf(kN1), "v");
  world_.at(kN2).OnDisk(4711, {}, false, world_.now());
  world_.Pass(300ms);
  const ClusterView view = View();
  for (const NodeView& node : view.nodes) EXPECT_EQ(node.load->keys, 4U) << node.card.name;
  EXPECT_EQ(view.nodes[1].load->disk_bytes, 4711U);
  EXPECT_GT(view.nodes[2].load->uptime, Duration(1s));
}

TEST_F(FoundedViewTest, KeysAreCountedAfterARestart) {
  for (int i = 0; i < 3; ++i) (void)world_.Put(kN1, world_.KeyOf(kN1, i), "v");
  world_.Restart(kN1);
  world_.Pass(1s);
  EXPECT_EQ(View().nodes[0].load->keys, 3U);
}

TEST_F(FoundedViewTest, FrozenNodeIsSuspectThenDownThenUpAgain) {
  world_.Freeze(kN3);
  world_.Pass(700ms);
  EXPECT_EQ(View().nodes[2].state, NodeState::kSuspect);
  world_.Pass(2s);
  EXPECT_EQ(View().nodes[2].state, NodeState::kDown);
  EXPECT_EQ(View().nodes[2].silent_reason, "silent");
  EXPECT_EQ(View().nodes[1].state, NodeState::kUp);
  world_.Thaw(kN3);
  world_.Pass(1s);
  EXPECT_EQ(View().nodes[2].state, NodeState::kUp);
}

TEST_F(FoundedViewTest, RingShowsOwnersTermsAndBases) {
  const std::string key = world_.KeyOf(kN2);
  const Version version = world_.VersionOf(world_.Put(kN1, key, "v"));
  world_.Pass(200ms);
  const auto ring = world_.at(kN1).ViewRing(world_.now());
  ASSERT_TRUE(ring);
  ASSERT_THAT(ring->partitions, SizeIs(16));
  for (uint32_t p = 0; p < 16; ++p) {
    const PartitionView& partition = ring->partitions[p];
    EXPECT_EQ(partition.owner, world_.topology().PreferredOwner(PartitionId{p}).node.value - 1);
    EXPECT_EQ(partition.replicas[0], partition.owner);
    EXPECT_THAT(partition.replicas, UnorderedElementsAre(0U, 1U, 2U));
    EXPECT_GT(partition.term, 0U);
    EXPECT_GT(partition.base, 0U);
  }
  EXPECT_EQ(ring->partitions[world_.PartitionOfKey(key).value].base, version);
}

TEST_F(FoundedViewTest, RingFollowsTheOwners) {
  world_.Kill(kN2);
  world_.Pass(1s);
  const auto ring = world_.at(kN1).ViewRing(world_.now());
  for (const PartitionView& partition : ring->partitions) EXPECT_NE(partition.owner, 1U);
  EXPECT_EQ(View().nodes[1].owned, 0U);
  EXPECT_EQ(View().nodes[1].silent_reason, "connection refused");
}

TEST_F(FoundedViewTest, PartitionsWithoutOwnerAreCounted) {
  world_.Kill(kN2);
  world_.Kill(kN3);
  world_.Pass(3s);
  EXPECT_EQ(View().leaderless, 16U);
}

TEST_F(FoundedViewTest, WhatIsForwardedIsCountedWhereItWasAsked) {
  (void)world_.Put(kN1, world_.KeyOf(kN2), "v");
  (void)world_.Put(kN1, world_.KeyOf(kN1), "v");
  EXPECT_EQ(world_.at(kN1).CountsAt(world_.now()).forwards, 1U);
  EXPECT_EQ(world_.at(kN2).CountsAt(world_.now()).forwards, 0U);
}

TEST_F(FoundedViewTest, CommitsAreTimedWhereTheyAreLed) {
  const auto commits = [this](NodeId node) {
    const Durations& all = world_.at(node).CountsAt(world_.now()).groups.commits;
    return std::accumulate(all.counts.begin(), all.counts.end(), uint64_t{0});
  };
  const uint64_t before = commits(kN2);
  for (int i = 0; i < 3; ++i) (void)world_.Put(kN1, world_.KeyOf(kN2, i), "v");
  EXPECT_EQ(commits(kN2) - before, 3U);
  EXPECT_EQ(commits(kN3), 0U) << "it is not the leader of the system group";
}

TEST_F(FoundedViewTest, ARequestThatComesTwiceIsCountedAsADuplicateByEveryReplica) {
  const Operation twice{.key = world_.KeyOf(kN1),
                        .action = Put{.value = "v"},
                        .request_id = RequestId{.client = 7, .sequence = 1, .base = 1000}};
  (void)world_.Call(kN1, twice);
  (void)world_.Call(kN1, twice);
  world_.Pass(300ms);
  for (const NodeId node : world_.nodes()) {
    EXPECT_EQ(world_.at(node).CountsAt(world_.now()).duplicates, 1U);
  }
}

TEST_F(FoundedViewTest, GroupsLedAreCountedWithTheOneOfTheTopology) {
  uint32_t led = 0;
  for (const NodeId node : world_.nodes()) led += world_.at(node).CountsAt(world_.now()).led;
  EXPECT_EQ(led, 17U);
}

// As two shards of n1 see it; the partition's owner is counted by whoever holds the partition.
RingView RingOf(uint32_t owned_by_n1, uint32_t owned_by_n2, uint64_t keys) {
  RingView ring;
  ring.partitions.resize(4);
  ClusterView& view = ring.cluster;
  view.epoch = Epoch{1};
  view.self = topology::CardOf(1);
  view.nodes = {{.card = topology::CardOf(1), .owned = owned_by_n1},
                {.card = topology::CardOf(2), .owned = owned_by_n2}};
  view.nodes[0].load.emplace().keys = keys;
  view.nodes[1].load.emplace().keys = 100;
  view.leaderless = 1;
  return ring;
}

TEST(MergedViewTest, WhatShardsOwnAndTheKeysOfTheirNodeAddUp) {
  ClusterView first = RingOf(1, 2, 10).cluster;
  Merge(first, RingOf(3, 4, 20).cluster);
  EXPECT_EQ(first.nodes[0].owned, 4U);
  EXPECT_EQ(first.nodes[1].owned, 6U);
  EXPECT_EQ(first.nodes[0].load->keys, 30U);
  EXPECT_EQ(first.nodes[1].load->keys, 100U) << "of other nodes the first shard knows all";
  EXPECT_EQ(first.leaderless, 2U);
}

TEST(MergedViewTest, EachPartitionIsAsTheShardThatHoldsItSees) {
  RingView first = RingOf(1, 1, 0);
  RingView second = RingOf(1, 1, 0);
  for (PartitionView& partition : first.partitions) partition.term = Term{5};
  for (PartitionView& partition : second.partitions) partition.term = Term{6};
  Merge(first, second, {.index = 1, .count = 2});
  for (uint32_t p = 0; p < 4; ++p) EXPECT_EQ(first.partitions[p].term, Term{5 + p % 2}) << p;
  EXPECT_EQ(first.cluster.leaderless, 2U);
}

TEST(MergedViewTest, AShardAtAnotherEpochAddsNothing) {
  RingView first = RingOf(1, 2, 10);
  RingView second = RingOf(3, 4, 20);
  second.cluster.epoch = Epoch{2};
  second.cluster.nodes.resize(1);
  second.partitions.clear();
  Merge(first, second, {.index = 1, .count = 2});
  EXPECT_EQ(first.cluster.nodes[0].owned, 1U);
  EXPECT_EQ(first.cluster.nodes[0].load->keys, 10U);
  EXPECT_EQ(first.cluster.leaderless, 1U);
}

}  // namespace
}  // namespace kvd::node
