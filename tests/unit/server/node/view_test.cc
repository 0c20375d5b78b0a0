// What a node shows of the cluster: the file before founding, the topology and its peers after.

#include "server/node/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/node/world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

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
  EXPECT_EQ(view.copies, 1U);
  EXPECT_EQ(view.waiting_for, "");
  ASSERT_THAT(view.nodes, SizeIs(3));
  uint32_t owned = 0;
  for (const NodeView& node : view.nodes) {
    EXPECT_EQ(node.state, NodeState::kUp) << node.card.name;
    EXPECT_EQ(node.owned, node.replicas);
    owned += node.owned;
  }
  EXPECT_EQ(owned, 16U);
}

TEST_F(FoundedViewTest, KeysAndDiskAreThoseOfEachNode) {
  for (int i = 0; i < 3; ++i) (void)world_.Put(kN1, world_.KeyOf(kN2, i), "v");
  (void)world_.Put(kN1, world_.KeyOf(kN1), "v");
  world_.at(kN2).OnDisk(4711, false, world_.now());
  world_.Pass(200ms);
  const ClusterView view = View();
  EXPECT_EQ(view.nodes[0].load->keys, 1U);
  EXPECT_EQ(view.nodes[1].load->keys, 3U);
  EXPECT_EQ(view.nodes[1].load->disk_bytes, 4711U);
  EXPECT_EQ(view.nodes[2].load->keys, 0U);
  EXPECT_GT(view.nodes[2].load->uptime, Duration(1s));
}

TEST_F(FoundedViewTest, KeysAreCountedAfterARestart) {
  for (int i = 0; i < 3; ++i) (void)world_.Put(kN1, world_.KeyOf(kN1, i), "v");
  world_.Restart(kN1);
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

TEST_F(FoundedViewTest, RingShowsOwnersAndWhatIsKnownHere) {
  (void)world_.Put(kN1, world_.KeyOf(kN1), "v");
  const auto ring = world_.at(kN1).ViewRing(world_.now());
  ASSERT_TRUE(ring);
  ASSERT_THAT(ring->partitions, SizeIs(16));
  Index applied = 0;
  for (uint32_t p = 0; p < 16; ++p) {
    const PartitionView& partition = ring->partitions[p];
    const NodeId owner = world_.topology().PreferredOwner(PartitionId{p}).node;
    EXPECT_EQ(partition.owner, owner.value - 1);
    EXPECT_THAT(partition.replicas, testing::ElementsAre(owner.value - 1));
    EXPECT_EQ(partition.term, owner == kN1 ? 2U : 0U);
    applied += partition.base;
  }
  EXPECT_EQ(applied, 1U);
}

}  // namespace
}  // namespace kvd::node
