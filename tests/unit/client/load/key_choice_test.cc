#include "client/load/key_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace kvd::load {
namespace {

constexpr int kDraws = 200'000;

// How often each of the records was chosen, as a share.
std::vector<double> Shares(KeyChoice& choice, uint64_t count) {
  Random random(5);
  std::vector<double> shares(count);
  for (int i = 0; i < kDraws; ++i) shares.at(choice.Pick(count, random)) += 1.0 / kDraws;
  return shares;
}

TEST(KeyChoiceTest, UniformIsEachRecordAsOftenAsAnother) {
  KeyChoice choice(Choice::kUniform, 10);
  for (const double share : Shares(choice, 10)) EXPECT_NEAR(share, 0.1, 0.005);
}

TEST(KeyChoiceTest, UniformFindsWhatWasInserted) {
  KeyChoice choice(Choice::kUniform, 10);
  EXPECT_NEAR(Shares(choice, 20)[19], 0.05, 0.005);
}

TEST(KeyChoiceTest, PopularRecordsAreScatteredAndTheirSharesAreThoseOfYcsb) {
  KeyChoice choice(Choice::kZipf, 10'000);
  const auto shares = Shares(choice, 10'000);
  const auto first = std::ranges::max_element(shares);
  EXPECT_NEAR(*first, 1 / 26.469, 0.002);
  EXPECT_EQ(static_cast<uint64_t>(first - shares.begin()), Scatter(0) % 10'000);
  EXPECT_NEAR(shares[Scatter(1) % 10'000], 0.5035 / 26.469, 0.002);
}

TEST(KeyChoiceTest, PopularRecordsStaySoWhenOthersAreInserted) {
  KeyChoice choice(Choice::kZipf, 1000);
  EXPECT_NEAR(Shares(choice, 1000)[Scatter(0) % 1000], Shares(choice, 1700)[Scatter(0) % 1000],
              0.002);
}

TEST(KeyChoiceTest, LatestIsTheNewestMostOften) {
  KeyChoice choice(Choice::kLatest, 1000);
  const auto before = Shares(choice, 1000);
  EXPECT_EQ(std::ranges::max_element(before), before.end() - 1);
  const auto after = Shares(choice, 1500);
  EXPECT_EQ(std::ranges::max_element(after), after.end() - 1);
  EXPECT_GT(after[0] + after[1] + after[2] + after[3], 0) << "the oldest are read too";
}

// Computed by hand from the definition of FNV-1a.
TEST(KeyChoiceTest, ScatterIsFnv1a) {
  EXPECT_EQ(Scatter(0), 0xa8c7f832281a39c5U);
  EXPECT_EQ(Scatter(42), 0xff3add6b3789daefU);
}

}  // namespace
}  // namespace kvd::load
