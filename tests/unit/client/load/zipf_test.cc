// Shares are counted over so many draws that chance cannot move them beyond what is allowed.

#include "client/load/zipf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace kvd::load {
namespace {

constexpr int kDraws = 1'000'000;

std::vector<double> Shares(uint64_t items, double theta = Zipf::kTheta) {
  const Zipf zipf(items, theta);
  Random random(11);
  std::vector<double> shares(items);
  for (int i = 0; i < kDraws; ++i) shares[zipf.Draw(random)] += 1.0 / kDraws;
  return shares;
}

double SummedUp(uint64_t n, double theta) {
  double sum = 0;
  for (uint64_t i = n; i > 0; --i) sum += std::pow(static_cast<double>(i), -theta);
  return sum;
}

TEST(HarmonicSumTest, IsWhatSummingUpGives) {
  for (const uint64_t n : {1U, 2U, 99U, 100U, 101U, 1000U, 1'000'000U}) {
    EXPECT_NEAR(HarmonicSum(n, 0.99), SummedUp(n, 0.99), 1e-9) << n;
    EXPECT_NEAR(HarmonicSum(n, 0.5), SummedUp(n, 0.5), 1e-9 * SummedUp(n, 0.5)) << n;
  }
}

// ZETAN in YCSB's ScrambledZipfianGenerator, which took hours to sum up.
TEST(HarmonicSumTest, AgreesWithTheConstantOfYcsb) {
  EXPECT_NEAR(HarmonicSum(10'000'000'000, 0.99), 26.46902820178302, 1e-6);
}

TEST(ZipfTest, TheMostPopularItemGetsTheShareOfItsTheta) {
  EXPECT_NEAR(Shares(1000)[0], 1 / SummedUp(1000, 0.99), 0.002);
  EXPECT_NEAR(Shares(1000, 0.5)[0], 1 / SummedUp(1000, 0.5), 0.002);
}

TEST(ZipfTest, SharesFallWithTheRankToThePowerOfTheta) {
  const auto shares = Shares(1000);
  EXPECT_NEAR(shares[1] / shares[0], std::pow(2, -0.99), 0.01);
  // Beyond the second rank the method is approximate: the paper's own figures are no closer.
  double first_hundred = 0;
  for (size_t rank = 0; rank < 100; ++rank) first_hundred += shares[rank];
  EXPECT_NEAR(first_hundred, SummedUp(100, 0.99) / SummedUp(1000, 0.99), 0.03);
}

TEST(ZipfTest, EveryItemIsDrawnAndNoOther) {
  for (const uint64_t items : {1U, 2U, 3U, 10U}) {
    const auto shares = Shares(items);  // Writes out of bounds if there is another.
    for (const double share : shares) EXPECT_GT(share, 0) << items;
  }
}

TEST(ZipfTest, SameSeedGivesTheSameDraws) {
  const Zipf zipf(1'000'000);
  Random one(3);
  Random other(3);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(zipf.Draw(one), zipf.Draw(other));
}

}  // namespace
}  // namespace kvd::load
