#include "client/kvctl/render_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

client::NodeStatus Up(const std::string& name) {
  client::NodeStatus node;
  node.name = name;
  node.address = "10.0.0.1:7400";
  node.zone = "rack-a";
  node.state = client::NodeState::kUp;
  node.owned = 85;
  node.replicas = 85;
  node.load = client::NodeLoad{.keys = 1'200'000,
                               .disk_bytes = 2048ULL << 20U,
                               .uptime = std::chrono::hours(76),
                               .version = "0.1.0"};
  node.behind = 0;
  return node;
}

client::NodeStatus Down(const std::string& name) {
  client::NodeStatus node = Up(name);
  node.state = client::NodeState::kDown;
  node.silent = std::chrono::seconds(252);
  node.silent_reason = "connection refused";
  return node;
}

client::ClusterStatus StatusOf(std::vector<client::NodeStatus> nodes) {
  client::ClusterStatus status;
  status.cluster = "demo";
  status.epoch = Epoch{4};
  status.partitions = 255;
  status.replication = 1;
  status.replication_wished = 1;
  status.nodes = std::move(nodes);
  return status;
}

TEST(RenderStatusTest, HealthyClusterFitsOneScreen) {
  EXPECT_EQ(
      RenderStatus(StatusOf({Up("n1"), Up("n2")}), /*jobs=*/0, /*colour=*/false),
      "cluster demo   healthy   2/2 nodes up   epoch 4   255 partitions x 1 replica   no jobs\n"
      "NODE  STATE  ADDRESS        ZONE    OWNS  REPLICAS   KEYS   DISK  BEHIND  UPTIME  VERSION\n"
      "n1    up     10.0.0.1:7400  rack-a    85        85  1.20M  2 GiB       0   3d 4h  0.1.0\n"
      "n2    up     10.0.0.1:7400  rack-a    85        85  1.20M  2 GiB       0   3d 4h  0.1.0\n");
}

TEST(RenderStatusTest, DegradedClusterSaysWhatItMeansAndWhatNext) {
  const auto status = StatusOf({Up("n1"), Up("n2"), Down("n3")});
  EXPECT_EQ(JudgeHealth(status).state, Health::State::kDegraded);
  EXPECT_EQ(JudgeHealth(status).partitions_unavailable, 85U);
  EXPECT_THAT(
      RenderStatus(status, /*jobs=*/0, /*colour=*/false),
      HasSubstr("cluster demo   DEGRADED   2/3 nodes up   epoch 4   255 partitions x 1 replica   "
                "no jobs\n"
                "  n3 is unreachable for 4m12s (connection refused); its 85 partitions are "
                "unavailable until it is back\n"
                "  170 of 255 partitions are served; keys in the others are refused (rc 6)\n"
                "  next: start n3 (journalctl -u kvd@n3 says why it stopped)\n"));
}

TEST(RenderStatusTest, LossOfANodeAmongReplicasSaysWhatIsLeft) {
  auto status = StatusOf({Up("n1"), Up("n2"), Down("n3")});
  status.replication = 3;
  EXPECT_EQ(JudgeHealth(status).partitions_unavailable, 0U);
  EXPECT_THAT(RenderStatus(status, /*jobs=*/0, /*colour=*/false),
              HasSubstr("  n3 is unreachable for 4m12s (connection refused); other nodes own its "
                        "partitions\n"
                        "  every key is served; no further failure is tolerated: if one more node "
                        "fails, some keys are not\n"));
}

TEST(RenderStatusTest, PartitionWithoutAnOwnerIsNotHealthy) {
  auto status = StatusOf({Up("n1"), Up("n2"), Up("n3")});
  status.replication = 3;
  status.leaderless = 2;
  EXPECT_EQ(JudgeHealth(status).state, Health::State::kDegraded);
  EXPECT_EQ(JudgeHealth(status).partitions_unavailable, 2U);
  EXPECT_THAT(RenderStatus(status, /*jobs=*/0, /*colour=*/false),
              HasSubstr("  2 partitions without an owner: too few of their replicas are up, or an "
                        "election is under way\n"
                        "  253 of 255 partitions are served; keys in the others are refused (rc "
                        "6)\n"));
}

TEST(RenderStatusTest, WhatTheClusterCannotDoIsAProblem) {
  auto status = StatusOf({Up("n1"), Up("n2"), Up("n3")});
  status.replication = 3;
  status.halted = "n3 is not removed by itself: its whole zone is down";
  EXPECT_EQ(JudgeHealth(status).state, Health::State::kDegraded);
  EXPECT_THAT(RenderStatus(status, /*jobs=*/0, /*colour=*/false),
              HasSubstr("  n3 is not removed by itself: its whole zone is down\n"));
}

TEST(RenderStatusTest, FewerCopiesThanWishedAreAdmitted) {
  auto status = StatusOf({Up("n1")});
  status.replication_wished = 3;
  EXPECT_EQ(JudgeHealth(status).state, Health::State::kHealthy);
  EXPECT_THAT(RenderStatus(status, /*jobs=*/0, /*colour=*/false),
              HasSubstr("each key has 1 replica, cluster.replication asks for 3: that needs more "
                        "nodes"));
}

TEST(RenderStatusTest, SuspectDrainingAndStrangeNodesAreNotHealthy) {
  for (const auto state : {client::NodeState::kSuspect, client::NodeState::kDraining,
                           client::NodeState::kUnknown, client::NodeState::kJoining}) {
    auto node = Up("n1");
    node.state = state;
    EXPECT_EQ(JudgeHealth(StatusOf({node})).state, Health::State::kDegraded);
  }
}

TEST(RenderStatusTest, FoundingSaysWhatItWaitsFor) {
  auto status = StatusOf({Up("n1"), Down("n2")});
  status.waiting_for = "waiting for n2 to found cluster demo";
  EXPECT_EQ(JudgeHealth(status).state, Health::State::kFounding);
  const std::string text = RenderStatus(status, /*jobs=*/0, /*colour=*/false);
  EXPECT_THAT(text, HasSubstr("cluster demo   FOUNDING   2 nodes in the cluster file\n"
                              "  waiting for n2 to found cluster demo\n"
                              "  next: start the nodes it waits for"));
  EXPECT_THAT(text, Not(HasSubstr("nodes up")));
  EXPECT_THAT(text, Not(HasSubstr("unreachable")));
}

TEST(RenderStatusTest, JsonKeepsItsFields) {
  auto status = StatusOf({Up("n1"), Down("n3")});
  status.answered_by = "n1";
  EXPECT_EQ(StatusJson(status, /*jobs=*/0),
            R"({"cluster":"demo","state":"degraded","epoch":4,"partitions":255,"replication":1,)"
            R"("replication_wished":1,"nodes_up":1,"nodes":2,"jobs":0,"partitions_unavailable":85,)"
            R"("answered_by":"n1","problems":[{"node":"n3","message":"n3 is unreachable for 4m12s )"
            R"((connection refused); its 85 partitions are unavailable until it is back"}]})"
            "\n");
}

TEST(RenderStatusTest, JobsUnderWayAreCounted) {
  const auto status = StatusOf({Up("n1")});
  EXPECT_THAT(RenderStatus(status, /*jobs=*/1, /*colour=*/false), HasSubstr("1 replica   1 job\n"));
  EXPECT_THAT(RenderStatus(status, /*jobs=*/2, /*colour=*/false), HasSubstr("   2 jobs\n"));
  EXPECT_THAT(StatusJson(status, /*jobs=*/2), HasSubstr(R"("jobs":2,)"));
}

TEST(RenderStatusTest, JobsThatNobodyTellsAreUnknown) {
  const auto status = StatusOf({Up("n1")});
  EXPECT_THAT(RenderStatus(status, /*jobs=*/std::nullopt, /*colour=*/false),
              HasSubstr("   jobs unknown\n"));
  EXPECT_THAT(StatusJson(status, /*jobs=*/std::nullopt), HasSubstr(R"("jobs":null,)"));
}

TEST(RenderStatusTest, NodeNeverHeardHasNoFigures) {
  client::NodeStatus node;
  node.name = "n9";
  node.state = client::NodeState::kJoining;
  EXPECT_THAT(
      NodesTable(StatusOf({node}), /*colour=*/false),
      HasSubstr("n9    joining  -        -        0         0     -     -       -       -  -\n"));
  EXPECT_THAT(NodesJson(StatusOf({node})),
              HasSubstr(R"({"name":"n9","state":"joining","uuid":"")"));
}

}  // namespace
}  // namespace kvd::kvctl
