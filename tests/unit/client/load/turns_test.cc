#include "client/load/turns.h"

#include <gtest/gtest.h>

#include "tests/support/eventually.h"

namespace kvd::load {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::Eventually;

TEST(TurnsTest, ClosedLoopHasATurnForWhoeverIsFreeUntilItIsStopped) {
  Turns turns(Schedule(std::nullopt), hours(1));
  const auto first = turns.Take();
  const auto second = turns.Take();
  ASSERT_TRUE(first && second);
  EXPECT_LE(*first, *second);
  turns.Stop();
  EXPECT_TRUE(turns.IsOver());
  EXPECT_FALSE(turns.Take());
  EXPECT_LE(turns.end(), turns.Now());
  EXPECT_EQ(turns.NotBegun(), 0U);
}

TEST(TurnsTest, StoppingTwiceDoesNotMoveTheEnd) {
  Turns turns(Schedule(std::nullopt), hours(1));
  turns.Stop();
  const Duration end = turns.end();
  turns.Stop();
  EXPECT_EQ(turns.end(), end);
}

TEST(TurnsTest, OpenLoopHandsOutOneAfterAnotherWhenTheyAreDue) {
  Turns turns(Schedule(1000), hours(1));
  for (int number = 0; number < 5; ++number) {
    EXPECT_EQ(turns.Take(), milliseconds(number));
    EXPECT_GE(turns.Now(), milliseconds(number));
  }
}

TEST(TurnsTest, NobodyWaitsForWhatIsDueAfterTheEnd) {
  Turns turns(Schedule(1), milliseconds(999));
  EXPECT_EQ(turns.Take(), Duration::zero());
  EXPECT_FALSE(turns.Take());
}

TEST(TurnsTest, WhatWasDueAndHadNoCallerIsCounted) {
  Turns turns(Schedule(1000), milliseconds(5));
  ASSERT_TRUE(turns.Take());
  ASSERT_TRUE(Eventually([&] { return turns.IsOver(); }));
  EXPECT_FALSE(turns.Take());
  EXPECT_EQ(turns.NotBegun(), 4U);
}

}  // namespace
}  // namespace kvd::load
