// One group, told what to do next. Nodes 1, 2 and 3 hold it, replica n on node n; node 1 leads.
// New replicas have ids from 10 on.

#include "server/topology/group_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/reported.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Why = Obstacle::Why;

constexpr uint64_t kCaughtUp = 64;

constexpr raft::Member Here(uint32_t number) {
  return {ReplicaId{number}, NodeId{number}};
}

constexpr raft::Member New(uint32_t node) {
  return {ReplicaId{node + 6}, NodeId{node}};  // 10 on node 4.
}

std::vector<Replica> Wish(std::initializer_list<raft::Member> members) {
  std::vector<Replica> wish;
  for (const raft::Member& member : members) wish.push_back({member.id, member.node});
  return wish;
}

class GroupChangeTest : public ::testing::Test {
 protected:
  // A learner is there, this far behind.
  void AddLearner(const raft::Member& learner, uint64_t behind) {
    report_.configuration.learners.push_back(learner);
    report_.members.push_back({.id = learner.id, .behind = behind, .active = true});
  }

  void Silence(NodeId node) {
    silent_.insert(node);
    for (const raft::Member& member : report_.configuration.All()) {
      if (member.node != node) continue;
      std::ranges::find(report_.members, member.id, &MemberProgress::id)->active = false;
    }
  }

  [[nodiscard]] GroupChange Next(std::initializer_list<raft::Member> wish) const {
    return NextChange(Wish(wish), report_, silent_, kCaughtUp);
  }

  GroupReport report_ = ReportOf(PartitionId{7}, Wish({Here(1), Here(2), Here(3)}));
  std::set<NodeId> silent_;
};

TEST_F(GroupChangeTest, GroupThatIsAsWishedIsLeftAlone) {
  EXPECT_TRUE(Next({Here(3), Here(1), Here(2)}).as_wished);
}

TEST_F(GroupChangeTest, NewReplicaComesAsALearnerFirst) {
  const GroupChange change = Next({Here(1), Here(2), New(4)});
  EXPECT_EQ(change.step, std::nullopt);
  EXPECT_THAT(change.newcomers, ElementsAre(New(4)));
  const Step step = AddLearners(report_, change, 1);
  EXPECT_EQ(step, (Step{.partition = PartitionId{7},
                        .term = 2,
                        .if_index = 10,
                        .voters = {Here(1), Here(2), Here(3)},
                        .learners = {New(4)}}));
}

TEST_F(GroupChangeTest, LearnerThatIsBehindIsWaitedFor) {
  AddLearner(New(4), kCaughtUp + 1);
  const GroupChange change = Next({Here(1), Here(2), New(4)});
  EXPECT_EQ(change.step, std::nullopt);
  EXPECT_EQ(change.obstacle, (Obstacle{Why::kCatchingUp, NodeId{4}}));
  EXPECT_EQ(change.transfers, 1U);
}

TEST_F(GroupChangeTest, LearnerInTheMiddleOfASnapshotIsBehind) {
  AddLearner(New(4), 0);
  report_.members.back().snapshot = true;
  EXPECT_EQ(Next({Here(1), Here(2), New(4)}).obstacle, (Obstacle{Why::kCatchingUp, NodeId{4}}));
}

TEST_F(GroupChangeTest, CaughtUpLearnerVotesAndTheUnwishedGoInOneChange) {
  AddLearner(New(4), kCaughtUp);
  const GroupChange change = Next({New(4), Here(1), Here(2)});
  ASSERT_TRUE(change.step);
  EXPECT_THAT(change.step->voters, ElementsAre(Here(1), Here(2), New(4)));
  EXPECT_THAT(change.step->learners, IsEmpty());
}

TEST_F(GroupChangeTest, NobodyGoesBeforeAllWhoCameAreReady) {
  AddLearner(New(4), 0);
  AddLearner(New(5), 1000);
  EXPECT_EQ(Next({Here(1), New(4), New(5)}).step, std::nullopt);
}

TEST_F(GroupChangeTest, ReadyLearnerTakesThePlaceOfASilentVoterAtOnce) {
  AddLearner(New(4), 0);
  AddLearner(New(5), 1000);
  Silence(NodeId{3});
  const GroupChange change = Next({Here(1), New(4), New(5)});
  ASSERT_TRUE(change.step);
  EXPECT_THAT(change.step->voters, ElementsAre(Here(1), New(4), Here(2)));
  EXPECT_THAT(change.step->learners, ElementsAre(New(5)));
}

// Node 5 may be wiped, and be replaced only once node 4 has arrived.
TEST_F(GroupChangeTest, ReadyLearnerDoesNotWaitForAWishedReplicaThatIsSilent) {
  AddLearner(New(4), 0);
  silent_ = {NodeId{5}};
  const GroupChange missing = Next({Here(1), New(4), New(5)});
  ASSERT_TRUE(missing.step);
  EXPECT_THAT(missing.step->voters, ElementsAre(Here(1), New(4), Here(2)));
  EXPECT_THAT(missing.step->learners, IsEmpty());
  AddLearner(New(5), 1000);
  Silence(NodeId{5});
  const GroupChange behind = Next({Here(1), New(4), New(5)});
  ASSERT_TRUE(behind.step);
  EXPECT_THAT(behind.step->voters, ElementsAre(Here(1), New(4), Here(2)));
  EXPECT_THAT(behind.step->learners, ElementsAre(New(5)));
}

TEST_F(GroupChangeTest, VotersAreNotMoreWhileAWishedReplicaIsSilent) {
  report_ = ReportOf(PartitionId{7}, Wish({Here(1)}));
  AddLearner(New(4), 0);
  silent_ = {NodeId{5}};
  EXPECT_EQ(Next({Here(1), New(4), New(5)}).obstacle, (Obstacle{Why::kNodeSilent, NodeId{5}}));
}

TEST_F(GroupChangeTest, NothingIsAskedWhileAChangeIsUnderWay) {
  AddLearner(New(4), 0);
  report_.settled = false;
  EXPECT_EQ(Next({Here(1), Here(2), New(4)}).obstacle, (Obstacle{Why::kChangeUnderWay}));
  report_.settled = true;
  report_.configuration.outgoing = report_.configuration.voters;
  EXPECT_EQ(Next({Here(1), Here(2), New(4)}).obstacle, (Obstacle{Why::kChangeUnderWay}));
}

TEST_F(GroupChangeTest, LiveVotersMustBeAMajorityOfTheOldOnes) {
  AddLearner(New(4), 0);
  Silence(NodeId{2});
  Silence(NodeId{3});
  EXPECT_EQ(Next({Here(1), Here(2), New(4)}).obstacle, (Obstacle{Why::kNoMajority}));
}

TEST_F(GroupChangeTest, LiveVotersMustBeAMajorityOfTheNewOnes) {
  Silence(NodeId{2});
  EXPECT_EQ(Next({Here(1), Here(2)}).obstacle, (Obstacle{Why::kNoMajority}));
  EXPECT_TRUE(Next({Here(1), Here(3)}).step);
}

TEST_F(GroupChangeTest, SilentNodeIsSentNothing) {
  silent_ = {NodeId{4}};
  const GroupChange change = Next({Here(1), Here(2), New(4)});
  EXPECT_THAT(change.newcomers, IsEmpty());
  EXPECT_EQ(change.obstacle, (Obstacle{Why::kNodeSilent, NodeId{4}}));
}

TEST_F(GroupChangeTest, SilentLearnerIsNoTransfer) {
  AddLearner(New(4), 1000);
  Silence(NodeId{4});
  const GroupChange change = Next({Here(1), Here(2), New(4)});
  EXPECT_EQ(change.transfers, 0U);
  EXPECT_EQ(change.obstacle, (Obstacle{Why::kNodeSilent, NodeId{4}}));
}

TEST_F(GroupChangeTest, LearnerThatIsNoLongerWishedIsDropped) {
  AddLearner(New(4), 1000);
  const GroupChange change = Next({Here(1), Here(2), Here(3)});
  ASSERT_TRUE(change.step);
  EXPECT_THAT(change.step->voters, ElementsAre(Here(1), Here(2), Here(3)));
  EXPECT_THAT(change.step->learners, IsEmpty());
}

// A leave was aborted: node 3 is wished again, under a new number, and never went.
TEST_F(GroupChangeTest, ReplicaOfAnEarlierWishIsAsGoodAsANewOne) {
  EXPECT_TRUE(Next({Here(1), Here(2), New(3)}).as_wished);
  AddLearner(New(4), 0);
  const GroupChange change = Next({Here(1), Here(2), {ReplicaId{99}, NodeId{4}}});
  EXPECT_THAT(change.step->voters, ElementsAre(Here(1), Here(2), New(4)));
}

TEST_F(GroupChangeTest, OneCopyBecomesThreeInOneChange) {
  report_ = ReportOf(PartitionId{7}, Wish({Here(1)}));
  const GroupChange first = Next({Here(1), New(4), New(5)});
  EXPECT_THAT(first.newcomers, ElementsAre(New(4), New(5)));
  AddLearner(New(4), 0);
  AddLearner(New(5), 0);
  EXPECT_THAT(Next({Here(1), New(4), New(5)}).step->voters, ElementsAre(Here(1), New(4), New(5)));
}

TEST_F(GroupChangeTest, FewerCopiesAreOneChange) {
  EXPECT_THAT(Next({Here(2)}).step->voters, ElementsAre(Here(2)));
}

}  // namespace
}  // namespace kvd::topology
