// Founding as a transcript: nodes start, greet, answer; what is on a disk is said by the world.

#include "server/topology/founding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/founding_world.h"

namespace kvd::topology {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;

const Uuid kN1sCluster = UuidOf(0xc1);

// n1 asks the addressee `to` to be founded.
HelloRequest FoundersGreeting(const std::string& to, uint8_t founder = 1) {
  return {.envelope = {.cluster_id = UuidOf(static_cast<uint8_t>(0xc0 + founder)),
                       .from = UuidOf(founder),
                       .from_boot = {},
                       .to = {},
                       .epoch = {}},
          .from = CardOf(founder),
          .to_name = to,
          .terms = TermsOf(3),
          .found = true,
          .topology = {}};
}

TEST(FoundingTest, SingleNodeFoundsAsSoonAsItsBindingIsDurable) {
  FoundingWorld world(1);
  world.HoldDisk("n1");
  world.Start("n1");
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  EXPECT_EQ(world.WaitingFor("n1"), "founding cluster demo");
  world.ReleaseDisk("n1");
  ASSERT_THAT(world.TopologyOf("n1"), NotNull());
  EXPECT_EQ(world.TopologyOf("n1")->cluster_id, kN1sCluster);
  EXPECT_EQ(world.DiskBindingOf("n1"), (Binding{kN1sCluster, UuidOf(1)}));
  EXPECT_EQ(world.WaitingFor("n1"), "");
  EXPECT_EQ(world.at("n1").NextWakeAt(), Instant::max());
}

TEST(FoundingTest, ThreeNodesAreFoundedOnlyWhenAllHaveAnswered) {
  FoundingWorld world(3);
  world.Start("n1");
  world.Start("n2");
  world.Run();
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  EXPECT_THAT(world.TopologyOf("n2"), IsNull());
  world.Start("n3");
  world.Run();
  for (const char* name : {"n1", "n2", "n3"}) {
    ASSERT_THAT(world.TopologyOf(name), NotNull()) << name;
    EXPECT_EQ(*world.TopologyOf(name), *world.TopologyOf("n1"));
    EXPECT_EQ(world.DiskBindingOf(name), (Binding{kN1sCluster, UuidOf(1)}));
  }
  EXPECT_EQ(world.TopologyOf("n1")->members.size(), 3U);
}

TEST(FoundingTest, OrderOfStartingMakesNoDifference) {
  FoundingWorld world(3);
  for (const char* name : {"n3", "n2", "n1"}) world.Start(name);
  world.Run();
  for (const char* name : {"n1", "n2", "n3"}) {
    ASSERT_THAT(world.TopologyOf(name), NotNull()) << name;
    EXPECT_EQ(world.TopologyOf(name)->cluster_id, kN1sCluster);
  }
}

TEST(FoundingTest, FounderGreetsNobodyBeforeItsBindingIsDurable) {
  FoundingWorld world(3);
  world.HoldDisk("n1");
  for (const char* name : {"n2", "n3"}) world.Start(name);
  world.Start("n1");
  world.Run();
  EXPECT_TRUE(world.DiskBindingOf("n2").cluster_id.is_nil());
  world.ReleaseDisk("n1");
  world.Run();
  EXPECT_THAT(world.TopologyOf("n2"), NotNull());
}

TEST(FoundingTest, FounderIsAnsweredOnlyWhenTheBindingIsDurable) {
  FoundingWorld world(3);
  world.HoldDisk("n2");
  world.Start("n2");
  EXPECT_FALSE(world.Greet("n2", FoundersGreeting("n2")));
  world.ReleaseDisk("n2");
  const auto answer = world.LastAnswer();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->refused);
  EXPECT_EQ(answer->bound, (Binding{kN1sCluster, UuidOf(1)}));
  EXPECT_EQ(answer->bound, world.DiskBindingOf("n2"));
}

TEST(FoundingTest, TopologyIsShownOnlyWhenItIsDurable) {
  FoundingWorld world(1);
  world.Start("n1");
  FoundingWorld three(3);
  for (const char* name : {"n1", "n2", "n3"}) three.Start(name);
  three.HoldDisk("n1");
  three.Run();
  EXPECT_THAT(three.TopologyOf("n1"), IsNull());
  EXPECT_THAT(three.TopologyOf("n2"), IsNull());
  three.ReleaseDisk("n1");
  three.Run();
  EXPECT_THAT(three.TopologyOf("n1"), NotNull());
  EXPECT_THAT(three.TopologyOf("n2"), NotNull());
}

TEST(FoundingTest, SecondFounderIsRefused) {
  FoundingWorld world(3);
  world.Start("n3");
  ASSERT_FALSE(world.Greet("n3", FoundersGreeting("n3", 1))->refused);
  const auto answer = world.Greet("n3", FoundersGreeting("n3", 2));
  ASSERT_TRUE(answer->refused);
  EXPECT_EQ(answer->refused->reason, Reason::kWrongCluster);
  EXPECT_EQ(answer->bound, (Binding{kN1sCluster, UuidOf(1)}));
}

TEST(FoundingTest, SecondFounderIsRefusedEvenIfItCameDuringTheBinding) {
  FoundingWorld world(3);
  world.HoldDisk("n3");
  world.Start("n3");
  EXPECT_FALSE(world.Greet("n3", FoundersGreeting("n3", 1)));
  EXPECT_FALSE(world.Greet("n3", FoundersGreeting("n3", 2)));
  world.ReleaseDisk("n3");
  ASSERT_TRUE(world.LastAnswer());
  ASSERT_TRUE(world.LastAnswer()->refused);
  EXPECT_EQ(world.LastAnswer()->refused->reason, Reason::kWrongCluster);
  EXPECT_EQ(world.DiskBindingOf("n3").cluster_id, kN1sCluster);
}

TEST(FoundingTest, GreetingForAnotherNameIsRefused) {
  FoundingWorld world(3);
  world.Start("n2");
  const auto answer = world.Greet("n2", FoundersGreeting("n3"));
  ASSERT_TRUE(answer->refused);
  EXPECT_EQ(answer->refused->reason, Reason::kWrongNode);
  EXPECT_EQ(answer->refused->message,
            "n1 greets n3, but this is n2: check peer_address in the cluster file");
  EXPECT_TRUE(world.DiskBindingOf("n2").cluster_id.is_nil());
}

TEST(FoundingTest, LostAnswersAreRepeated) {
  FoundingWorld world(3);
  world.LoseAnswersTo("n1");
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.Run();
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  EXPECT_EQ(world.DiskBindingOf("n3").cluster_id, kN1sCluster);
  world.DeliverAnswersTo("n1");
  world.Run();
  EXPECT_THAT(world.TopologyOf("n3"), NotNull());
}

TEST(FoundingTest, EveryGreetingIsAnsweredOnce) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.Run(10);
  EXPECT_EQ(world.answers(), world.greetings());
}

TEST(FoundingTest, FounderHandsTheTopologyOnUntilAllHaveIt) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.HoldDisk("n3");  // It never gets the binding to disk, so it never answers.
  world.Run();
  EXPECT_THAT(world.TopologyOf("n1"), IsNull());
  world.ReleaseDisk("n3");
  world.LoseAnswersTo("n1");
  world.Run(1);
  world.DeliverAnswersTo("n1");
  world.Run(10);
  const int greetings = world.greetings();
  EXPECT_THAT(world.TopologyOf("n3"), NotNull());
  world.Run(10);
  EXPECT_EQ(world.greetings(), greetings) << "all have it, nobody is greeted any more";
}

TEST(FoundingTest, FounderKeepsGreetingANodeThatDoesNotHaveTheTopology) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.Run(1);
  // n3 dies with the binding on its disk, before anyone could hand it the topology.
  world.Kill("n3");
  world.Run();
  EXPECT_NE(world.at("n1").NextWakeAt(), Instant::max());
}

TEST(FoundingTest, WaitingForNamesWhoIsMissing) {
  FoundingWorld world(3);
  world.Start("n1");
  world.Run();
  EXPECT_EQ(world.WaitingFor("n1"), "waiting for n2, n3 to found cluster demo");
  world.Start("n2");
  world.Run();
  EXPECT_EQ(world.WaitingFor("n1"), "waiting for n3 to found cluster demo");
  EXPECT_EQ(world.WaitingFor("n2"), "waiting for the topology of cluster demo");
}

TEST(FoundingTest, FoundingIsLogged) {
  FoundingWorld world(3);
  for (const char* name : {"n1", "n2", "n3"}) world.Start(name);
  world.Run();
  EXPECT_THAT(world.LogOf("n1"), Contains("founding cluster demo, all 3 nodes answered"));
  EXPECT_THAT(world.LogOf("n2"), Contains("bound to cluster " + kN1sCluster.ToString() +
                                          " by founder " + UuidOf(1).ToString()));
  EXPECT_THAT(world.LogOf("n3"),
              Contains("cluster demo is founded, epoch 1, 3 nodes, 16 partitions"));
}

// Files that differ in one value. The founder n1 has the right one.
class FilesThatDifferTest : public ::testing::Test {
 protected:
  // What the operator reads on n1 after n2 was greeted.
  std::string Said() {
    for (const char* name : {"n1", "n2", "n3"}) world_.Start(name);
    world_.Run();
    EXPECT_THAT(world_.TopologyOf("n1"), IsNull());
    EXPECT_TRUE(world_.DiskBindingOf("n2").cluster_id.is_nil());
    return world_.WaitingFor("n1");
  }

  ClusterTerms& terms() { return world_.options("n2").terms; }

  FoundingWorld world_{3};
};

TEST_F(FilesThatDifferTest, ClusterNameIsRefused) {
  terms().name = "prod";
  EXPECT_EQ(Said(),
            "waiting for n2 to found cluster demo; cluster files differ: cluster.name is prod on "
            "n2 and demo on n1; copy one file to all nodes");
}

TEST_F(FilesThatDifferTest, PartitionsAreRefused) {
  terms().partitions = 64;
  EXPECT_THAT(Said(), HasSubstr("cluster.partitions is 64 on n2 and 16 on n1"));
}

TEST_F(FilesThatDifferTest, ReplicationIsRefused) {
  terms().replication = 5;
  EXPECT_THAT(Said(), HasSubstr("cluster.replication is 5 on n2 and 3 on n1"));
}

TEST_F(FilesThatDifferTest, ListOfNodesIsRefused) {
  terms().node_names = {"n1", "n2", "n3", "n4"};
  EXPECT_THAT(Said(), HasSubstr("nodes is n1, n2, n3, n4 on n2 and n1, n2, n3 on n1"));
}

// By its own file n2 is the first of all, and so a founder with a cluster id of its own.
TEST_F(FilesThatDifferTest, ListsThatNameTwoFoundersAreRefusedForTheLists) {
  terms().node_names = {"n2", "n3"};
  world_.options("n2").peers = {{"n3", CardOf(3).peer_address}};
  for (const char* name : {"n1", "n2"}) world_.Start(name);
  world_.Run();
  EXPECT_THAT(world_.WaitingFor("n1"), HasSubstr("nodes is n2, n3 on n2 and n1, n2, n3 on n1"));
}

TEST_F(FilesThatDifferTest, DifferenceIsLoggedOnceNotWithEveryGreeting) {
  terms().partitions = 64;
  (void)Said();
  world_.Run(10);
  const auto log = world_.LogOf("n1");
  EXPECT_EQ(std::ranges::count_if(
                log, [](const auto& line) { return line.find("differ") != std::string::npos; }),
            1);
}

TEST_F(FilesThatDifferTest, RefusalNamesTheFieldForMachines) {
  terms().partitions = 64;
  world_.Start("n2");
  const auto answer = world_.Greet("n2", FoundersGreeting("n2"));
  ASSERT_TRUE(answer->refused);
  EXPECT_EQ(answer->refused->reason, Reason::kWrongCluster);
  EXPECT_EQ(answer->refused->metadata,
            (std::map<std::string, std::string>{
                {"actual", "16"}, {"expected", "64"}, {"field", "cluster.partitions"}}));
}

TEST_F(FilesThatDifferTest, CorrectedFileFounds) {
  terms().partitions = 64;
  (void)Said();
  world_.Kill("n2");
  terms().partitions = 16;
  world_.Start("n2");
  world_.Run();
  EXPECT_THAT(world_.TopologyOf("n2"), NotNull());
}

}  // namespace
}  // namespace kvd::topology
