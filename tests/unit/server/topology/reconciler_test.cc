// The reconciler on a cluster of three nodes that n4 joins: 16 partitions, each 1000 bytes.

#include "server/topology/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/topology/progress.h"
#include "tests/unit/server/topology/reported.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::VariantWith;
using Why = Obstacle::Why;

constexpr Limits kGenerous{.steps = 100, .transfers = 100, .bytes = 1'000'000, .caught_up = 64};

class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() { cluster_.Accept(AddMembers{{CardOf(4)}, "ops"}); }

  [[nodiscard]] Reconciliation Pass(const Limits& limits) const {
    return Reconcile(cluster_.now(), reports_, silent_, limits);
  }

  // The step is taken: the group reports the new configuration, committed, all caught up.
  void Take(const Step& step) {
    GroupReport report = *reports_.Of(step.partition);
    report.configuration = {.voters = step.voters, .outgoing = {}, .learners = step.learners};
    std::ranges::sort(report.configuration.voters);
    std::ranges::sort(report.configuration.learners);
    report.configuration_index += 1;
    for (const raft::Member& member : report.configuration.All()) {
      if (report.Find(member.id) == nullptr) {
        report.members.push_back({.id = member.id, .active = true});
      }
    }
    ASSERT_TRUE(reports_.Take(1, report));
  }

  void RunToTheEnd() {
    for (Reconciliation pass = Pass(kGenerous); !pass.steps.empty(); pass = Pass(kGenerous)) {
      for (const Step& step : pass.steps) Take(step);
    }
  }

  [[nodiscard]] JobProgress Progress() const {
    return ProgressOf(cluster_.now().jobs.front(), cluster_.now(), reports_, Pass(kGenerous));
  }

  Decided cluster_{FoundedBy(3)};
  Reports reports_ = ReportsOf(cluster_.now());
  std::set<NodeId> silent_;
};

TEST_F(ReconcilerTest, ClusterThatIsAsWishedIsLeftAlone) {
  const Topology founded = FoundedBy(3);
  const Reconciliation pass = Reconcile(founded, ReportsOf(founded), {}, kGenerous);
  EXPECT_TRUE(pass.IsDone());
  EXPECT_THAT(pass.steps, IsEmpty());
}

TEST_F(ReconcilerTest, AGroupGetsOneStepAtATime) {
  const Reconciliation pass = Pass(kGenerous);
  EXPECT_THAT(pass.steps, SizeIs(12));  // The fair share of n4.
  std::set<PartitionId> partitions;
  for (const Step& step : pass.steps) EXPECT_TRUE(partitions.insert(step.partition).second);
}

TEST_F(ReconcilerTest, SamePassAsksForTheSameSteps) {
  const Limits few{.steps = 5, .transfers = 3, .bytes = 2500};
  EXPECT_EQ(Pass(few).steps, Pass(few).steps);
}

TEST_F(ReconcilerTest, SoManyTransfersAtOnce) {
  const Limits limits{.steps = 100, .transfers = 3, .bytes = 1'000'000};
  const Reconciliation first = Pass(limits);
  ASSERT_THAT(first.steps, SizeIs(3));
  for (const Step& step : first.steps) {
    Take(step);
    GroupReport behind = *reports_.Of(step.partition);
    behind.members.back().behind = 1000;
    ASSERT_TRUE(reports_.Take(1, behind));
  }
  const Reconciliation second = Pass(limits);
  EXPECT_THAT(second.steps, IsEmpty());
  EXPECT_EQ(second.transfers, 3U);
  EXPECT_EQ(std::ranges::count(second.obstacles, Why::kTurn,
                               [](const auto& entry) { return entry.second.why; }),
            9);
}

TEST_F(ReconcilerTest, TransfersBeginWhileBytesAreLeft) {
  const Reconciliation pass = Pass({.steps = 100, .transfers = 100, .bytes = 2500});
  EXPECT_THAT(pass.steps, SizeIs(3));
  EXPECT_EQ(pass.bytes, 3000U);
  EXPECT_EQ(std::ranges::count(pass.obstacles, Why::kRate,
                               [](const auto& entry) { return entry.second.why; }),
            9);
  EXPECT_THAT(Pass({.steps = 100, .transfers = 100, .bytes = 0}).steps, IsEmpty());
}

TEST_F(ReconcilerTest, StepsThatMoveNoDataGoBeforeThoseThatDo) {
  const Reconciliation first = Pass(kGenerous);
  Take(first.steps.back());
  const Reconciliation second = Pass({.steps = 1, .transfers = 100, .bytes = 1'000'000});
  ASSERT_THAT(second.steps, SizeIs(1));
  EXPECT_EQ(second.steps[0].partition, first.steps.back().partition);
  EXPECT_THAT(second.steps[0].learners, IsEmpty());
}

TEST_F(ReconcilerTest, GroupThatLostACopyGoesBeforeOneThatOnlyMoves) {
  const PartitionId last = Pass(kGenerous).steps.back().partition;
  GroupReport report = *reports_.Of(last);
  const auto other = std::ranges::find_if(
      report.members, [&](const MemberProgress& member) { return member.id != report.leader.id; });
  other->active = false;
  ASSERT_TRUE(reports_.Take(1, report));
  const Reconciliation pass = Pass({.steps = 1, .transfers = 1, .bytes = 1'000'000});
  ASSERT_THAT(pass.steps, SizeIs(1));
  EXPECT_EQ(pass.steps[0].partition, last);
}

TEST_F(ReconcilerTest, NewSystemLeaderWaitsForReportsOfItsOwnTerm) {
  reports_ = Reports(2);
  const Reconciliation pass = Pass(kGenerous);
  EXPECT_THAT(pass.steps, IsEmpty());
  EXPECT_THAT(pass.obstacles, SizeIs(17));
  for (const auto& [partition, obstacle] : pass.obstacles) EXPECT_EQ(obstacle.why, Why::kNoReport);
}

TEST_F(ReconcilerTest, SystemGroupIsChangedByTheSameSteps) {
  cluster_.Accept(FinishJoin{NodeId{4}});
  cluster_.Accept(SetVoters{{NodeId{1}, NodeId{2}, NodeId{4}}});
  const auto is_system = [](const Step& step) { return step.partition == kSystemPartition; };
  const auto steps = Pass(kGenerous).steps;
  const auto step = std::ranges::find_if(steps, is_system);
  ASSERT_NE(step, steps.end());
  EXPECT_THAT(step->learners,
              ElementsAre(raft::Member{cluster_.now().system_voters[2].id, NodeId{4}}));
  Take(*step);
  const auto then = Pass(kGenerous).steps;
  EXPECT_THAT(std::ranges::find_if(then, is_system)->voters, SizeIs(3));
}

TEST_F(ReconcilerTest, JoinIsFinishedWhenAllItsReplicasVote) {
  EXPECT_THAT(CommandsDue(cluster_.now(), reports_), IsEmpty());
  RunToTheEnd();
  EXPECT_TRUE(Pass(kGenerous).IsDone());
  EXPECT_THAT(CommandsDue(cluster_.now(), reports_),
              ElementsAre(VariantWith<FinishJoin>(FinishJoin{NodeId{4}})));
  cluster_.Accept(FinishJoin{NodeId{4}});
  EXPECT_THAT(CommandsDue(cluster_.now(), reports_),
              ElementsAre(VariantWith<FinishJob>(FinishJob{JobId{1}})));
}

TEST_F(ReconcilerTest, NobodyIsRemovedWhileOneGroupIsUnheard) {
  RunToTheEnd();
  for (const Command& command : CommandsDue(cluster_.now(), reports_)) cluster_.Accept(command);
  cluster_.Accept(StartLeave{NodeId{3}, false, "ops"});
  cluster_.Accept(SetVoters{{NodeId{1}, NodeId{2}, NodeId{4}}});
  RunToTheEnd();
  Reports fewer(1);
  for (uint32_t p = 0; p < 16; ++p) {
    ASSERT_TRUE(fewer.Take(1, *reports_.Of(PartitionId{p})));
  }
  const auto removal = VariantWith<FinishRemoval>(FinishRemoval{NodeId{3}});
  EXPECT_THAT(CommandsDue(cluster_.now(), fewer), Not(Contains(removal)));
  EXPECT_THAT(CommandsDue(cluster_.now(), reports_), Contains(removal));
}

TEST_F(ReconcilerTest, ProgressCountsCopiesAndBytesThatAreMissing) {
  EXPECT_EQ(Progress().copies, 12U);
  EXPECT_EQ(Progress().copies_left, 12U);
  EXPECT_EQ(Progress().bytes_left, 12'000U);
  const Step step = Pass(kGenerous).steps.front();
  Take(step);
  EXPECT_EQ(Progress().copies_left, 12U);  // A learner is no copy yet.
  for (const Step& next : Pass(kGenerous).steps) {
    if (next.partition == step.partition) Take(next);
  }
  EXPECT_EQ(Progress().copies_left, 11U);
}

TEST_F(ReconcilerTest, ProgressTellsWhatTheJobWaitsFor) {
  silent_ = {NodeId{4}};
  const JobProgress progress =
      ProgressOf(cluster_.now().jobs.front(), cluster_.now(), reports_, Pass(kGenerous));
  ASSERT_TRUE(progress.waiting);
  EXPECT_EQ(progress.waiting->obstacle, (Obstacle{Why::kNodeSilent, NodeId{4}}));
  silent_.clear();
  RunToTheEnd();
  EXPECT_EQ(Progress().copies_left, 0U);
  EXPECT_FALSE(Progress().waiting);
}

}  // namespace
}  // namespace kvd::topology
