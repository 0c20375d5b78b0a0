// Founding interrupted, repeated and met again: restarts, wiped disks, late nodes, `cluster.id`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/topology/founding.h"
#include "tests/unit/server/topology/founding_world.h"

namespace kvd::topology {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;

const Uuid kN1sCluster = UuidOf(0xc1);

void StartAll(FoundingWorld& world) {
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.Run();
}

// How many of the lines say `what`.
ptrdiff_t Times(const std::vector<std::string>& log, std::string_view what) {
  return std::ranges::count_if(
      log, [&](const std::string& line) { return line.find(what) != std::string::npos; });
}

TEST(FoundingRecoveryTest, FounderRestartedAfterBindingFoundsTheSameCluster) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2"}) world.Start(name);
  world.Run();
  world.Kill("n1");
  world.options("n1").fresh_cluster_id = UuidOf(0xee);  // Drawn anew with each start.
  world.Start("n1");
  world.Start("n3");
  world.Run();
  ASSERT_THAT(world.TopologyOf("n3"), NotNull());
  EXPECT_EQ(world.TopologyOf("n3")->cluster_id, kN1sCluster);
}

TEST(FoundingRecoveryTest, SingleFounderRestartedAfterBindingFoundsAtOnce) {
  FoundingWorld world(1);
  world.Start("n1");
  const Topology founded = *world.TopologyOf("n1");
  FoundingWorld again(1);
  again.options("n1").fresh_cluster_id = UuidOf(0xee);
  Founding::Options options = again.options("n1");
  options.binding = {kN1sCluster, UuidOf(1)};
  Founding founding(options);
  EXPECT_EQ(founding.TakeEffects().store, founded);
}

TEST(FoundingRecoveryTest, FounderRestartedAfterStoringIsDone) {
  FoundingWorld world(3);
  StartAll(world);
  const Topology founded = *world.TopologyOf("n1");
  world.Kill("n1");
  world.Start("n1");
  EXPECT_EQ(*world.TopologyOf("n1"), founded);
  world.Run(1);
  EXPECT_EQ(world.at("n1").NextWakeAt(), Instant::max()) << "it announced itself";
}

TEST(FoundingRecoveryTest, FounderStoppedBeforeItCouldStoreFoundsAgain) {
  FoundingWorld world(3);
  for (const char* name : {"n2", "n3", "n1"}) world.Start(name);
  world.HoldDisk("n1");
  world.Run();
  ASSERT_THAT(world.TopologyOf("n1"), IsNull());
  world.Kill("n1");
  world.options("n1").boot.counter = 2;
  FoundingWorld& after = world;
  after.Start("n1");
  after.ReleaseDisk("n1");
  after.Run();
  for (const char* name : {"n1", "n2", "n3"}) {
    ASSERT_THAT(after.TopologyOf(name), NotNull()) << name;
    EXPECT_EQ(after.TopologyOf(name)->cluster_id, kN1sCluster);
  }
}

TEST(FoundingRecoveryTest, LateNodeGetsTheTopologyFromAnyHolder) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.HoldDisk("n3");
  world.Run(1);
  world.ReleaseDisk("n3");  // Bound; dies before the topology reaches it.
  world.Kill("n3");
  world.Run();
  ASSERT_THAT(world.TopologyOf("n2"), NotNull());
  world.Kill("n1");
  world.Start("n3");
  ASSERT_THAT(world.TopologyOf("n3"), IsNull());
  world.Run();
  ASSERT_THAT(world.TopologyOf("n3"), NotNull());
  EXPECT_EQ(*world.TopologyOf("n3"), *world.TopologyOf("n2"));
}

// Seen while writing this test: the refusal of the greeting ("n2 belongs to cluster A, the sender
// to B") took the place of what the topology in it had explained, and both were logged ten times a
// second.
TEST(FoundingRecoveryTest, WipedFounderIsToldThatItsNameIsInUse) {
  FoundingWorld world(3);
  StartAll(world);
  world.Wipe("n1");
  world.Start("n1");
  world.Run(10);
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  const std::string in_use = "name n1 is in use by " + UuidOf(1).ToString() + " at 127.0.0.1:7411";
  EXPECT_EQ(world.WaitingFor("n1"), "waiting for cluster demo to take n1 in; " + in_use);
  EXPECT_EQ(Times(world.LogOf("n1"), in_use), 2) << "once for each peer that says so";
  EXPECT_EQ(Times(world.LogOf("n1"), "belongs to cluster"), 0);
}

TEST(FoundingRecoveryTest, WipedFounderDisturbsNobody) {
  FoundingWorld world(3);
  StartAll(world);
  const Topology founded = *world.TopologyOf("n2");
  world.Wipe("n1");
  world.Start("n1");
  world.Run(10);
  EXPECT_EQ(*world.TopologyOf("n2"), founded);
  EXPECT_EQ(world.DiskBindingOf("n2"), (Binding{kN1sCluster, UuidOf(1)}));
}

TEST(FoundingRecoveryTest, OtherWipedNodeIsToldThatItsNameIsInUse) {
  FoundingWorld world(3);
  StartAll(world);
  world.Wipe("n2");
  world.Start("n2");
  world.Run(10);
  EXPECT_THAT(world.TopologyOf("n2"), IsNull());
  EXPECT_EQ(world.WaitingFor("n2"),
            "waiting for cluster demo to take n2 in; name n2 is in use by " + UuidOf(2).ToString() +
                " at 127.0.0.1:7421");
  EXPECT_TRUE(world.DiskBindingOf("n2").cluster_id.is_nil());
}

TEST(FoundingRecoveryTest, NodeBoundToAnotherClusterIsAnObstacle) {
  FoundingWorld world(3);
  world.options("n2").self.name = "n2";
  for (const char* name : {"n2", "n3", "n1"}) world.Start(name);
  FoundingWorld stranger(3);  // n2 was bound by another n1 before.
  stranger.options("n1").fresh_cluster_id = UuidOf(0xee);
  Founding::Options options = stranger.options("n1");
  options.binding = {UuidOf(0xee), UuidOf(1)};
  Founding founder(options);
  founder.OnHelloAnswer("n2", {.envelope = {.cluster_id = {},
                                            .from = UuidOf(2),
                                            .from_boot = {},
                                            .to = UuidOf(1),
                                            .epoch = {}},
                               .from = CardOf(2),
                               .bound = {kN1sCluster, UuidOf(9)},
                               .topology = {}});
  EXPECT_THAT(founder.WaitingFor(),
              HasSubstr("n2 is bound to cluster " + kN1sCluster.ToString() + " by founder " +
                        UuidOf(9).ToString() + ", which is not this node"));
}

TEST(FoundingRecoveryTest, NodeThatIsNoMemberAsksToBecomeOne) {
  FoundingWorld world(2);
  for (const char* name : {"n1", "n2"}) world.Start(name);
  world.Run();
  FoundingWorld newcomers(3);
  Founding n3(newcomers.options("n3"));
  n3.OnHelloAnswer("n1", {.envelope = {},
                          .from = CardOf(1),
                          .bound = {},
                          .topology = EncodeTopology(*world.TopologyOf("n1"))});
  EXPECT_EQ(n3.WaitingFor(), "waiting for cluster demo to take n3 in");
}

TEST(FoundingRecoveryTest, TopologyThatCannotBeReadIsAnObstacle) {
  FoundingWorld world(3);
  Founding n3(world.options("n3"));
  n3.OnHelloAnswer("n1", {.envelope = {}, .from = CardOf(1), .bound = {}, .topology = "nonsense"});
  EXPECT_THAT(n3.WaitingFor(), HasSubstr("n1 sent a topology that cannot be read: topology "
                                         "record: checksum mismatch"));
}

TEST(FoundingRecoveryTest, TopologyOfOtherTermsIsAnObstacle) {
  FoundingWorld world(3);
  StartAll(world);
  world.Wipe("n3");
  world.options("n3").terms.partitions = 64;
  world.Start("n3");
  world.Run();
  EXPECT_THAT(world.TopologyOf("n3"), IsNull());
  EXPECT_THAT(world.WaitingFor("n3"), HasSubstr("cluster.partitions is"));
}

// `cluster.id` of the file.

TEST(ClusterIdTest, NodeNeverFounds) {
  FoundingWorld world(1);
  world.options("n1").cluster_id = UuidOf(0xaa);
  world.Start("n1");
  world.Run(10);
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  EXPECT_TRUE(world.DiskBindingOf("n1").cluster_id.is_nil());
  EXPECT_EQ(world.WaitingFor("n1"),
            "waiting for cluster demo to take n1 in; nobody to ask: list its nodes in the cluster "
            "file, or start with --join");
}

TEST(ClusterIdTest, FounderOfAnotherClusterIsRefusedNamingBoth) {
  FoundingWorld world(3);
  world.options("n2").cluster_id = UuidOf(0xaa);
  StartAll(world);
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  EXPECT_TRUE(world.DiskBindingOf("n2").cluster_id.is_nil());
  EXPECT_THAT(world.WaitingFor("n1"), HasSubstr("cluster.id is " + UuidOf(0xaa).ToString() +
                                                " on n2 and " + kN1sCluster.ToString() + " on n1"));
}

TEST(ClusterIdTest, FounderOfThatClusterIsAccepted) {
  FoundingWorld world(3);
  world.options("n2").cluster_id = kN1sCluster;
  StartAll(world);
  EXPECT_THAT(world.TopologyOf("n2"), NotNull());
}

TEST(ClusterIdTest, TopologyOfAnotherClusterIsNotTaken) {
  FoundingWorld world(3);
  StartAll(world);
  const std::string record = EncodeTopology(*world.TopologyOf("n1"));
  Founding::Options options = world.options("n2");
  options.cluster_id = UuidOf(0xaa);
  options.binding = {};
  options.topology.reset();
  Founding n2(options);
  n2.OnHelloAnswer("n1", {.envelope = {}, .from = CardOf(1), .bound = {}, .topology = record});
  EXPECT_FALSE(n2.TakeEffects().store);
  EXPECT_THAT(n2.WaitingFor(), HasSubstr("n1 belongs to cluster " + kN1sCluster.ToString() +
                                         ", but cluster.id is " + UuidOf(0xaa).ToString()));
}

}  // namespace
}  // namespace kvd::topology
