// Which reports the leader of the system group believes, and whom a group's leader hands over to.

#include "server/topology/reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/reported.h"

namespace kvd::topology {
namespace {

using ::testing::Optional;

const std::vector<Replica> kReplicas = {
    {ReplicaId{1}, NodeId{1}}, {ReplicaId{2}, NodeId{2}}, {ReplicaId{3}, NodeId{3}}};

GroupReport Report(Term term, Index index) {
  GroupReport report = ReportOf(PartitionId{0}, kReplicas);
  report.term = term;
  report.configuration_index = index;
  return report;
}

TEST(ReportsTest, OnlyReportsMadeForThisTermAreTaken) {
  Reports reports(5);
  EXPECT_FALSE(reports.Take(4, Report(2, 10)));
  EXPECT_FALSE(reports.Take(6, Report(2, 10)));
  EXPECT_EQ(reports.Of(PartitionId{0}), nullptr);
  EXPECT_TRUE(reports.Take(5, Report(2, 10)));
  EXPECT_NE(reports.Of(PartitionId{0}), nullptr);
}

TEST(ReportsTest, OlderReportsThatArriveLateAreIgnored) {
  Reports reports(1);
  EXPECT_TRUE(reports.Take(1, Report(3, 10)));
  EXPECT_FALSE(reports.Take(1, Report(2, 12)));
  EXPECT_FALSE(reports.Take(1, Report(3, 9)));
  EXPECT_TRUE(reports.Take(1, Report(3, 11)));
  EXPECT_TRUE(reports.Take(1, Report(4, 10)));
  EXPECT_EQ(reports.Of(PartitionId{0})->term, 4U);
}

TEST(ReportsTest, WhatIsCommittedIsNotForgottenForALateReport) {
  Reports reports(1);
  GroupReport unsettled = Report(2, 10);
  unsettled.settled = false;
  EXPECT_TRUE(reports.Take(1, unsettled));
  EXPECT_TRUE(reports.Take(1, Report(2, 10)));
  EXPECT_FALSE(reports.Take(1, unsettled));
  EXPECT_TRUE(reports.Of(PartitionId{0})->settled);
}

TEST(ReportsTest, NewsOfTheProgressReplacesTheOld) {
  Reports reports(1);
  EXPECT_TRUE(reports.Take(1, Report(2, 10)));
  GroupReport later = Report(2, 10);
  later.members[1].behind = 7;
  EXPECT_TRUE(reports.Take(1, later));
  EXPECT_EQ(reports.Of(PartitionId{0})->Find(ReplicaId{2})->behind, 7U);
}

TEST(ReportsTest, ConfigurationThatIsNoneIsRefused) {
  Reports reports(1);
  GroupReport report = Report(2, 10);
  std::swap(report.configuration.voters[0], report.configuration.voters[1]);
  EXPECT_FALSE(reports.Take(1, report));
  report.configuration.voters.clear();
  EXPECT_FALSE(reports.Take(1, report));
  EXPECT_EQ(reports.size(), 0U);
}

Step StepTo(std::vector<raft::Member> voters) {
  return {.partition = PartitionId{0},
          .term = 2,
          .if_index = 10,
          .voters = std::move(voters),
          .learners = {}};
}

constexpr raft::Member kOne{ReplicaId{1}, NodeId{1}};
constexpr raft::Member kTwo{ReplicaId{2}, NodeId{2}};
constexpr raft::Member kThree{ReplicaId{3}, NodeId{3}};
constexpr raft::Member kFour{ReplicaId{4}, NodeId{4}};

TEST(HeirBeforeTest, LeaderThatStaysProposes) {
  EXPECT_EQ(HeirBefore(StepTo({kTwo, kOne}), Report(2, 10)), std::nullopt);
}

TEST(HeirBeforeTest, LeaderThatGoesHandsOverToTheFirstWhoVotesAndStays) {
  EXPECT_THAT(HeirBefore(StepTo({kFour, kThree, kTwo}), Report(2, 10)), Optional(kThree));
}

TEST(HeirBeforeTest, SilentVoterInheritsNothing) {
  GroupReport report = Report(2, 10);
  report.members[2].active = false;
  EXPECT_THAT(HeirBefore(StepTo({kThree, kTwo}), report), Optional(kTwo));
}

TEST(HeirBeforeTest, WhereNobodyWhoVotesStaysTheLeaderProposes) {
  EXPECT_EQ(HeirBefore(StepTo({kFour}), Report(2, 10)), std::nullopt);
}

}  // namespace
}  // namespace kvd::topology
