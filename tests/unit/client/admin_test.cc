// Changes of the cluster against fake nodes: what is sent, what is made of the answer, and which
// node gives it.

#include "client/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_kvd.h"
#include "raw_server.h"

namespace kvd::client {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Long enough never to end a test that passes.
constexpr Duration kPatience = std::chrono::seconds(60);

Admin OpenAt(std::vector<std::string> endpoints, Duration timeout = kPatience) {
  auto admin = Admin::Open({.endpoints = std::move(endpoints), .timeout = timeout});
  EXPECT_TRUE(admin.ok()) << admin.error().message;
  return *std::move(admin);
}

Refusal Because(Reason reason) {
  return {.reason = reason, .message = "why", .metadata = {}, .retry_after = {}};
}

TEST(AdminTest, EveryChangeIsSentAsItself) {
  FakeKvd node;
  node.admin().Start({{}});
  const Admin admin = OpenAt({node.address()});
  for (const Change& change : std::vector<Change>{
           Join{.node = "n4", .zone = "rack-d"}, Leave{.node = "n2", .accept_fewer_copies = true},
           Remove{.node = "n3"}, Replace{.node = "n3", .by = "n4"}, Rebalance{}}) {
    ASSERT_TRUE(admin.StartChange(change).ok());
  }
  EXPECT_THAT(
      node.admin().asked(),
      ElementsAre("StartChange join { node: \"n4\" zone: \"rack-d\" }",
                  "StartChange leave { node: \"n2\" accept_fewer_copies: true }",
                  "StartChange remove { node: \"n3\" }",
                  "StartChange replace { node: \"n3\" by: \"n4\" }", "StartChange rebalance { }"));
}

TEST(AdminTest, JobIsWhatTheNodeSaid) {
  FakeKvd node;
  node.admin().Start({{.id = 8,
                       .kind = FakeAdmin::kReplace,
                       .state = FakeAdmin::kWaiting,
                       .nodes = {"n3", "n4"},
                       .asked_by = "bob@desk",
                       .copies = 10,
                       .copies_left = 4,
                       .bytes_done = 600,
                       .bytes_left = 400,
                       .bytes_per_second = 20,
                       .age_ms = 30'000,
                       .left_ms = 20'000,
                       .reason = "n4 is silent"}});
  const auto job = OpenAt({node.address()}).StartChange(Rebalance{}, {.asked_by = "alice@laptop"});
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(node.admin().asker(), "alice@laptop");
  EXPECT_EQ(job->id, 8U);
  EXPECT_EQ(job->kind, JobKind::kReplace);
  EXPECT_EQ(job->state, JobState::kWaiting);
  EXPECT_THAT(job->nodes, ElementsAre("n3", "n4"));
  EXPECT_EQ(job->asked_by, "bob@desk");
  EXPECT_EQ(job->copies_done(), 6U);
  EXPECT_EQ(job->bytes_total(), 1000U);
  EXPECT_EQ(job->bytes_per_second, 20U);
  EXPECT_EQ(job->age, Duration(std::chrono::seconds(30)));
  EXPECT_EQ(job->left, Duration(std::chrono::seconds(20)));
  EXPECT_EQ(job->reason, "n4 is silent");
  EXPECT_FALSE(job->has_ended());
}

TEST(AdminTest, KindsAndStatesOfANewerNodeAreUnknown) {
  FakeKvd node;
  node.admin().List({{{.kind = 77, .state = 99}}});
  const auto jobs = OpenAt({node.address()}).ListJobs();
  ASSERT_TRUE(jobs.ok());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ(jobs->front().kind, JobKind::kUnknown);
  EXPECT_EQ(jobs->front().state, JobState::kUnknown);
  EXPECT_FALSE(jobs->front().has_ended());
}

TEST(AdminTest, PlanChangesNothing) {
  FakeKvd node;
  const auto plan = OpenAt({node.address()}).PlanChange(Join{.node = "n4"});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->copies, 192U);
  EXPECT_EQ(plan->time, Duration(std::chrono::seconds(96)));
  EXPECT_THAT(plan->transfers, SizeIs(3));
  EXPECT_THAT(plan->after.shares, SizeIs(4));
  EXPECT_EQ(plan->after.replication, 3U);
  EXPECT_THAT(node.admin().asked(), ElementsAre("PlanChange join { node: \"n4\" }"));
}

TEST(AdminTest, ListIsOfAllJobsOrOfOne) {
  FakeKvd node;
  node.admin().List({{{.id = 7}, {.id = 8}}});
  const Admin admin = OpenAt({node.address()});
  EXPECT_THAT(*admin.ListJobs(), SizeIs(2));
  const auto one = admin.ListJobs(8);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->front().id, 8U);
  const auto none = admin.ListJobs(9);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().reason, Reason::kNotFound);
  EXPECT_EQ(none.error().message, "there is no job 9");
}

TEST(AdminTest, AbortIsAnsweredWithTheJob) {
  FakeKvd node;
  node.admin().Start({{.state = FakeAdmin::kAborting}});
  const auto job = OpenAt({node.address()}).AbortJob(7);
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->state, JobState::kAborting);
  EXPECT_THAT(node.admin().asked(), ElementsAre("AbortJob job: 7"));
}

TEST(AdminTest, WhatNobodyCouldMeanIsNotSent) {
  FakeKvd node;
  const Admin admin = OpenAt({node.address()});
  EXPECT_EQ(admin.StartChange(Leave{.node = ""}).error().kind, ErrorKind::kBadRequest);
  EXPECT_EQ(admin.PlanChange(Replace{.node = "n1", .by = "\xff"}).error().kind,
            ErrorKind::kBadRequest);
  EXPECT_EQ(admin.StartChange(Rebalance{}, {.asked_by = std::string(129, 'x')}).error().kind,
            ErrorKind::kBadRequest);
  EXPECT_EQ(admin.AbortJob(0).error().kind, ErrorKind::kBadRequest);
  EXPECT_EQ(admin.ListJobs(0).error().kind, ErrorKind::kBadRequest);
  EXPECT_THAT(node.admin().asked(), IsEmpty());
}

TEST(AdminTest, RefusalThatTimeDoesNotMendIsTheAnswer) {
  for (const Reason reason : {Reason::kUnsafeChange, Reason::kJobConflict, Reason::kNotFound,
                              Reason::kNameInUse, Reason::kNodeRemoved}) {
    FakeKvd first;
    FakeKvd second;
    first.admin().Refuse(Because(reason));
    const auto job = OpenAt({first.address(), second.address()}).StartChange(Leave{.node = "n2"});
    ASSERT_FALSE(job.ok());
    EXPECT_EQ(job.error().kind, ErrorKind::kRefused);
    EXPECT_EQ(job.error().reason, reason);
    EXPECT_THAT(second.admin().asked(), IsEmpty());
  }
}

TEST(AdminTest, RefusalThatTimeMendsIsWaitedOut) {
  FakeKvd node;
  node.admin().Start({{}});
  node.admin().RefuseNext(3, Because(Reason::kNoMajority));
  ASSERT_TRUE(OpenAt({node.address()}).StartChange(Leave{.node = "n2"}).ok());
  EXPECT_THAT(node.admin().asked(), SizeIs(4));
}

TEST(AdminTest, NodeThatCannotAnswerIsPassedOver) {
  const RawServer breaks(RawServer::Behaviour::kBreaksRequests);
  FakeKvd stops;
  FakeKvd node;
  stops.admin().Refuse(Because(Reason::kNodeDraining));
  node.admin().List({{{.id = 7}}});
  const auto jobs = OpenAt({breaks.address(), stops.address(), node.address()}).ListJobs(7);
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  EXPECT_EQ(jobs->front().id, 7U);
}

TEST(AdminTest, OutcomeIsNeverUnknown) {
  FakeKvd node;
  node.admin().Refuse(Because(Reason::kOutcomeUnknown));
  const Client client =
      *Client::Open({.endpoints = {node.address()}, .timeout = std::chrono::milliseconds(100)});
  ASSERT_TRUE(client.Ping().ok());  // Connected: the time below is the node's.
  EXPECT_EQ(Admin(client).StartChange(Leave{.node = "n2"}).error().kind, ErrorKind::kTimedOut);
  EXPECT_THAT(node.admin().asked(), Each(HasSubstr("StartChange leave")));
}

TEST(AdminTest, JobThatContradictsItselfIsAFault) {
  FakeKvd node;
  node.admin().Start({{.nodes = {""}}});
  const auto job = OpenAt({node.address()}).StartChange(Leave{.node = "n2"});
  ASSERT_FALSE(job.ok());
  EXPECT_EQ(job.error().kind, ErrorKind::kFault);
  EXPECT_EQ(job.error().message, node.address() + " answered a job that contradicts itself");
}

TEST(AdminTest, ConnectionsOutliveTheClientTheyWereTakenFrom) {
  FakeKvd node;
  node.admin().List({{}});
  const Admin admin = [&] {
    const auto client = Client::Open({.endpoints = {node.address()}, .timeout = kPatience});
    return Admin(*client);
  }();
  EXPECT_TRUE(admin.ListJobs().ok());
}

TEST(AdminTest, OptionsAreCheckedAsAClientsAre) {
  const auto refused = Admin::Open({.endpoints = {"10.0.0.1:7400"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBadRequest);
  EXPECT_THAT(refused.error().message, HasSubstr("--insecure"));
}

TEST(AdminTest, GroupsAreListedWithTheirCopies) {
  FakeKvd node;
  node.admin().Move({3, 5});
  const auto admin = OpenAt({node.address()});
  const auto groups = admin.ListGroups();
  ASSERT_TRUE(groups.ok());
  ASSERT_THAT(*groups, SizeIs(2));
  const Group& group = groups->front();
  EXPECT_EQ(group.partition, PartitionId{3});
  EXPECT_EQ(group.owner, "n1");
  EXPECT_EQ(group.bytes, 4096U);
  EXPECT_EQ(group.keys, 12U);
  EXPECT_EQ(group.reason, "n2 is silent");
  ASSERT_THAT(group.copies, SizeIs(2));
  EXPECT_EQ(group.copies[0].role, Group::Role::kVoter);
  EXPECT_TRUE(group.copies[0].active);
  EXPECT_FALSE(group.copies[0].wished);
  EXPECT_EQ(group.copies[1].role, Group::Role::kMissing);
  const auto one = admin.ListGroups(PartitionId{7});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->front().partition, PartitionId{7});
}

}  // namespace
}  // namespace kvd::client
