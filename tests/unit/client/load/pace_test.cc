#include "client/load/pace.h"

#include <gtest/gtest.h>

#include "tests/support/eventually.h"

namespace kvd::load {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::Eventually;

TEST(PaceTest, ClosedLoopHasTheNextOneForWhoeverIsFreeUntilItIsStopped) {
  Pace pace(Schedule(std::nullopt), hours(1));
  const auto first = pace.AwaitNext();
  const auto second = pace.AwaitNext();
  ASSERT_TRUE(first && second);
  EXPECT_LE(*first, *second);
  pace.Stop();
  EXPECT_TRUE(pace.IsOver());
  EXPECT_FALSE(pace.AwaitNext());
  EXPECT_LE(pace.end(), pace.Now());
  EXPECT_EQ(pace.NotBegun(), 0U);
}

TEST(PaceTest, StoppingTwiceDoesNotMoveTheEnd) {
  Pace pace(Schedule(std::nullopt), hours(1));
  pace.Stop();
  const Duration end = pace.end();
  pace.Stop();
  EXPECT_EQ(pace.end(), end);
}

TEST(PaceTest, OpenLoopHandsOutOneAfterAnotherWhenTheyAreDue) {
  Pace pace(Schedule(1000), hours(1));
  for (int number = 0; number < 5; ++number) {
    EXPECT_EQ(pace.AwaitNext(), milliseconds(number));
    EXPECT_GE(pace.Now(), milliseconds(number));
  }
}

TEST(PaceTest, NobodyWaitsForWhatIsDueAfterTheEnd) {
  Pace pace(Schedule(1), milliseconds(999));
  EXPECT_EQ(pace.AwaitNext(), Duration::zero());
  EXPECT_FALSE(pace.AwaitNext());
}

TEST(PaceTest, WhatWasDueAndHadNoCallerIsCounted) {
  Pace pace(Schedule(1000), hours(1));
  ASSERT_TRUE(pace.AwaitNext());
  ASSERT_TRUE(Eventually([&] { return pace.Now() > milliseconds(5); }));
  pace.Stop();
  EXPECT_FALSE(pace.AwaitNext());
  EXPECT_GE(pace.NotBegun(), 4U);
  EXPECT_EQ(pace.NotBegun(), Schedule(1000).DueBefore(pace.end()) - 1);
}

}  // namespace
}  // namespace kvd::load
