#include "client/kvctl/render_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using client::Join;
using client::Leave;
using client::Plan;
using client::Rebalance;
using client::Remove;
using client::Replace;
using Exposure = Plan::Exposure;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Plan::Side SideOf(size_t nodes, uint32_t replicas, uint32_t owned) {
  Plan::Side side{.shares = {}, .fullest = 1000, .exposures = {}, .replication = 3};
  for (size_t i = 1; i <= nodes; ++i) {
    const std::string number = std::to_string(i);
    side.shares.push_back(
        {.node = "n" + number, .zone = "rack-" + number, .replicas = replicas, .owned = owned});
  }
  return side;
}

// Of three nodes that a fourth joins.
Plan Joining() {
  Plan plan{.transfers = {},
            .copies = 192,
            .minimum_copies = 192,
            .bytes = 1'717'986'918,
            .time = std::chrono::seconds(102),
            .before = SideOf(3, 256, 85),
            .after = SideOf(4, 192, 64)};
  for (const char* from : {"n1", "n2", "n3"}) {
    plan.transfers.push_back({.from = from, .to = "n4", .copies = 64, .bytes = 572'662'306});
  }
  return plan;
}

Exposure LossOf(Exposure::Of of, const std::string& name, uint32_t lost, uint32_t stopped) {
  return {.of = of, .name = name, .lost = lost, .stopped = stopped};
}

TEST(RenderPlanTest, JoinSaysWhatMovesWhatIsThenAndHowLongItTakes) {
  EXPECT_EQ(RenderPlan(Join{.node = "n4", .zone = "rack-d"}, Joining(), "demo"),
            "plan: add n4 (zone rack-d) to cluster demo, 3 -> 4 nodes\n"
            "  move   192 of 768 replicas, about 1.6 GiB: 64 from each of n1, n2, n3 (the minimum "
            "is 192)\n"
            "  after  every node 192 replicas and 64 partitions owned; 4 zones\n"
            "  time   about 1m42s at the allowed rate (rebalance.max_bytes_per_second)\n");
}

TEST(RenderPlanTest, EveryChangeIsNamed) {
  Plan plan;
  plan.before = SideOf(4, 192, 64);
  plan.after = SideOf(3, 256, 85);
  EXPECT_THAT(RenderPlan(Leave{.node = "n2"}, plan, "demo"),
              StartsWith("plan: n2 leaves cluster demo, 4 -> 3 nodes\n"));
  EXPECT_THAT(RenderPlan(Remove{.node = "n3"}, plan, "demo"),
              StartsWith("plan: remove n3 from cluster demo, 4 -> 3 nodes\n"));
  EXPECT_THAT(RenderPlan(Replace{.node = "n3", .by = "n4"}, plan, "demo"),
              StartsWith("plan: replace n3 by n4 in cluster demo, "));
  plan.before = plan.after;
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, ""), StartsWith("plan: rebalance the cluster, 3 nodes\n"
                                                            "  move   nothing\n"));
}

TEST(RenderPlanTest, MovesAreSaidByWhoGivesOrWhoTakes) {
  Plan plan = Joining();
  const auto moves = [&](std::vector<Plan::Transfer> transfers) {
    plan.transfers = std::move(transfers);
    const std::string text = RenderPlan(Rebalance{}, plan, "demo");
    const size_t begin = text.find("GiB: ") + 5;
    return text.substr(begin, text.find(" (the") - begin);
  };
  EXPECT_EQ(moves({{"n1", "n4", 64, 1}, {"n2", "n4", 62, 1}}), "64 from n1, 62 from n2");
  EXPECT_EQ(moves({{"n1", "n4", 64, 1}}), "64 from n1");
  EXPECT_EQ(moves({{"n2", "n1", 64, 1}, {"n2", "n3", 64, 1}}), "64 to each of n1, n3");
  EXPECT_EQ(moves({{"", "n4", 256, 1}}), "256 additional");
  EXPECT_EQ(moves({{"n1", "n3", 2, 1}, {"n1", "n4", 3, 1}, {"n2", "n4", 4, 1}}),
            "5 from n1, 4 from n2; 2 to n3, 7 to n4");
  EXPECT_EQ(moves({{"a", "z", 1, 1},
                   {"b", "z", 1, 1},
                   {"c", "z", 1, 1},
                   {"d", "z", 1, 1},
                   {"e", "z", 1, 1},
                   {"f", "z", 1, 1},
                   {"g", "z", 1, 1},
                   {"h", "z", 1, 1}}),
            "1 from each of a, b, c, d, e, f and 2 more");
}

TEST(RenderPlanTest, UnevenSharesAreRanges) {
  Plan plan = Joining();
  plan.after.shares[0].replicas = 200;
  plan.after.shares[1].owned = 60;
  plan.after.fullest = 1032;
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, "demo"),
              HasSubstr("  after  every node 192 to 200 replicas and 60 to 64 partitions owned; 4 "
                        "zones; fullest/mean 1.03\n"));
}

TEST(RenderPlanTest, ZonesAreCountedIfEveryNodeHasOne) {
  Plan plan = Joining();
  plan.after.shares[1].zone = plan.after.shares[0].zone;
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, "demo"), HasSubstr("owned; 3 zones\n"));
  plan.after.shares[2].zone.clear();
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, "demo"), HasSubstr("owned\n"));
}

TEST(RenderPlanTest, FewerCopiesAreSaid) {
  Plan plan = Joining();
  plan.after.replication = 2;
  EXPECT_THAT(RenderPlan(Leave{.node = "n3", .accept_fewer_copies = true}, plan, "demo"),
              HasSubstr("  copies 2 of each key instead of 3\n"));
}

TEST(RenderPlanTest, FailuresThatAreNotBorneAreShownBeforeAndAfter) {
  Plan plan = Joining();
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, "demo"), Not(HasSubstr("risk")));
  plan.before.exposures = {LossOf(Exposure::Of::kNode, "n1", 3, 12),
                           LossOf(Exposure::Of::kZone, "rack-1", 0, 1),
                           LossOf(Exposure::Of::kUnknown, "", 0, 2)};
  EXPECT_THAT(RenderPlan(Rebalance{}, plan, "demo"),
              HasSubstr("  risk   before: the loss of n1 stops 12 partitions, and 3 of them lose "
                        "their data; the loss of zone rack-1 stops 1 partition; a failure this "
                        "kvctl does not know stops 2 partitions\n"
                        "         after:  no single failure stops a partition\n"));
}

TEST(RenderPlanTest, NamesCannotMoveTheCursor) {
  Plan plan = Joining();
  plan.transfers[0].from = "n\x1b[2J";
  plan.after.exposures = {LossOf(Exposure::Of::kZone, "\x1b", 0, 1)};
  EXPECT_THAT(RenderPlan(Join{.node = "\x1b"}, plan, "\x1b"), Not(HasSubstr("\x1b")));
}

TEST(RenderPlanTest, JsonIsOneObject) {
  Plan plan;
  plan.transfers = {{.from = "n1", .to = "n2", .copies = 1, .bytes = 10}};
  plan.copies = plan.minimum_copies = 1;
  plan.bytes = 10;
  plan.time = std::chrono::milliseconds(1500);
  plan.before = SideOf(1, 2, 1);
  plan.after = SideOf(1, 1, 1);
  plan.after.fullest = 1250;
  plan.after.exposures = {LossOf(Exposure::Of::kNode, "n1", 1, 1)};
  EXPECT_EQ(PlanJson(Leave{.node = "n1"}, plan),
            R"({"plan":"leave","nodes":["n1"],"copies":1,"minimum_copies":1,"bytes":10,)"
            R"("time_ms":1500,"transfers":[{"from":"n1","to":"n2","copies":1,"bytes":10}],)"
            R"("before":{"nodes":[{"node":"n1","zone":"rack-1","replicas":2,"owned":1}],)"
            R"("fullest_to_mean":1.0,"replication":3,"exposures":[]},)"
            R"("after":{"nodes":[{"node":"n1","zone":"rack-1","replicas":1,"owned":1}],)"
            R"("fullest_to_mean":1.25,"replication":3,"exposures":[{"failure":"node","name":"n1",)"
            R"("lost":1,"stopped":1}]}})"
            "\n");
}

}  // namespace
}  // namespace kvd::kvctl
