// When what a node has not answered is given up, while it answers other things, or nothing.

#include "client/hearing.h"

#include <gtest/gtest.h>

#include <chrono>

namespace kvd::client {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLimit = 300ms;
constexpr Deadline kStart{1h};

TEST(HearingTest, WhoWasNeverHeardIsGivenUpAfterTheLimit) {
  const Hearing hearing;
  EXPECT_EQ(hearing.TooLongAt(kStart, kLimit, kStart), kStart + kLimit);
  EXPECT_TRUE(hearing.IsSilent(kStart, kLimit, kStart + kLimit));
}

TEST(HearingTest, WhileWhatWasSentBeforeIsAnsweredTheRestMayTakeLonger) {
  Hearing hearing;
  hearing.OnAnswer(kStart - 1s, kStart + 200ms);
  EXPECT_EQ(hearing.TooLongAt(kStart, kLimit, kStart + kLimit), kStart + 200ms + kLimit);
  EXPECT_FALSE(hearing.IsSilent(kStart, kLimit, kStart + kLimit));
}

TEST(HearingTest, WhatIsPassedOverByWhatCameMuchLaterIsGivenUp) {
  Hearing hearing;
  hearing.OnAnswer(kStart + kLimit - 1ms, kStart + 350ms);
  EXPECT_GT(hearing.TooLongAt(kStart, kLimit, kStart + 350ms), kStart + 350ms);
  hearing.OnAnswer(kStart + kLimit, kStart + 360ms);
  EXPECT_EQ(hearing.TooLongAt(kStart, kLimit, kStart + 360ms), kStart + 360ms);
  EXPECT_FALSE(hearing.IsSilent(kStart, kLimit, kStart + 360ms)) << "others are answered";
}

TEST(HearingTest, AnswersToWhatWasSentEarlierUndoNothing) {
  Hearing hearing;
  hearing.OnAnswer(kStart + kLimit, kStart + 400ms);
  hearing.OnAnswer(kStart, kStart + 400ms);
  EXPECT_EQ(hearing.TooLongAt(kStart, kLimit, kStart + 401ms), kStart + 401ms);
}

TEST(HearingTest, WhoFallsSilentIsGivenUpTheLimitAfterTheLastWord) {
  Hearing hearing;
  hearing.OnAnswer(kStart, kStart + 100ms);
  EXPECT_FALSE(hearing.IsSilent(kStart, kLimit, kStart + 399ms));
  EXPECT_TRUE(hearing.IsSilent(kStart, kLimit, kStart + 400ms));
  EXPECT_TRUE(hearing.IsSilent(kStart + 100ms, kLimit, kStart + 101ms))
      << "nothing was heard since this one was sent";
}

TEST(HearingTest, WithoutALimitNothingIsGivenUp) {
  Hearing hearing;
  hearing.OnAnswer(kStart + 1h, kStart + 1h);
  EXPECT_EQ(hearing.TooLongAt(kStart, Duration::zero(), kStart + 2h), Deadline::max());
  EXPECT_FALSE(hearing.IsSilent(kStart, Duration::zero(), kStart + 2h));
}

}  // namespace
}  // namespace kvd::client
