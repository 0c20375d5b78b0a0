#include "client/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/random.h"

namespace kvd::load {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(HistogramTest, NothingRecordedIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.Quantile(0.5), Duration::zero());
  EXPECT_EQ(histogram.max(), Duration::zero());
}

TEST(HistogramTest, QuantileIsWhatThatShareDidNotExceed) {
  Histogram histogram;
  for (int ns = 1; ns <= 100; ++ns) histogram.Record(nanoseconds(ns));  // Exact: buckets of one.
  EXPECT_EQ(histogram.Quantile(0), nanoseconds(1));
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(50));
  EXPECT_EQ(histogram.Quantile(0.95), nanoseconds(95));
  EXPECT_EQ(histogram.Quantile(0.991), nanoseconds(100));
  EXPECT_EQ(histogram.Quantile(1), nanoseconds(100));
}

TEST(HistogramTest, QuantilesAreNeverTooSmallAndAtMostOne128thTooLarge) {
  Histogram histogram;
  Random random(1);
  std::vector<int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(40))));
    histogram.Record(nanoseconds(values.back()));
  }
  std::ranges::sort(values);
  for (const double quantile : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto exact = values[static_cast<size_t>(std::lround(quantile * 100'000)) - 1];
    const auto told = histogram.Quantile(quantile).count();
    EXPECT_GE(told, exact) << quantile;
    EXPECT_LE(static_cast<double>(told), static_cast<double>(exact) * (1 + 1.0 / 128)) << quantile;
  }
}

TEST(HistogramTest, MaxIsExactAndNoQuantileIsBeyondIt) {
  Histogram histogram;
  histogram.Record(nanoseconds(1'234'567));
  EXPECT_EQ(histogram.max(), nanoseconds(1'234'567));
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(1'234'567));
}

TEST(HistogramTest, AddingIsAsIfAllWereRecordedInOne) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (int i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? one : other).Record(microseconds(i * i));
    both.Record(microseconds(i * i));
  }
  one.Add(other);
  EXPECT_EQ(one.count(), 1000U);
  EXPECT_EQ(one.max(), both.max());
  for (const double quantile : {0.1, 0.5, 0.99}) {
    EXPECT_EQ(one.Quantile(quantile), both.Quantile(quantile));
  }
  Histogram empty;
  empty.Add(one);
  EXPECT_EQ(empty.Quantile(0.5), both.Quantile(0.5));
  empty.Add(Histogram());
  EXPECT_EQ(empty.count(), 1000U);
}

TEST(HistogramTest, WhatIsOutOfRangeCountsAsTheNearest) {
  Histogram histogram;
  histogram.Record(milliseconds(-1));
  EXPECT_EQ(histogram.Quantile(1), Duration::zero());
  histogram.Record(Histogram::kLongest);
  histogram.Record(hours(24));
  EXPECT_EQ(histogram.Quantile(0.5), Histogram::kLongest);
  EXPECT_EQ(histogram.Quantile(1), Histogram::kLongest);
  EXPECT_EQ(histogram.max(), hours(24));
}

}  // namespace
}  // namespace kvd::load
