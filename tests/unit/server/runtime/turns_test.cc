// Who works when. Threads that wait are woken by what they wait for; the one test of time waits for
// an instant that is close, and asserts nothing about how long it took.

#include "server/runtime/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace kvd::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Put = Turns<int>::Put;

constexpr Instant kNever = Instant::max();

Instant Now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

class TurnsTest : public ::testing::Test {
 protected:
  // The keeper has had its first turn.
  TurnsTest() {
    EXPECT_TRUE(turns_.AwaitTurn());
    turns_.Finish(kNever);
  }

  Turns<int> turns_{2};
};

TEST(TurnsAtStartTest, FirstTurnIsTheKeepers) {
  Turns<int> turns(2);
  EXPECT_EQ(turns.Add(1, /*always=*/false), Put::kQueued);
  EXPECT_TRUE(turns.AwaitTurn());
  EXPECT_THAT(turns.Take(), ElementsAre(1));
}

TEST_F(TurnsTest, WhoeverBringsALoneEventHandlesIt) {
  EXPECT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  EXPECT_THAT(turns_.Take(), ElementsAre(1));
  turns_.Finish(kNever);
  EXPECT_EQ(turns_.Add(2, /*always=*/false), Put::kYourTurn);
  EXPECT_THAT(turns_.Take(), ElementsAre(2));
}

TEST_F(TurnsTest, WhatComesDuringATurnIsTheKeepersNext) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  EXPECT_THAT(turns_.Take(), ElementsAre(1));
  EXPECT_EQ(turns_.Add(2, /*always=*/false), Put::kQueued);
  EXPECT_EQ(turns_.Add(3, /*always=*/false), Put::kQueued);
  turns_.Finish(kNever);
  EXPECT_EQ(turns_.Add(4, /*always=*/true), Put::kQueued) << "the keeper is on its way";
  EXPECT_TRUE(turns_.AwaitTurn());
  EXPECT_THAT(turns_.Take(), ElementsAre(2, 3, 4));
}

TEST_F(TurnsTest, ATurnThatIsGivenBackAtOnceIsTheKeepers) {
  ASSERT_EQ(turns_.Add(1, /*always=*/true), Put::kYourTurn);
  turns_.Finish(kNever);
  EXPECT_EQ(turns_.Add(2, /*always=*/true), Put::kQueued);
  EXPECT_TRUE(turns_.AwaitTurn());
  EXPECT_THAT(turns_.Take(), ElementsAre(1, 2));
}

TEST_F(TurnsTest, WhatNobodyHasTakenIsPending) {
  EXPECT_EQ(turns_.pending(), 0U);
  ASSERT_EQ(turns_.Add(1, /*always=*/true), Put::kYourTurn);
  EXPECT_EQ(turns_.Add(2, /*always=*/true), Put::kQueued);
  EXPECT_EQ(turns_.pending(), 2U);
  EXPECT_THAT(turns_.Take(), ElementsAre(1, 2));
  EXPECT_EQ(turns_.pending(), 0U);
}

TEST_F(TurnsTest, CapacityBoundsWhatNeedNotBeTaken) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  EXPECT_EQ(turns_.Add(2, /*always=*/false), Put::kQueued);
  EXPECT_EQ(turns_.Add(3, /*always=*/false), Put::kRefused);
  EXPECT_EQ(turns_.Add(4, /*always=*/true), Put::kQueued);
  EXPECT_THAT(turns_.Take(), ElementsAre(1, 2, 4));
}

TEST_F(TurnsTest, KeeperGetsTheTurnWhenTimeIsDue) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now() + std::chrono::milliseconds(1));
  EXPECT_TRUE(turns_.AwaitTurn());
  EXPECT_THAT(turns_.Take(), IsEmpty());
}

TEST_F(TurnsTest, SleepingKeeperHearsOfAnEarlierTime) {
  std::thread keeper([&] { EXPECT_TRUE(turns_.AwaitTurn()); });
  if (turns_.Add(1, /*always=*/false) == Put::kYourTurn) {
    (void)turns_.Take();
    turns_.Finish(Now());
  }
  keeper.join();
}

TEST_F(TurnsTest, TheWatchIsUpWhenTimeIsDue) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  const Instant due = Now() + std::chrono::hours(1);
  turns_.Finish(due);
  EXPECT_EQ(turns_.Watch(), due);
  EXPECT_FALSE(turns_.TakeIfDue()) << "it is an hour early";
  ASSERT_EQ(turns_.Add(2, /*always=*/false), Put::kYourTurn);
  EXPECT_FALSE(turns_.TakeIfDue()) << "somebody is at work";
  EXPECT_THAT(turns_.Take(), ElementsAre(2));
  turns_.Finish(Now());
  EXPECT_TRUE(turns_.TakeIfDue());
  EXPECT_THAT(turns_.Take(), IsEmpty());
}

TEST_F(TurnsTest, TheKeeperLeavesTimeToTheWatch) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now());
  EXPECT_LE(turns_.Watch(), Now()) << "it is due, and the watch knows";
  std::thread keeper([&] { EXPECT_FALSE(turns_.AwaitTurn()) << "until it is closed"; });
  EXPECT_TRUE(turns_.TakeIfDue());
  turns_.Finish(kNever);
  turns_.Close();
  keeper.join();
}

TEST_F(TurnsTest, TheKeeperSeesToWhatIsDueBeforeTheWatchIsUp) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now() + std::chrono::hours(1));
  EXPECT_GT(turns_.Watch(), Now()) << "it sleeps for an hour";
  std::thread keeper([&] { EXPECT_TRUE(turns_.AwaitTurn()); });
  ASSERT_EQ(turns_.Add(2, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now());
  keeper.join();
}

TEST_F(TurnsTest, AWatchThatFallsAsleepDuringATurnLeavesTimeToTheKeeper) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  EXPECT_EQ(turns_.Watch(), Instant::max());
  (void)turns_.Take();
  turns_.Finish(Now());
  EXPECT_TRUE(turns_.AwaitTurn());
}

TEST_F(TurnsTest, GatheredWorkMayBeLeftToTheKeeper) {
  ASSERT_TRUE(turns_.Gather());
  EXPECT_EQ(turns_.Add(1, /*always=*/true), Put::kQueued);
  EXPECT_FALSE(turns_.LeaveToKeeper(2)) << "it is not worth it";
  EXPECT_EQ(turns_.Add(2, /*always=*/true), Put::kQueued);
  ASSERT_TRUE(turns_.LeaveToKeeper(2));
  EXPECT_TRUE(turns_.AwaitTurn());
  EXPECT_THAT(turns_.Take(), ElementsAre(1, 2));
}

TEST_F(TurnsTest, WithoutTheWatchTimeIsTheKeepersAgain) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now());
  EXPECT_LE(turns_.Watch(), Now());
  std::thread keeper([&] { EXPECT_TRUE(turns_.AwaitTurn()); });
  turns_.Unwatch();
  keeper.join();
}

TEST_F(TurnsTest, WhatIsGatheredIsOneRoundsWork) {
  ASSERT_TRUE(turns_.Gather());
  EXPECT_EQ(turns_.Add(1, /*always=*/true), Put::kQueued);
  EXPECT_EQ(turns_.Add(2, /*always=*/true), Put::kQueued);
  EXPECT_TRUE(turns_.HasGathered());
  EXPECT_EQ(turns_.Add(3, /*always=*/true), Put::kQueued) << "the turn goes on";
  EXPECT_THAT(turns_.Take(), ElementsAre(1, 2, 3));
  turns_.Finish(kNever);
  EXPECT_EQ(turns_.Add(4, /*always=*/true), Put::kYourTurn);
}

TEST_F(TurnsTest, NothingGatheredIsNoRound) {
  ASSERT_TRUE(turns_.Gather());
  EXPECT_FALSE(turns_.HasGathered());
  EXPECT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn) << "the turn is over";
}

TEST_F(TurnsTest, WhatIsDueIsDoneWithNothingGathered) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  (void)turns_.Take();
  turns_.Finish(Now());
  EXPECT_LE(turns_.Watch(), Now());
  ASSERT_TRUE(turns_.Gather());
  EXPECT_TRUE(turns_.HasGathered());
  EXPECT_THAT(turns_.Take(), IsEmpty());
}

TEST_F(TurnsTest, NobodyGathersWhileSomebodyIsAtWorkOrIsAboutToBe) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  EXPECT_FALSE(turns_.Gather());
  EXPECT_THAT(turns_.Take(), ElementsAre(1));
  EXPECT_EQ(turns_.Add(2, /*always=*/false), Put::kQueued);
  turns_.Finish(kNever);
  EXPECT_FALSE(turns_.Gather()) << "the keeper is on its way";
  EXPECT_TRUE(turns_.AwaitTurn());
}

TEST_F(TurnsTest, AKeeperThatFellAsleepWhileNothingWasGatheredKnowsTheTime) {
  for (int i = 0; i < 100; ++i) {  // In some of them it is asleep in time.
    ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
    (void)turns_.Take();
    turns_.Finish(Now() + std::chrono::milliseconds(2));
    ASSERT_TRUE(turns_.Gather());
    std::thread keeper([&] { EXPECT_TRUE(turns_.AwaitTurn()); });
    std::this_thread::yield();
    if (turns_.HasGathered()) turns_.Finish(Now());
    keeper.join();
    turns_.Finish(kNever);
  }
}

TEST_F(TurnsTest, ClosingWaitsForWhoGathers) {
  ASSERT_TRUE(turns_.Gather());
  std::thread closer([&] { turns_.Close(); });
  while (turns_.Add(1, /*always=*/true) != Put::kRefused) std::this_thread::yield();
  (void)turns_.Take();
  EXPECT_FALSE(turns_.HasGathered());
  closer.join();
  EXPECT_FALSE(turns_.Gather());
}

TEST_F(TurnsTest, ClosingWakesTheKeeperAndRefusesWhatComes) {
  std::thread keeper([&] { EXPECT_FALSE(turns_.AwaitTurn()); });
  turns_.Close();
  keeper.join();
  EXPECT_EQ(turns_.Add(1, /*always=*/true), Put::kRefused);
}

TEST_F(TurnsTest, ClosingWaitsForTheTurnUnderway) {
  ASSERT_EQ(turns_.Add(1, /*always=*/false), Put::kYourTurn);
  std::atomic<bool> finished = false;
  std::thread closer([&] {
    turns_.Close();
    EXPECT_TRUE(finished);
  });
  while (turns_.Add(2, /*always=*/true) != Put::kRefused) std::this_thread::yield();
  finished = true;
  turns_.Finish(kNever);
  closer.join();
}

TEST(TurnsRaceTest, NothingIsLostAndNobodyWorksBesideAnother) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  Turns<int> turns(1);
  std::vector<int> seen(kThreads, 0);  // Unguarded: a turn is one thread's at a time.
  int total = 0;
  std::atomic<bool> all = false;
  const auto round = [&] {
    for (const int who : turns.Take()) {
      ++seen[who];
      ++total;
    }
    all = total == kThreads * kEach;
    turns.Finish(kNever);
  };
  std::thread keeper([&] {
    while (turns.AwaitTurn()) round();
  });
  std::vector<std::thread> threads;
  for (int who = 0; who < kThreads; ++who) {
    threads.emplace_back([&, who] {
      for (int i = 0; i < kEach; ++i) {
        const bool gathers = who == 0 && turns.Gather();
        if (turns.Add(who, /*always=*/true) == Turns<int>::Put::kYourTurn) round();
        if (gathers && turns.HasGathered()) round();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (!all) std::this_thread::yield();
  turns.Close();
  keeper.join();
  EXPECT_THAT(seen, ::testing::Each(kEach));
}

}  // namespace
}  // namespace kvd::runtime
