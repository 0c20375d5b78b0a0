// Operators on their way: any node answers, from the leader of the system group.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/unit/server/node/world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using topology::JobId;

TEST(HaltedRemovalTest, EveryMemberTellsWhyANodeIsNotRemoved) {
  World world({.nodes = 3, .reconciles = true, .remove_after = 5s});
  world.Pass(1s);
  EXPECT_EQ(world.at(kN1).ViewCluster(world.now()).halted, "");
  world.Kill(kN3);
  world.Pass(40s);
  for (const NodeId node : {kN1, kN2}) {
    EXPECT_EQ(world.at(node).ViewCluster(world.now()).halted,
              "n3 is not removed by itself: its whole zone is down");
  }
  world.Restart(kN3);
  world.Pass(20s);
  for (const NodeId node : {kN1, kN2, kN3}) {
    EXPECT_EQ(world.at(node).ViewCluster(world.now()).halted, "");
  }
}

class AdministrationTest : public ::testing::Test {
 protected:
  CallId Ask(NodeId node, decltype(Administer::request) request,
             std::optional<Duration> budget = std::nullopt) {
    return world_.Call(node, {.key = {}, .action = Administer{std::move(request)}}, budget);
  }

  [[nodiscard]] NodeId Leader() const { return *world_.ServerOf(topology::kSystemPartition); }

  [[nodiscard]] NodeId Other() const { return Leader() == kN5 ? kN4 : kN5; }

  // The first job, once somebody tells it.
  JobView JobTold(CallId call) {
    (void)world_.Await(call);
    const auto* jobs = std::get_if<Jobs>(&world_.ResultOf(call));
    EXPECT_TRUE(jobs != nullptr && !jobs->jobs.empty()) << world_.OutcomeOf(call);
    return jobs != nullptr && !jobs->jobs.empty() ? jobs->jobs.front() : JobView{};
  }

  World world_{World::Options{.nodes = 5, .reconciles = true}};
};

TEST_F(AdministrationTest, AnyNodeAnswersOperators) {
  for (const NodeId node : world_.nodes()) {
    EXPECT_EQ(world_.InTime(Ask(node, ListJobs{})), "jobs");
    EXPECT_EQ(world_.InTime(Ask(node, PlanChange{LeaveNode{.node = "n2"}})), "plan of 10 copies");
  }
}

TEST_F(AdministrationTest, ANodeThatLeavesIsNoMemberWhenItsJobIsDone) {
  const JobView begun = JobTold(Ask(kN4, StartChange{LeaveNode{.node = "n2"}, "me"}));
  EXPECT_EQ(begun.id, JobId{1});
  (void)world_.PassUntil(
      [&] { return JobTold(Ask(kN5, ListJobs{.job = begun.id})).stage == JobStage::kDone; });
  (void)world_.PassUntil([&] { return world_.at(kN4).topology()->FindName("n2") == nullptr; });
  EXPECT_NE(world_.at(kN4).topology()->FindRemoved(topology::UuidOf(2)), nullptr);
}

TEST_F(AdministrationTest, ANodeThatWasRemovedSaysSoOnce) {
  (void)world_.Await(Ask(kN4, StartChange{LeaveNode{.node = "n2"}, "me"}));
  (void)world_.PassUntil(
      [&] { return JobTold(Ask(kN5, ListJobs{.job = JobId{1}})).stage == JobStage::kDone; });
  world_.Pass(1s);
  const auto lines = world_.TakeLogOf(kN2);
  EXPECT_EQ(std::ranges::count_if(lines,
                                  [](const LogLine& line) {
                                    return line.message.find("no member of cluster") !=
                                           std::string::npos;
                                  }),
            1);
}

TEST_F(AdministrationTest, WithoutAMajorityOfTheSystemGroupNothingIsChanged) {
  const NodeId other = Other();
  const auto voters = world_.topology().system_voters;
  ASSERT_EQ(voters.size(), 3U);
  for (const topology::Replica& voter : voters) {
    if (voter.node != other) world_.Kill(voter.node);
  }
  const CallId call = Ask(other, StartChange{LeaveNode{.node = "n2"}, "me"}, 2s);
  EXPECT_THAT(world_.InTime(call), StartsWith("NO_MAJORITY: the system group has no majority: "));
  EXPECT_FALSE(world_.RefusalOf(call).metadata.contains("partition"));
}

TEST_F(AdministrationTest, AnOperatorWhoseLeaderDiesIsAnsweredByTheNextOne) {
  const NodeId leader = Leader();
  const NodeId other = Other();
  world_.Freeze(leader);
  const CallId call = Ask(other, StartChange{LeaveNode{.node = "n4"}, "me"}, 10s);
  world_.Pass(100ms);
  EXPECT_EQ(world_.AnswerTo(call), nullptr);
  EXPECT_EQ(JobTold(call).id, JobId{1});
  EXPECT_NE(Leader(), leader);
}

TEST_F(AdministrationTest, WhoWasAskedAndDeposedMeanwhileSendsTheOperatorOn) {
  const NodeId leader = Leader();
  world_.HoldLog(leader);
  const CallId call = Ask(leader, StartChange{LeaveNode{.node = "n4"}, "me"}, 20s);
  world_.Isolate(leader);
  (void)world_.PassUntil([&] { return world_.ServerOf(topology::kSystemPartition) != leader; });
  EXPECT_EQ(world_.AnswerTo(call), nullptr);
  world_.Heal();
  world_.ReleaseLog(leader);
  EXPECT_EQ(JobTold(call).id, JobId{1});
}

// It was elected, and does not know yet what is committed.
TEST_F(AdministrationTest, ALeaderThatDoesNotServeYetLetsOperatorsWait) {
  world_.SetFilter([](World::Sent& sent) {
    std::erase_if(sent.frame.raft, [](const GroupMessage& each) {
      return each.group == kSystemGroup &&
             std::holds_alternative<raft::AppendRequest>(each.message.body);
    });
    return true;
  });
  world_.Kill(Leader());
  const auto elected = [&]() -> std::optional<NodeId> {
    for (const NodeId node : world_.nodes()) {
      const raft::Replica* replica =
          world_.IsRunning(node) ? world_.at(node).replicas()->Find(topology::kSystemPartition)
                                 : nullptr;
      if (replica != nullptr && replica->role() == raft::Role::kLeader) return node;
    }
    return std::nullopt;
  };
  (void)world_.PassUntil([&] { return elected().has_value(); });
  const CallId call = Ask(*elected(), ListJobs{}, 10s);
  EXPECT_EQ(world_.AnswerTo(call), nullptr);
  world_.SetFilter({});
  EXPECT_EQ(world_.InTime(call), "jobs");
}

TEST_F(AdministrationTest, AChangeWithoutAnAnswerMayHaveBegun) {
  const NodeId leader = Leader();
  world_.HoldLog(leader);
  const CallId here = Ask(leader, StartChange{LeaveNode{.node = "n4"}, "me"}, 300ms);
  const CallId there = Ask(Other(), StartChange{LeaveNode{.node = "n4"}, "me"}, 200ms);
  const CallId list = Ask(Other(), ListJobs{}, 200ms);
  world_.Pass(400ms);
  EXPECT_EQ(world_.RefusalOf(here).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(world_.RefusalOf(there).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(world_.RefusalOf(list).reason, Reason::kNoMajority);
  world_.ReleaseLog(leader);
}

TEST_F(AdministrationTest, NamesThatNoNodeCanHaveAreRefusedBeforeTheyTravel) {
  const std::string long_name(64, 'n');
  const std::vector<decltype(Administer::request)> requests = {
      PlanChange{JoinNode{.node = long_name}},
      PlanChange{JoinNode{.node = "n9", .zone = long_name}},
      StartChange{ReplaceNode{"n1", long_name}, ""},
      StartChange{JoinNode{.node = "N4"}, ""},
      StartChange{ReplaceNode{"n1", ""}, ""},
      StartChange{LeaveNode{.node = long_name}, ""},
      StartChange{Rebalance{}, std::string(129, 'x')},
  };
  for (const auto& request : requests) {
    const CallId call = Ask(Other(), request);
    ASSERT_NE(world_.AnswerTo(call), nullptr);
    EXPECT_EQ(world_.RefusalOf(call).reason, Reason::kBadRequest);
  }
}

TEST_F(AdministrationTest, AForwardOfAnOperatorBelongsToTheSystemGroup) {
  std::vector<ForwardReply> replies;
  world_.SetFilter([&](World::Sent& sent) {
    for (const ForwardReply& reply : sent.frame.replies) replies.push_back(reply);
    return true;
  });
  Frame frame;
  frame.forwards.push_back({.id = 9,
                            .remaining = 1s,
                            .partition = PartitionId{3},
                            .replica = {},
                            .operation = {.key = {}, .action = Administer{ListJobs{}}}});
  world_.Deliver(Other(), Leader(), std::move(frame));
  world_.Settle();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_THAT(Show(replies[0].result), StartsWith("BAD_REQUEST"));
}

TEST(FitsTest, WhatOperatorsAreToldFitsWhatTheyAsked) {
  const auto fits = [](decltype(Administer::request) request, const Result& result) {
    return Fits({.key = {}, .action = Administer{std::move(request)}}, result);
  };
  const Jobs none;
  const Jobs one{.jobs = {{}}};
  const Jobs two{.jobs = {{}, {}}};
  EXPECT_TRUE(fits(ListJobs{}, none));
  EXPECT_TRUE(fits(ListJobs{}, two));
  EXPECT_TRUE(fits(ListJobs{.job = JobId{1}}, one));
  EXPECT_FALSE(fits(ListJobs{.job = JobId{1}}, none));
  EXPECT_FALSE(fits(ListJobs{}, PlanView{}));
  EXPECT_TRUE(fits(PlanChange{}, PlanView{}));
  EXPECT_FALSE(fits(PlanChange{}, one));
  EXPECT_TRUE(fits(StartChange{}, one));
  EXPECT_FALSE(fits(StartChange{}, two));
  EXPECT_FALSE(fits(AbortJob{}, none));
  EXPECT_TRUE(fits(AbortJob{}, Refusal{}));
  EXPECT_FALSE(Fits({.key = "k", .action = Get{}}, one));
  const Groups group{.groups = {{}}};
  EXPECT_TRUE(fits(ListGroups{}, Groups{}));
  EXPECT_TRUE(fits(ListGroups{.partition = PartitionId{1}}, group));
  EXPECT_FALSE(fits(ListGroups{.partition = PartitionId{1}}, Groups{}));
  EXPECT_FALSE(fits(ListGroups{}, one));
  EXPECT_FALSE(fits(ListJobs{}, group));
}

}  // namespace
}  // namespace kvd::node
