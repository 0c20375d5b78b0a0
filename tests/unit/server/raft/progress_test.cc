// A follower of a leader whose log is [1, 10] when it takes office. Beats are numbered by round.

#include "server/raft/progress.h"

#include <gtest/gtest.h>

#include "tests/unit/server/raft/world.h"

namespace kvd::raft {
namespace {

using test::Ms;
using Mode = Progress::Mode;
using Repair = Progress::Repair;

constexpr uint64_t kWindow = 100;

class ProgressTest : public ::testing::Test {
 protected:
  // The follower agreed to the first request.
  void Replicate() {
    progress_.Sent(10, 0, 0);
    ASSERT_TRUE(progress_.Accepted(10, 1));
    ASSERT_EQ(progress_.mode(), Mode::kReplicate);
  }

  Progress progress_{11, Instant{}};
};

TEST_F(ProgressTest, ProbesOneRequestAtATime) {
  EXPECT_TRUE(progress_.CanSend(kWindow));
  progress_.Sent(10, 0, 0);
  EXPECT_FALSE(progress_.CanSend(kWindow));
}

TEST_F(ProgressTest, RefusalMovesTheProbeBack) {
  progress_.Sent(10, 0, 0);
  EXPECT_TRUE(progress_.Rejected(10, 4));
  EXPECT_EQ(progress_.next(), 5U);
  EXPECT_TRUE(progress_.CanSend(kWindow));
}

TEST_F(ProgressTest, RefusalOfAnOldProbeIsNoNews) {
  progress_.Sent(10, 0, 0);
  ASSERT_TRUE(progress_.Rejected(10, 4));
  EXPECT_FALSE(progress_.Rejected(10, 2));
  EXPECT_EQ(progress_.next(), 5U);
}

TEST_F(ProgressTest, SendsUntilTheWindowIsFull) {
  Replicate();
  progress_.Sent(11, 60, 0);
  EXPECT_TRUE(progress_.CanSend(kWindow));
  progress_.Sent(12, 60, 0);
  EXPECT_FALSE(progress_.CanSend(kWindow));
  EXPECT_TRUE(progress_.Accepted(11, 1));
  EXPECT_TRUE(progress_.CanSend(kWindow));
}

TEST_F(ProgressTest, RefusalOfALaterRequestSendsAgainFromMatch) {
  Replicate();
  progress_.Sent(11, 60, 0);
  progress_.Sent(12, 20, 0);
  EXPECT_TRUE(progress_.Rejected(11, 10));
  EXPECT_EQ(progress_.mode(), Mode::kProbe);
  EXPECT_EQ(progress_.next(), 11U);
}

TEST_F(ProgressTest, RefusalBelowMatchIsOld) {
  Replicate();
  EXPECT_FALSE(progress_.Rejected(7, 3));
  EXPECT_EQ(progress_.mode(), Mode::kReplicate);
}

TEST_F(ProgressTest, BeatFromBeforeTheRequestProvesNothing) {
  Replicate();
  progress_.Sent(11, 10, 5);
  EXPECT_EQ(progress_.BeatAnswered(5, 10), Repair::kNone);
}

TEST_F(ProgressTest, BeatFromAfterTheRequestFindsItLost) {
  Replicate();
  progress_.Sent(11, 10, 5);
  EXPECT_EQ(progress_.BeatAnswered(6, 10), Repair::kSend);
  EXPECT_EQ(progress_.next(), 11U);
}

TEST_F(ProgressTest, BeatFindsALostAcknowledgement) {
  Replicate();
  progress_.Sent(11, 10, 5);
  EXPECT_EQ(progress_.BeatAnswered(6, 11), Repair::kConfirm);
  EXPECT_EQ(progress_.mode(), Mode::kReplicate);
}

TEST_F(ProgressTest, BeatFindsNothingWhenAllIsAcknowledged) {
  Replicate();
  EXPECT_EQ(progress_.BeatAnswered(6, 10), Repair::kNone);
}

TEST_F(ProgressTest, BrokenLinkPausesUntilABeatIsAnswered) {
  Replicate();
  progress_.Sent(11, 10, 5);
  progress_.LinkDown(6);
  EXPECT_TRUE(progress_.link_down());
  EXPECT_FALSE(progress_.CanSend(kWindow));
  progress_.Heard(Instant{} + Ms(1));
  EXPECT_FALSE(progress_.link_down());
  EXPECT_EQ(progress_.BeatAnswered(7, 10), Repair::kSend);
  EXPECT_TRUE(progress_.CanSend(kWindow));
  EXPECT_EQ(progress_.next(), 11U);
}

TEST_F(ProgressTest, NothingIsSentWhileEntriesAreRead) {
  Replicate();
  progress_.BeginFetch();
  EXPECT_FALSE(progress_.CanSend(kWindow));
  progress_.EndFetch();
  EXPECT_TRUE(progress_.CanSend(kWindow));
}

TEST_F(ProgressTest, SnapshotIsAskedForAgainUntilInstalled) {
  progress_.BeginSnapshot();
  EXPECT_FALSE(progress_.CanSend(kWindow));
  EXPECT_EQ(progress_.BeatAnswered(1, 0), Repair::kNone);
  progress_.SnapshotSent({.index = 8, .term = 1, .configuration = {}}, 2);
  EXPECT_EQ(progress_.BeatAnswered(2, 0), Repair::kNone);
  EXPECT_EQ(progress_.BeatAnswered(3, 0), Repair::kInstallAgain);
  EXPECT_TRUE(progress_.Accepted(8, 6));
  EXPECT_EQ(progress_.mode(), Mode::kReplicate);
  EXPECT_EQ(progress_.next(), 9U);
}

TEST_F(ProgressTest, RefusedInstallationBeginsAnew) {
  progress_.BeginSnapshot();
  progress_.SnapshotSent({.index = 8, .term = 1, .configuration = {}}, 2);
  EXPECT_FALSE(progress_.Rejected(3, 0));
  EXPECT_TRUE(progress_.Rejected(8, 0));
  EXPECT_EQ(progress_.mode(), Mode::kProbe);
}

TEST_F(ProgressTest, FailedSnapshotIsTriedAfterTheNextBeat) {
  progress_.BeginSnapshot();
  progress_.SnapshotFailed(4);
  EXPECT_FALSE(progress_.CanSend(kWindow));
  EXPECT_EQ(progress_.BeatAnswered(5, 0), Repair::kSend);
}

TEST_F(ProgressTest, OldAnswerBelowTheLogDoesNotEndASnapshot) {
  Replicate();
  progress_.BeginSnapshot();
  EXPECT_FALSE(progress_.Accepted(10, 15));
  EXPECT_EQ(progress_.mode(), Mode::kSnapshot);
}

}  // namespace
}  // namespace kvd::raft
