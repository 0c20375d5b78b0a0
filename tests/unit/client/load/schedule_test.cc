// Schedules are asked for what is due at times that the tests make up; no time passes.

#include "client/load/schedule.h"

#include <gtest/gtest.h>

#include <chrono>

namespace kvd::load {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ClosedLoopTest, OperationIsDueWhenItsCallerIsFree) {
  const Schedule schedule(std::nullopt);
  EXPECT_FALSE(schedule.is_open());
  EXPECT_EQ(schedule.DueAt(0, milliseconds(7)), milliseconds(7));
  EXPECT_EQ(schedule.DueAt(1000, milliseconds(7)), milliseconds(7));
  EXPECT_EQ(schedule.DueBefore(seconds(10)), 0U);
}

TEST(OpenLoopTest, OperationsAreDueAtTheRateWhateverCallersDo) {
  const Schedule schedule(200);
  EXPECT_TRUE(schedule.is_open());
  EXPECT_EQ(schedule.DueAt(0, seconds(9)), Duration::zero());
  EXPECT_EQ(schedule.DueAt(1, Duration::zero()), milliseconds(5));
  EXPECT_EQ(schedule.DueAt(1, seconds(9)), milliseconds(5));
  EXPECT_EQ(schedule.DueAt(200, Duration::zero()), seconds(1));
}

TEST(OpenLoopTest, AnOperationThatWaitedForOthersCountsFromWhenItWasDue) {
  const Schedule schedule(1000);
  // Its caller was held up for 300 ms by the one before.
  const Duration free_at = milliseconds(301);
  const Timing late{.due = schedule.DueAt(1, free_at), .answered = free_at + milliseconds(2)};
  EXPECT_EQ(late.latency(), milliseconds(302));
  const Timing closed{.due = Schedule(std::nullopt).DueAt(1, free_at),
                      .answered = free_at + milliseconds(2)};
  EXPECT_EQ(closed.latency(), milliseconds(2));
}

TEST(OpenLoopTest, RatesThatDivideNoSecondDoNotDrift) {
  const Schedule schedule(3);
  EXPECT_EQ(schedule.DueAt(1, {}), nanoseconds(333'333'333));
  EXPECT_EQ(schedule.DueAt(2, {}), nanoseconds(666'666'666));
  EXPECT_EQ(schedule.DueAt(uint64_t{3} * 3600 * 24 * 7, {}), hours(24 * 7));
}

TEST(OpenLoopTest, WhatHasBecomeDueIsCounted) {
  for (const uint64_t rate : {1U, 3U, 7U, 1000U, 999'999'937U}) {
    const Schedule schedule(rate);
    for (const Duration end : {Duration(1), Duration(333'333'333), Duration(333'333'334),
                               Duration(seconds(1)), Duration(seconds(61)) + Duration(17)}) {
      const uint64_t due = schedule.DueBefore(end);
      ASSERT_GT(due, 0U);
      EXPECT_LT(schedule.DueAt(due - 1, {}), end) << rate;
      EXPECT_GE(schedule.DueAt(due, {}), end) << rate;
    }
    EXPECT_EQ(schedule.DueBefore(Duration::zero()), 0U);
  }
}

}  // namespace
}  // namespace kvd::load
