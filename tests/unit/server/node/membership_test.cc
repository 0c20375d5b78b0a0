// Replicas that come to nodes and leave them while all run: four nodes, three of which have a
// replica of the partition in question; the fourth is the guest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;

constexpr uint64_t kNew = 900;  // Above every id of the founding.

class MembershipTest : public ::testing::Test {
 protected:
  MembershipTest() {
    for (const auto& replica : world_.topology().ring[partition_.value]) home_.push_back(replica);
    for (const NodeId node : world_.nodes()) {
      if (world_.at(node).replicas()->Find(partition_) == nullptr) guest_ = node;
    }
    EXPECT_EQ(world_.InTime(world_.Put(kN1, key_, "v")).substr(0, 7), "written");
  }

  [[nodiscard]] NodeId Leader() const { return *world_.ServerOf(partition_); }
  [[nodiscard]] const raft::Replica* On(NodeId node) {
    return world_.at(node).replicas()->Find(partition_);
  }
  [[nodiscard]] GroupReport Report() {
    for (GroupReport& report : world_.at(Leader()).Reports()) {
      if (report.partition == partition_) return report;
    }
    ADD_FAILURE() << "nobody reports";
    return {};
  }
  [[nodiscard]] raft::Member MemberOn(NodeId node) {
    for (const raft::Member& member : Report().configuration.All()) {
      if (member.node == node) return member;
    }
    return {};
  }

  [[nodiscard]] Step StepTo(std::vector<raft::Member> voters,
                            std::vector<raft::Member> learners = {}) {
    const GroupReport report = Report();
    return {.partition = partition_,
            .term = report.term,
            .if_index = report.configuration_index,
            .voters = std::move(voters),
            .learners = std::move(learners)};
  }
  StepResult Take(const Step& step) {
    const StepResult result = world_.at(Leader()).OnStep(step, world_.now());
    world_.Settle();
    return result;
  }
  // Until the leader takes a step to these members, and they are settled.
  void Become(std::vector<raft::Member> voters, std::vector<raft::Member> learners = {}) {
    std::ranges::sort(voters);
    (void)world_.PassUntil([&] {
      if (!world_.ServerOf(partition_)) return false;
      const GroupReport report = Report();
      if (report.settled && report.configuration.voters == voters &&
          report.configuration.learners == learners) {
        return true;
      }
      if (report.settled) (void)Take(StepTo(voters, learners));
      return false;
    });
  }
  [[nodiscard]] std::vector<raft::Member> Home() const {
    std::vector<raft::Member> members;
    for (const auto& each : home_) members.push_back({.id = each.id, .node = each.node});
    return members;
  }
  [[nodiscard]] raft::Member Guest(uint64_t id = kNew) const {
    return {.id = ReplicaId{id}, .node = guest_};
  }
  void Invite(uint64_t id = kNew) {
    Become(Home(), {Guest(id)});
    (void)world_.PassUntil([&] { return On(guest_) != nullptr; });
  }
  // The guest takes the place of the last of the ring.
  raft::Member Replace() {
    Invite();
    std::vector<raft::Member> voters = Home();
    const raft::Member last = std::exchange(voters.back(), Guest());
    Become(voters);
    return last;
  }
  [[nodiscard]] storage::GroupExtent ExtentOn(NodeId node) {
    const auto groups = world_.log(node).Groups().value();
    for (const storage::GroupExtent& extent : groups) {
      if (extent.group == GroupOf(partition_)) return extent;
    }
    return {};
  }
  [[nodiscard]] bool HasDataOn(NodeId node) {
    return world_.store(node)
        .Applied(partition_, storage::Store::Tier::kLatest)
        .value()
        .has_value();
  }
  void Deliver(NodeId from, NodeId to, Membership membership) {
    Frame frame;
    frame.membership = std::move(membership);
    world_.Deliver(from, to, std::move(frame));
  }

  World world_{4};
  const std::string key_ = world_.KeyOf(kN2);
  const PartitionId partition_ = world_.PartitionOfKey(key_);
  std::vector<topology::Replica> home_;
  NodeId guest_;
};

TEST_F(MembershipTest, ALearnerIsMadeByItsLeaderAndGetsEverything) {
  Invite();
  EXPECT_EQ(On(guest_)->self(), Guest());
  (void)world_.PassUntil([&] { return On(guest_)->commit() == On(Leader())->commit(); });
  EXPECT_EQ(world_.DigestOf(guest_, partition_), world_.DigestOf(Leader(), partition_));
  EXPECT_EQ(ExtentOn(guest_).replica, ReplicaId{kNew});
}

// A leader that loses it, and its successor, would tell the guest that it was removed: its id could
// never come again.
TEST_F(MembershipTest, NobodyIsMadeUnderAConfigurationThatMayBeLost) {
  for (const raft::Member& member : Home()) world_.HoldLog(member.node);
  ASSERT_TRUE(std::holds_alternative<StepTaken>(Take(StepTo(Home(), {Guest()}))));
  world_.Pass(500ms);
  EXPECT_EQ(On(guest_), nullptr);
  for (const raft::Member& member : Home()) world_.ReleaseLog(member.node);
  (void)world_.PassUntil([&] { return On(guest_) != nullptr; });
}

TEST_F(MembershipTest, AReplicaSaysNothingBeforeItIsDurable) {
  world_.HoldLog(guest_);
  bool spoke = false;
  world_.SetFilter([&](World::Sent& sent) {
    for (const GroupMessage& each : sent.frame.raft) {
      spoke = spoke || (sent.from == guest_ && each.group == GroupOf(partition_));
    }
    return true;
  });
  Become(Home(), {Guest()});
  world_.Pass(500ms);
  EXPECT_EQ(On(guest_), nullptr);
  EXPECT_FALSE(spoke);
  world_.ReleaseLog(guest_);
  world_.Pass(500ms);
  EXPECT_EQ(On(guest_)->self(), Guest());
  EXPECT_TRUE(spoke);
}

TEST_F(MembershipTest, WhatIsMadeSurvivesARestart) {
  Invite();
  world_.Restart(guest_);
  EXPECT_EQ(On(guest_)->self(), Guest());
  (void)world_.PassUntil([&] { return On(guest_)->commit() == On(Leader())->commit(); });
}

TEST_F(MembershipTest, FoundingReplicasHaveTheirNamesOnTheDisk) {
  for (const auto& replica : home_) {
    EXPECT_EQ(ExtentOn(replica.node).replica, replica.id);
    EXPECT_FALSE(ExtentOn(replica.node).initial.empty());
  }
}

TEST_F(MembershipTest, ARemovedReplicaLeavesItsTombstoneAndNoData) {
  const raft::Member last = Replace();
  (void)world_.PassUntil([&] { return On(last.node) == nullptr; }, 1s);
  world_.Pass(100ms);
  EXPECT_EQ(ExtentOn(last.node),
            (storage::GroupExtent{.group = GroupOf(partition_), .removed = last.id}));
  EXPECT_FALSE(HasDataOn(last.node));
  EXPECT_EQ(world_.InTime(world_.Get(last.node, key_)).substr(0, 9), "found \"v\"");
}

TEST_F(MembershipTest, ARemovedIdNeverComesBack) {
  const raft::Member last = Replace();
  world_.Pass(1s);
  const Create create{
      .group = GroupOf(partition_), .replica = last.id, .initial = Report().configuration};
  Deliver(Leader(), last.node, {.creates = {create}});
  world_.Restart(last.node);
  Deliver(Leader(), last.node, {.creates = {create}});
  world_.Pass(100ms);
  EXPECT_EQ(On(last.node), nullptr);

  // Nor does it vote.
  world_.HoldNetwork();
  Frame asks;
  asks.raft.push_back({GroupOf(partition_),
                       {.from = ReplicaId{kNew},
                        .to = last.id,
                        .term = 99,
                        .body = raft::VoteRequest{.last_index = 99, .last_term = 98}}});
  world_.Deliver(guest_, last.node, asks);
  std::vector<NotHere> answers;
  for (const World::Sent& sent : world_.sent()) {
    if (sent.from != last.node) continue;
    EXPECT_THAT(sent.frame.raft, IsEmpty());
    std::ranges::copy(sent.frame.membership.not_here, std::back_inserter(answers));
  }
  EXPECT_THAT(answers, Contains(NotHere{GroupOf(partition_), last.id, true}));
}

TEST_F(MembershipTest, WhoeverWasRemovedWhileAwayLearnsItWhenItComesBack) {
  Invite();
  std::vector<raft::Member> voters = Home();
  const raft::Member last = std::exchange(voters.back(), Guest());
  (void)world_.PassUntil([&] { return On(guest_)->commit() == On(Leader())->commit(); });
  world_.Kill(last.node);
  Become(voters);
  world_.Restart(last.node);
  EXPECT_NE(On(last.node), nullptr);
  (void)world_.PassUntil([&] { return On(last.node) == nullptr; }, 5s);
  world_.Pass(100ms);
  EXPECT_EQ(ExtentOn(last.node).removed, last.id);
}

// The leader may not know yet of who was added after it lost its office.
TEST_F(MembershipTest, OnlyAConfirmationThatCoversTheLogRemoves) {
  const NodeId node = home_.back().node;
  const raft::Replica& replica = *On(node);
  const Index last = replica.last();
  const Term term = *replica.TermAt(last);
  const auto remove = [&](ReplicaId id, Index index, Term in_term) {
    Deliver(Leader(), node, {.removals = {{GroupOf(partition_), id, index, in_term}}});
    return On(node) == nullptr;
  };
  EXPECT_FALSE(remove(home_.back().id, last - 1, term));
  EXPECT_FALSE(remove(home_.back().id, last + 9, term - 1));
  EXPECT_FALSE(remove(ReplicaId{kNew}, last, term));
  EXPECT_TRUE(remove(home_.back().id, last, term));
}

TEST_F(MembershipTest, OnlyALeaderConfirmsAndOnlyWhatIsSettled) {
  world_.HoldNetwork();
  const auto confirms = [&](NodeId node, ReplicaId id) {
    world_.sent().clear();
    const NodeId asker = node == guest_ ? home_[0].node : guest_;
    Deliver(asker, node, {.inquiries = {{GroupOf(partition_), id}}});
    return std::ranges::any_of(world_.sent(), [](const World::Sent& sent) {
      return !sent.frame.membership.removals.empty();
    });
  };
  const NodeId leader = Leader();
  EXPECT_TRUE(confirms(leader, ReplicaId{kNew}));
  EXPECT_FALSE(confirms(leader, home_.back().id));
  EXPECT_FALSE(confirms(home_.back().node, ReplicaId{kNew}));
  EXPECT_FALSE(confirms(guest_, ReplicaId{kNew}));
  ASSERT_TRUE(std::holds_alternative<StepTaken>(Take(StepTo(Home(), {Guest()}))));
  EXPECT_FALSE(confirms(leader, ReplicaId{kNew + 1})) << "the change is not committed yet";
}

TEST_F(MembershipTest, ACrashBeforeTheDataIsDroppedLeavesATombstone) {
  world_.Flush(home_.back().node);
  const raft::Member last{.id = home_.back().id, .node = home_.back().node};
  world_.HoldApplier(last.node);
  Invite();
  std::vector<raft::Member> voters = Home();
  voters.back() = Guest();
  Become(voters);
  (void)world_.PassUntil([&] { return ExtentOn(last.node).removed == last.id; });
  EXPECT_TRUE(HasDataOn(last.node));
  world_.Restart(last.node);
  EXPECT_EQ(On(last.node), nullptr);
  EXPECT_FALSE(HasDataOn(last.node));
}

TEST_F(MembershipTest, TheNextReplicaOnANodeComesWhenTheOneBeforeIsGone) {
  const raft::Member old{.id = home_.back().id, .node = home_.back().node};
  world_.HoldApplier(old.node);
  std::vector<raft::Member> voters = Home();
  voters.pop_back();
  Become(voters);
  const raft::Member next{.id = ReplicaId{kNew}, .node = old.node};
  Become(voters, {next});
  world_.Pass(1s);
  EXPECT_EQ(On(old.node), nullptr) << "the data of the one before is still there";
  world_.ReleaseApplier(old.node);
  (void)world_.PassUntil([&] { return On(old.node) != nullptr; });
  EXPECT_EQ(On(old.node)->self(), next);
  voters.push_back(next);
  Become(voters);
  (void)world_.PassUntil([&] { return On(old.node)->commit() == On(Leader())->commit(); });
  EXPECT_EQ(world_.DigestOf(old.node, partition_), world_.DigestOf(Leader(), partition_));
}

TEST_F(MembershipTest, EverybodyFindsAPartitionThatMoved) {
  Invite();
  (void)world_.PassUntil([&] { return On(guest_)->commit() == On(Leader())->commit(); });
  Become({Guest()});
  for (const NodeId node : world_.nodes()) {
    EXPECT_EQ(world_.InTime(world_.Get(node, key_)).substr(0, 9), "found \"v\"") << node;
  }
  for (const auto& replica : home_) world_.Restart(replica.node);
  for (const NodeId node : world_.nodes()) {
    EXPECT_EQ(world_.InTime(world_.Put(node, key_, "w")).substr(0, 7), "written") << node;
  }
}

TEST_F(MembershipTest, WritesUnderWayAreAnsweredWhileTheirReplicaGoes) {
  Invite();
  (void)world_.PassUntil([&] { return On(guest_)->commit() == On(Leader())->commit(); });
  std::vector<CallId> calls;
  const NodeId first = Leader();
  for (int i = 0; i < 200 && On(first) != nullptr; ++i) {
    if (world_.ServerOf(partition_)) (void)Take(StepTo({Guest()}));
    for (const NodeId node : world_.nodes()) calls.push_back(world_.Increment(node, "n" + key_));
    for (const NodeId node : world_.nodes()) calls.push_back(world_.Increment(node, key_ + "n"));
    world_.Pass(10ms);
  }
  EXPECT_EQ(On(first), nullptr);
  for (const CallId call : calls) {
    EXPECT_EQ(world_.InTime(call).substr(0, 11), "incremented");
  }
}

TEST_F(MembershipTest, ALeaderThatIsToGoHandsOverFirst) {
  const NodeId before = Leader();
  std::vector<raft::Member> voters = Home();
  std::erase_if(voters, [&](const raft::Member& member) { return member.node == before; });
  EXPECT_EQ(Take(StepTo(voters)), StepResult(StepRefused::kHandingOver));
  (void)world_.PassUntil([&] {
    const auto server = world_.ServerOf(partition_);
    return server && *server != before;
  });
  Become(voters);
  (void)world_.PassUntil([&] { return On(before) == nullptr; }, 5s);
}

TEST_F(MembershipTest, AStepIsForOneTermAndOneConfiguration) {
  const Step step = StepTo(Home(), {Guest()});
  Step other = step;
  other.term += 1;
  EXPECT_EQ(Take(other), StepResult(StepRefused::kNotLeader));
  other = step;
  other.if_index += 1;
  EXPECT_EQ(Take(other), StepResult(StepRefused::kOtherConfiguration));
  other = step;
  other.partition = PartitionId{1000};
  EXPECT_EQ(Take(other), StepResult(StepRefused::kNotLeader));
  EXPECT_EQ(world_.at(home_.back().node).OnStep(step, world_.now()),
            StepResult(StepRefused::kNotLeader));
  EXPECT_TRUE(std::holds_alternative<StepTaken>(Take(step)));
  EXPECT_EQ(Take(step), StepResult(StepRefused::kOtherConfiguration)) << "it was taken";
}

TEST_F(MembershipTest, ReportsAndStepsTravelBetweenNodes) {
  const NodeId leader = Leader();
  for (const NodeId seat : {leader, guest_}) {
    world_.at(leader).SendReports(seat, world_.now());
    world_.Settle();
    const auto reports = world_.TakeReportsOf(seat);
    const auto report = std::ranges::find(reports, partition_, &GroupReport::partition);
    ASSERT_NE(report, reports.end());
    EXPECT_EQ(*report, Report());
    Step step = StepTo(Home(), {Guest(kNew + seat.value)});
    step.if_index = report->configuration_index;
    world_.at(seat).SendStep(leader, step, world_.now());
    world_.Settle();
    const auto answers = world_.TakeStepAnswersOf(seat);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(answers[0].partition, partition_);
    EXPECT_EQ(answers[0].if_index, step.if_index);
    EXPECT_TRUE(std::holds_alternative<StepTaken>(answers[0].result));
    world_.Pass(300ms);
  }
}

TEST_F(MembershipTest, AStepThatMakesNoSenseIsRefused) {
  const auto refused = [&](std::vector<raft::Member> voters, std::vector<raft::Member> learners) {
    return Take(StepTo(std::move(voters), std::move(learners))) ==
           StepResult(StepRefused::kMalformed);
  };
  const std::vector<raft::Member> home = Home();
  EXPECT_TRUE(refused({}, {}));
  EXPECT_TRUE(refused({}, home));
  EXPECT_TRUE(refused({home[0], home[0]}, {}));
  EXPECT_TRUE(refused(home, {home[0]}));
  EXPECT_TRUE(refused({home[0], home[1]}, {home[2]})) << "a voter does not become a learner";
  EXPECT_TRUE(refused(home, {{ReplicaId{kNew}, home[0].node}})) << "two on one node";
  EXPECT_TRUE(refused(home, {{ReplicaId{kNew}, NodeId{77}}})) << "an unknown node";
  EXPECT_TRUE(refused(home, {{ReplicaId{}, guest_}}));
  EXPECT_TRUE(refused({home[0], home[1], {home[2].id, guest_}}, {})) << "a replica that moved";
}

TEST_F(MembershipTest, ALearnerThatIsBehindIsNotPromoted) {
  world_.HoldLog(guest_);
  Become(Home(), {Guest()});
  std::vector<raft::Member> voters = Home();
  voters.push_back(Guest());
  EXPECT_EQ(Take(StepTo(voters)), StepResult(StepRefused::kNotCaughtUp));
}

TEST_F(MembershipTest, AReportSaysWhoIsThereAndHowFar) {
  world_.HoldLog(guest_);
  Become(Home(), {Guest()});
  const GroupReport report = Report();
  EXPECT_EQ(report.leader, On(Leader())->self());
  EXPECT_EQ(report.term, On(Leader())->term());
  EXPECT_EQ(report.configuration, On(Leader())->configuration());
  EXPECT_EQ(report.keys, 1U);
  EXPECT_EQ(report.bytes, key_.size() + 1);
  ASSERT_EQ(report.members.size(), 4U);
  EXPECT_EQ(report.members[0].behind, 0U);
  EXPECT_TRUE(report.members[0].active);
  EXPECT_EQ(report.members[3].id, ReplicaId{kNew});
  EXPECT_EQ(report.members[3].behind, On(Leader())->last());
}

TEST_F(MembershipTest, NothingThatAPeerSaysOfReplicasEndsTheNode) {
  for (const GroupId group : {kSystemGroup, GroupOf(partition_), GroupId{~0U}, GroupId{17}}) {
    for (const ReplicaId id : {ReplicaId{}, home_[0].id, ReplicaId{kNew}, ReplicaId{~0ULL}}) {
      const raft::Configuration odd{
          .voters = {{ReplicaId{~0ULL}, NodeId{~0U}}}, .outgoing = {}, .learners = {}};
      for (const NodeId to : {Leader(), guest_}) {
        if (to == kN1) continue;
        Deliver(kN1, to,
                {.not_here = {{group, id, false}, {group, id, true}},
                 .creates = {},
                 .inquiries = {{group, id}},
                 .removals = {{group, id, 0, 0}}});
        if (id != home_[0].id) continue;
        Deliver(kN1, to, {.creates = {{group, ReplicaId{}, odd}, {group, id, odd}}});
      }
    }
  }
  world_.Pass(2s);
  EXPECT_EQ(world_.InTime(world_.Put(guest_, key_, "w")).substr(0, 7), "written");
}

}  // namespace
}  // namespace kvd::node
