// What is counted, by many at once.

#include "server/observability/metrics.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kvd::observability {
namespace {

using namespace std::chrono_literals;

TEST(HistogramTest, ItHoldsWhatWasObserved) {
  Histogram histogram;
  Durations same;
  for (const Duration took : {Duration(3ms), Duration(40s), Duration(-1s)}) {
    histogram.Observe(took);
    same.Add(took);
  }
  EXPECT_EQ(histogram.value(), same);
}

TEST(MetricsTest, NothingIsLostBetweenThreads) {
  constexpr int kTimes = 20'000;
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kTimes; ++n) {
        counter.Add();
        gauge.Add(3);
        gauge.Subtract(2);
        histogram.Observe(1ms);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4U * kTimes);
  EXPECT_EQ(gauge.value(), 4U * kTimes);
  EXPECT_EQ(histogram.value().sum, 4 * kTimes * 1ms);
  EXPECT_EQ(histogram.value().counts[4], 4U * kTimes);
}

}  // namespace
}  // namespace kvd::observability
