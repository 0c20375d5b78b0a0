// The small collaborators: ballot, configuration history, outbox, reads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/raft/ballot.h"
#include "server/raft/configuration_history.h"
#include "server/raft/outbox.h"
#include "server/raft/reads.h"
#include "tests/unit/server/raft/world.h"

namespace kvd::raft {
namespace {

using test::Members;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Configuration Voters(const std::vector<uint64_t>& ids) {
  return {.voters = Members(ids), .outgoing = {}, .learners = {}};
}

TEST(BallotTest, MajorityWinsAndWhatCannotWinIsLost) {
  Ballot ballot;
  ballot.Count(ReplicaId{1}, true);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1, 2, 3})), Outcome::kOpen);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1})), Outcome::kWon);
  ballot.Count(ReplicaId{2}, false);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1, 2})), Outcome::kLost);
  ballot.Count(ReplicaId{3}, true);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1, 2, 3})), Outcome::kWon);
}

TEST(BallotTest, FirstAnswerStands) {
  Ballot ballot;
  ballot.Count(ReplicaId{1}, false);
  ballot.Count(ReplicaId{1}, true);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1})), Outcome::kLost);
}

TEST(BallotTest, StrangersDoNotCount) {
  Ballot ballot;
  ballot.Count(ReplicaId{8}, true);
  ballot.Count(ReplicaId{9}, true);
  EXPECT_EQ(ballot.OutcomeIn(Voters({1, 2, 3})), Outcome::kOpen);
}

TEST(ConfigurationHistoryTest, CutEntriesTakeTheirConfigurationsAlong) {
  ConfigurationHistory history(4, Voters({1}));
  history.Append(6, Voters({1, 2}));
  history.Append(9, Voters({1, 2, 3}));
  history.CutFrom(7);
  EXPECT_EQ(history.index(), 6U);
  EXPECT_EQ(history.current(), Voters({1, 2}));
  history.CutFrom(5);
  EXPECT_EQ(history.index(), 4U);
}

TEST(ConfigurationHistoryTest, CommittedOneIsKept) {
  ConfigurationHistory history(4, Voters({1}));
  history.Append(6, Voters({1, 2}));
  history.Append(9, Voters({1, 2, 3}));
  history.ForgetBelow(8);
  history.CutFrom(9);
  EXPECT_EQ(history.index(), 6U);
  history.ForgetBelow(2);
  EXPECT_EQ(history.index(), 6U);
}

// Of a change that is not committed it is not known whether it will be.
TEST(ConfigurationHistoryTest, AVoterStaysOneUntilTheChangeThatLeavesItOutIsCommitted) {
  ConfigurationHistory history(4, Voters({1, 2}));
  history.Append(6, Voters({2}));
  EXPECT_TRUE(history.MayBeVoter(ReplicaId{1}));
  EXPECT_FALSE(history.MayBeVoter(ReplicaId{3}));
  history.ForgetBelow(6);
  EXPECT_FALSE(history.MayBeVoter(ReplicaId{1}));
  EXPECT_TRUE(history.MayBeVoter(ReplicaId{2}));
}

Outgoing InTerm(Term term, uint64_t round) {
  return {NodeId{2},
          {.from = ReplicaId{1},
           .to = ReplicaId{2},
           .term = term,
           .body = BeatReply{.round = round, .last = 0}}};
}

TEST(OutboxTest, HeldMessagesLeaveInOrderWhenTheirWriteIsDone) {
  Outbox outbox;
  outbox.Hold(2, InTerm(1, 1));
  outbox.Hold(1, InTerm(1, 2));
  outbox.Hold(3, InTerm(1, 3));
  EXPECT_FALSE(outbox.HasReady());
  outbox.Release(2, 1);
  const std::vector<Outgoing> ready = outbox.TakeReady();
  ASSERT_THAT(ready, SizeIs(2));
  EXPECT_EQ(ready[0].message, InTerm(1, 2).message);
  EXPECT_EQ(ready[1].message, InTerm(1, 1).message);
}

TEST(OutboxTest, WordsOfAnEarlierTermAreDropped) {
  Outbox outbox;
  outbox.Hold(1, InTerm(1, 1));
  outbox.Hold(1, InTerm(2, 2));
  outbox.Release(1, 2);
  EXPECT_THAT(outbox.TakeReady(), SizeIs(1));
}

TEST(ReadsTest, RoundConfirmsWhoJoinedItOrAnEarlierOne) {
  Reads reads;
  reads.Add(ReadId{1}, 4, 10);
  reads.Add(ReadId{2}, 5, 11);
  EXPECT_EQ(reads.newest_round(), 5U);
  EXPECT_THAT(reads.TakeConfirmed(3), IsEmpty());
  EXPECT_THAT(reads.TakeConfirmed(4), ElementsAre(ConfirmedRead{ReadId{1}, 10}));
  EXPECT_THAT(reads.TakeConfirmed(9), ElementsAre(ConfirmedRead{ReadId{2}, 11}));
  EXPECT_EQ(reads.newest_round(), std::nullopt);
}

TEST(ReadsTest, ReadFromBeforeTheFirstCommitWaitsForIt) {
  Reads reads;
  reads.Add(ReadId{1}, 1, std::nullopt);
  EXPECT_THAT(reads.TakeConfirmed(7), IsEmpty());
  reads.OnReadable(12);
  EXPECT_THAT(reads.TakeConfirmed(7), ElementsAre(ConfirmedRead{ReadId{1}, 12}));
}

TEST(ReadsTest, AllAreLostTogether) {
  Reads reads;
  reads.Add(ReadId{1}, 1, std::nullopt);
  reads.Add(ReadId{2}, 2, 3);
  EXPECT_THAT(reads.TakeAll(), ElementsAre(ReadId{1}, ReadId{2}));
  EXPECT_THAT(reads.TakeAll(), IsEmpty());
}

}  // namespace
}  // namespace kvd::raft
