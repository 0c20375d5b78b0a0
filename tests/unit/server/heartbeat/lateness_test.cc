#include "server/heartbeat/lateness.h"

#include <gtest/gtest.h>

namespace kvd::heartbeat {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{24h};

TEST(LatenessTest, WhoWasNeverLateIsNot) {
  EXPECT_EQ(Lateness().Worst(kStart), 0s);
}

TEST(LatenessTest, TheWorstCounts) {
  Lateness lateness;
  lateness.Note(3ms, kStart);
  lateness.Note(200ms, kStart + 1s);
  lateness.Note(1ms, kStart + 2s);
  EXPECT_EQ(lateness.Worst(kStart + 2s), 200ms);
}

TEST(LatenessTest, ItIsRememberedForAMinuteAndForgottenBeforeTwo) {
  Lateness lateness;
  for (Duration passed = 0s; passed <= 150s; passed += 1s) {
    const Instant now = kStart + passed;
    lateness.Note(passed == 30s ? 200ms : 1ms, now);
    if (passed >= 30s && passed <= 90s) {
      EXPECT_EQ(lateness.Worst(now), 200ms);
    }
  }
  EXPECT_EQ(lateness.Worst(kStart + 150s), 1ms);
}

TEST(LatenessTest, WhoDoesNothingMoreIsForgottenToo) {
  Lateness lateness;
  lateness.Note(200ms, kStart);
  EXPECT_EQ(lateness.Worst(kStart + 60s), 200ms);
  EXPECT_EQ(lateness.Worst(kStart + 120s), 0s);
}

}  // namespace
}  // namespace kvd::heartbeat
