#include "common/durations.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kvd {
namespace {

using namespace std::chrono_literals;

TEST(DurationsTest, ABucketHoldsWhatIsAtMostItsBound) {
  for (size_t i = 0; i < Durations::kBounds.size(); ++i) {
    EXPECT_EQ(Durations::BucketOf(Durations::kBounds[i]), i);
    EXPECT_EQ(Durations::BucketOf(Durations::kBounds[i] + 1ns), i + 1);
  }
  EXPECT_EQ(Durations::BucketOf(1h), Durations::kBounds.size());
  EXPECT_EQ(Durations::BucketOf(0ns), 0U);
}

TEST(DurationsTest, BoundsGrow) {
  EXPECT_TRUE(std::ranges::is_sorted(Durations::kBounds, std::ranges::less_equal{}));
}

TEST(DurationsTest, TheSumIsOfAllThatWasAdded) {
  Durations durations;
  durations.Add(3ms);
  durations.Add(40s);
  durations.Add(-1s);
  EXPECT_EQ(durations.sum, 40s + 3ms);
  EXPECT_EQ(durations.counts[0], 1U) << "what is negative took no time";
  EXPECT_EQ(durations.counts.back(), 1U);
}

TEST(DurationsTest, ThoseOfOthersCountAsIfTheyWereAddedOneByOne) {
  Durations durations;
  durations.Add(3ms);
  Durations others;
  others.Add(3ms);
  others.Add(40s);
  durations.Add(others);
  Durations all;
  for (const Duration each : {Duration(3ms), Duration(3ms), Duration(40s)}) all.Add(each);
  EXPECT_EQ(durations, all);
}

}  // namespace
}  // namespace kvd
