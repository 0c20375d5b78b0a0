// What the leader of the system group answers operators.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "tests/unit/server/node/system_group_world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using topology::JobId;
using topology::JobKind;
using topology::Topology;

class SystemChangesTest : public SystemGroupTest {
 protected:
  SystemChangesTest() {
    Report(founded_);
    (void)After(0s);
  }

  Ticket Ask(decltype(Administer::request) request) {
    const Ticket ticket{++last_ticket_};
    group_.OnAsked(ticket, {std::move(request)}, now_);
    return ticket;
  }

  Ticket Start(Change change) { return Ask(StartChange{std::move(change), "me"}); }

  Result ToldTo(Ticket ticket) {
    const auto told = told_.find(ticket);
    EXPECT_NE(told, told_.end()) << "nothing was told";
    if (told == told_.end()) return Absent{};
    EXPECT_TRUE(told->second) << "sent away";
    return told->second.value_or(Absent{});
  }

  Refusal RefusedTo(Ticket ticket) {
    const Result result = ToldTo(ticket);
    const auto* refusal = std::get_if<Refusal>(&result);
    EXPECT_NE(refusal, nullptr) << "it was not refused";
    return refusal != nullptr ? *refusal : Refusal{};
  }

  // Of an answer with one job.
  JobView JobTo(Ticket ticket) {
    const Result result = ToldTo(ticket);
    const auto* refusal = std::get_if<Refusal>(&result);
    EXPECT_EQ(refusal, nullptr) << (refusal != nullptr ? refusal->message : "");
    const auto* jobs = std::get_if<Jobs>(&result);
    EXPECT_TRUE(jobs != nullptr && jobs->jobs.size() == 1);
    return jobs != nullptr && jobs->jobs.size() == 1 ? jobs->jobs.front() : JobView{};
  }

  std::vector<JobView> List() {
    const Ticket ticket = Ask(ListJobs{});
    (void)After(0s);
    const Result result = ToldTo(ticket);
    const auto* jobs = std::get_if<Jobs>(&result);
    EXPECT_NE(jobs, nullptr);
    return jobs != nullptr ? jobs->jobs : std::vector<JobView>{};
  }

  // n4 joined, and holds what it is wished to.
  Topology Grow() {
    group_.OnAnnounced(topology::CardOf(4), now_);
    const Topology joined = Written(After(500ms));
    Report(joined);
    (void)Written(After(0s));
    Topology grown = Written(After(0s));
    Report(grown);
    return grown;
  }

  uint64_t last_ticket_ = 0;
};

TEST_F(SystemChangesTest, APlanSaysWhatWouldMoveAndChangesNothing) {
  const Ticket plan = Ask(PlanChange{JoinNode{.node = "n4", .zone = "z4"}});
  EXPECT_EQ(After(0s).poll, 5U) << "sizes as they are now";
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_FALSE(After(100ms).write);
  const Result result = ToldTo(plan);
  const auto* view = std::get_if<PlanView>(&result);
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->copies, 12U);
  EXPECT_EQ(view->minimum_copies, 12U);
  EXPECT_EQ(view->bytes, 12000U);
  EXPECT_EQ(view->time, Duration(1s));
  ASSERT_THAT(view->transfers, SizeIs(3));
  EXPECT_EQ(view->transfers[0].from, "n1");
  EXPECT_EQ(view->transfers[0].to, "n4");
  EXPECT_THAT(view->before.shares, SizeIs(3));
  ASSERT_THAT(view->after.shares, SizeIs(4));
  EXPECT_EQ(view->after.shares[3],
            (PlanView::Share{.node = "n4", .zone = "z4", .replicas = 12, .owned = 4}));
  EXPECT_EQ(view->after.fullest, 1000U);
  EXPECT_THAT(view->after.failures, IsEmpty());
}

TEST_F(SystemChangesTest, APlanNamesWhatASingleFailureWouldCost) {
  const Ticket plan = Ask(PlanChange{LeaveNode{.node = "n1", .accept_fewer_copies = true}});
  (void)After(100ms);
  const Result result = ToldTo(plan);
  const auto* view = std::get_if<PlanView>(&result);
  ASSERT_NE(view, nullptr);
  EXPECT_THAT(view->before.failures, IsEmpty());
  EXPECT_THAT(view->after.failures,
              ElementsAre(PlanView::Failure{.name = "n2", .lost = 0, .stopped = 16},
                          PlanView::Failure{.name = "n3", .lost = 0, .stopped = 16}));
  EXPECT_EQ(view->after.copies, 2U);
}

TEST_F(SystemChangesTest, APlanOfNothingMovesNothing) {
  const Ticket plan = Ask(PlanChange{Rebalance{}});
  (void)After(100ms);
  const Result result = ToldTo(plan);
  const auto* view = std::get_if<PlanView>(&result);
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->copies, 0U);
  EXPECT_EQ(view->before, view->after);
}

TEST_F(SystemChangesTest, AChangeIsAnsweredWithItsJobOnceItIsWritten) {
  (void)Grow();
  const Ticket leave = Start(LeaveNode{.node = "n2"});
  const SystemGroup::Effects wanted = After(0s);
  EXPECT_THAT(told_, IsEmpty());
  const Topology leaving = Written(wanted);
  EXPECT_EQ(leaving.FindName("n2")->state, topology::MemberState::kLeaving);
  const JobView job = JobTo(leave);
  EXPECT_EQ(job.id, JobId{2});
  EXPECT_EQ(job.kind, JobKind::kLeave);
  EXPECT_EQ(job.stage, JobStage::kRunning);
  EXPECT_THAT(job.nodes, ElementsAre("n2"));
  EXPECT_EQ(job.asked_by, "me");
  EXPECT_EQ(job.copies, 12U);
  EXPECT_EQ(job.copies_left, 12U);
}

TEST_F(SystemChangesTest, AChangeUnderWayIsAnsweredWithItsJob) {
  (void)Grow();
  (void)Start(LeaveNode{.node = "n2"});
  (void)Written(After(0s));
  const Ticket again = Start(LeaveNode{.node = "n2"});
  EXPECT_THAT(Written(After(0s)).jobs, SizeIs(2)) << "what is written are new voters";
  EXPECT_EQ(JobTo(again).id, JobId{2});
}

TEST_F(SystemChangesTest, AJoinUnderWayIsAnsweredWithItsJob) {
  group_.OnAnnounced(topology::CardOf(4), now_);
  (void)Written(After(500ms));
  const Ticket join = Start(JoinNode{.node = "n4"});
  (void)After(0s);
  EXPECT_EQ(JobTo(join).id, JobId{1});
}

TEST_F(SystemChangesTest, WhatIsUnsafeIsRefused) {
  const Ticket leave = Start(LeaveNode{.node = "n1"});
  const Ticket planned = Ask(PlanChange{LeaveNode{.node = "n1"}});
  EXPECT_FALSE(After(100ms).write);
  for (const Ticket ticket : {leave, planned}) {
    EXPECT_EQ(RefusedTo(ticket).reason, Reason::kUnsafeChange);
    EXPECT_THAT(RefusedTo(ticket).message, HasSubstr("2 nodes would remain"));
  }
}

TEST_F(SystemChangesTest, ANodeThatIsHeardIsNotRemoved) {
  (void)Grow();
  const Ticket heard = Start(RemoveNode{.node = "n2"});
  EXPECT_FALSE(After(0s).write);
  EXPECT_EQ(RefusedTo(heard).reason, Reason::kUnsafeChange);
  silent_ = {NodeId{2}};
  const Ticket silent = Start(RemoveNode{.node = "n2"});
  (void)Written(After(0s));
  EXPECT_EQ(JobTo(silent).kind, JobKind::kRemove);
  silent_.clear();
  const Ticket back = Start(RemoveNode{.node = "n2"});
  (void)After(0s);
  EXPECT_EQ(JobTo(back).id, JobTo(silent).id) << "it came back, and goes all the same";
}

TEST_F(SystemChangesTest, NodesAndJobsThatDoNotExistAreNotFound) {
  const std::vector<Ticket> asked = {
      Start(LeaveNode{.node = "n9"}), Start(RemoveNode{.node = "n9"}),
      Start(ReplaceNode{"n9", "n4"}), Start(LeaveNode{.node = ""}),
      Ask(ListJobs{.job = JobId{7}}), Ask(AbortJob{.job = JobId{7}}),
  };
  EXPECT_FALSE(After(0s).write);
  for (const Ticket ticket : asked) EXPECT_EQ(RefusedTo(ticket).reason, Reason::kNotFound);
}

TEST_F(SystemChangesTest, ANameInUseDoesNotJoin) {
  const Ticket join = Start(JoinNode{.node = "n2"});
  const Ticket replace = Start(ReplaceNode{"n1", "n2"});
  (void)After(0s);
  EXPECT_EQ(RefusedTo(join).reason, Reason::kNameInUse);
  EXPECT_EQ(RefusedTo(replace).reason, Reason::kNameInUse);
}

TEST_F(SystemChangesTest, AJoinWaitsForItsNodeToCallIn) {
  const Ticket early = Start(JoinNode{.node = "n4"});
  EXPECT_FALSE(After(0s).write);
  EXPECT_EQ(JobTo(early).id, JobId{});
  EXPECT_EQ(JobTo(early).stage, JobStage::kWaiting);
  EXPECT_EQ(JobTo(early).reason, "n4 has not called in");
  EXPECT_THAT(List(), ElementsAre(JobTo(early)));
  group_.OnAnnounced(topology::CardOf(4), now_);
  (void)Written(After(500ms));
  const Ticket again = Start(JoinNode{.node = "n4"});
  (void)After(0s);
  EXPECT_EQ(JobTo(again).id, JobId{1});
  EXPECT_THAT(List(), SizeIs(1)) << "nothing is awaited any more";
}

TEST_F(SystemChangesTest, WhoIsToReplaceAnotherTakesItsPlaceWhenItCallsIn) {
  const Ticket early = Start(ReplaceNode{"n2", "n4"});
  (void)After(0s);
  EXPECT_THAT(JobTo(early).nodes, ElementsAre("n2", "n4"));
  group_.OnAnnounced(topology::CardOf(4), now_);
  const Topology replacing = Written(After(0s));
  EXPECT_EQ(replacing.FindName("n2")->state, topology::MemberState::kLeaving);
  ASSERT_THAT(replacing.jobs, SizeIs(1));
  EXPECT_EQ(replacing.jobs[0].asked_by, "me");
  const Ticket again = Start(ReplaceNode{"n2", "n4"});
  (void)After(0s);
  EXPECT_EQ(JobTo(again).id, JobId{1});
  EXPECT_THAT(JobTo(again).nodes, ElementsAre("n2", "n4"));
}

TEST_F(SystemChangesTest, AReplacementThatNobodyAsksForAnyMoreIsForgotten) {
  (void)Start(ReplaceNode{"n2", "n4"});
  (void)After(0s);
  (void)After(10min);
  Report(founded_);
  (void)After(0s);
  group_.OnAnnounced(topology::CardOf(4), now_);
  const Topology joined = Written(After(500ms));
  EXPECT_EQ(joined.jobs[0].kind, JobKind::kJoin);
}

TEST_F(SystemChangesTest, AnAbortedJobLeadsBack) {
  (void)Grow();
  (void)Start(LeaveNode{.node = "n2"});
  (void)Written(After(0s));
  const Ticket abort = Ask(AbortJob{.job = JobId{2}});
  const Topology back = Written(After(0s));
  EXPECT_EQ(back.FindName("n2")->state, topology::MemberState::kActive);
  EXPECT_EQ(JobTo(abort).stage, JobStage::kAborting);
  const Ticket again = Ask(AbortJob{.job = JobId{2}});
  EXPECT_FALSE(After(0s).write);
  EXPECT_EQ(JobTo(again).stage, JobStage::kAborting);
}

TEST_F(SystemChangesTest, AJobThatIsHeldUpSaysWhy) {
  (void)Grow();
  silent_ = {NodeId{3}};
  (void)Start(LeaveNode{.node = "n2"});
  (void)Written(After(0s));
  Report(topology::FoundedBy(4));
  for (auto wanted = After(100ms); wanted.write; wanted = After(0s)) (void)Written(wanted);
  const std::vector<JobView> jobs = List();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].stage, JobStage::kDone);
  EXPECT_EQ(jobs[1].stage, JobStage::kWaiting);
  EXPECT_THAT(jobs[1].reason, HasSubstr("n3 is silent"));
}

TEST_F(SystemChangesTest, OnlyGroupsThatAreNotAsWishedAreListed) {
  const Ticket quiet = Ask(ListGroups{});
  EXPECT_EQ(After(0s).poll, 5U) << "as they are now";
  (void)After(100ms);
  EXPECT_EQ(ToldTo(quiet), Result(Groups{}));
  silent_ = {NodeId{4}};
  group_.OnAnnounced(topology::CardOf(4), now_);
  const Topology joined = Written(After(500ms));
  Report(founded_);
  (void)After(100ms);
  const Ticket moving = Ask(ListGroups{});
  (void)After(100ms);
  const Result result = ToldTo(moving);
  const auto* groups = std::get_if<Groups>(&result);
  ASSERT_NE(groups, nullptr);
  ASSERT_THAT(groups->groups, SizeIs(12));
  const GroupView& group = groups->groups.front();
  const auto& wish = joined.ring[group.partition.value];
  EXPECT_EQ(group.owner, joined.Find(founded_.ring[group.partition.value][0].node)->card.name);
  ASSERT_THAT(group.copies, SizeIs(4));
  for (size_t i = 0; i < wish.size(); ++i) {
    const bool is_new = wish[i].node == NodeId{4};
    EXPECT_EQ(group.copies[i].node, joined.Find(wish[i].node)->card.name);
    EXPECT_TRUE(group.copies[i].wished);
    EXPECT_EQ(group.copies[i].role, is_new ? CopyRole::kMissing : CopyRole::kVoter);
  }
  EXPECT_FALSE(group.copies[3].wished);
  EXPECT_EQ(group.copies[3].role, CopyRole::kVoter);
  EXPECT_THAT(group.reason, HasSubstr("n4 is silent"));
}

TEST_F(SystemChangesTest, AWipedNodeAndItsNextSelfAreTwoCopiesOfOneName) {
  for (const NodeId node : {NodeId{1}, NodeId{3}}) {
    group_.OnWitness(node, {.asked_in = 5, .silent = {{NodeId{2}, 31s}}, .disk = {}}, {}, now_);
  }
  topology::NodeCard wiped = topology::CardOf(2);
  wiped.uuid = topology::UuidOf(9);
  group_.OnAnnounced(wiped, now_);
  (void)Written(After(0s));
  const Ticket ticket = Ask(ListGroups{.partition = PartitionId{3}});
  for (auto wanted = After(100ms); wanted.write; wanted = After(0s)) (void)Written(wanted);
  const Result result = ToldTo(ticket);
  const auto* groups = std::get_if<Groups>(&result);
  ASSERT_NE(groups, nullptr);
  std::vector<std::pair<CopyRole, bool>> copies;
  for (const GroupView::Copy& copy : groups->groups.at(0).copies) {
    if (copy.node == "n2") copies.emplace_back(copy.role, copy.wished);
  }
  EXPECT_THAT(copies,
              ElementsAre(std::pair(CopyRole::kMissing, true), std::pair(CopyRole::kVoter, false)));
}

TEST_F(SystemChangesTest, OneGroupIsShownAsItIs) {
  const Ticket one = Ask(ListGroups{.partition = PartitionId{3}});
  const Ticket none = Ask(ListGroups{.partition = PartitionId{16}});
  (void)After(100ms);
  const Result result = ToldTo(one);
  const auto* groups = std::get_if<Groups>(&result);
  ASSERT_NE(groups, nullptr);
  ASSERT_THAT(groups->groups, SizeIs(1));
  EXPECT_EQ(groups->groups[0].partition, PartitionId{3});
  EXPECT_EQ(groups->groups[0].bytes, 1000U);
  EXPECT_THAT(groups->groups[0].copies, SizeIs(3));
  EXPECT_EQ(groups->groups[0].reason, "");
  EXPECT_EQ(RefusedTo(none).reason, Reason::kNotFound);
}

TEST_F(SystemChangesTest, WhoAskedALeaderThatIsDeposedIsSentAway) {
  (void)Grow();
  const Ticket decided = Start(LeaveNode{.node = "n2"});
  EXPECT_TRUE(After(0s).write);
  const Ticket queued = Start(LeaveNode{.node = "n3"});
  group_.OnDeposed();
  (void)Wanted();
  for (const Ticket ticket : {decided, queued}) {
    ASSERT_TRUE(told_.contains(ticket));
    EXPECT_FALSE(told_.at(ticket));
  }
}

TEST_F(SystemChangesTest, AWriteThatCameToNothingIsDecidedAgain) {
  const Topology grown = Grow();
  const Ticket leave = Start(LeaveNode{.node = "n2"});
  const uint64_t number = After(0s).write.value().number;
  group_.OnWritten(number, Refusal{.reason = Reason::kOutcomeUnknown, .message = ""}, now_);
  version_ = 50;
  group_.OnRead(Wanted().read.value(),
                Found{.value = topology::EncodeTopology(grown), .version = version_}, grown, now_);
  (void)Written(After(0s));
  EXPECT_EQ(JobTo(leave).id, JobId{2});
}

TEST_F(SystemChangesTest, AWriteThatWasThereAllTheSameIsNotDecidedTwice) {
  const Topology grown = Grow();
  const Ticket leave = Start(LeaveNode{.node = "n2"});
  const SystemGroup::Effects wanted = After(0s);
  ASSERT_TRUE(wanted.write);
  const Refusal unknown{.reason = Reason::kOutcomeUnknown, .message = ""};
  group_.OnWritten(wanted.write->number, unknown, now_);
  version_ = 50;
  group_.OnRead(Wanted().read.value(), Found{.value = wanted.write->record, .version = version_},
                grown, now_);
  EXPECT_THAT(Written(After(0s)).jobs, SizeIs(2)) << "what is written are new voters";
  EXPECT_EQ(JobTo(leave).id, JobId{2});
}

TEST_F(SystemGroupOfAFoundingTest, OperatorsChangeNothingBeforeAllHoldTheFirstTopology) {
  Testify(NodeId{1});
  silent_ = {NodeId{3}};
  group_.OnAsked(Ticket{1}, {StartChange{JoinNode{.node = "n4"}, ""}}, now_);
  group_.OnAsked(Ticket{2}, {ListJobs{}}, now_);
  EXPECT_FALSE(After(0s).write);
  ASSERT_TRUE(told_.contains(Ticket{1}) && told_.at(Ticket{1}));
  const auto* refusal = std::get_if<Refusal>(&*told_.at(Ticket{1}));
  ASSERT_NE(refusal, nullptr);
  EXPECT_THAT(refusal->message, HasSubstr("n3 may not have stored"));
  EXPECT_EQ(told_.at(Ticket{2}), Result(Jobs{}));
}

}  // namespace
}  // namespace kvd::node
