// The first seeds of kvsim, and the proof that it can see: every rule that the driver can break
// must be noticed within a stated number of seeds.

#include "tests/simulation/simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/simulation/sweep.h"

namespace kvd::simulation {
namespace {

constexpr uint64_t kSeeds = 200;
constexpr uint64_t kSeedsWithMembers = 40;
constexpr uint64_t kSeedsPerSabotage = 1000;

TEST(SimulationTest, TheFirstSeedsAreClean) {
  const SweepReport report = Sweep({.from = 1, .to = kSeeds});
  for (const SeedFailure& failure : report.failures) ADD_FAILURE() << Line(failure, {});
  EXPECT_EQ(report.runs, kSeeds);
  EXPECT_EQ(report.too_hard, 0U);
  EXPECT_GT(report.done, report.runs * 20);
}

TEST(SimulationTest, TheFirstSeedsAreCleanWhileReplicasMove) {
  const SweepOptions options{.from = 1, .to = kSeeds, .nemesis = NemesisKind::kReconfigure};
  const SweepReport report = Sweep(options);
  for (const SeedFailure& failure : report.failures) ADD_FAILURE() << Line(failure, options);
  EXPECT_EQ(report.runs, kSeeds);
  EXPECT_GT(report.done, report.runs * 20);
  EXPECT_GT(report.steps, report.runs * 5);
}

TEST(SimulationTest, TheFirstSeedsAreCleanWhileNodesComeAndGo) {
  const SweepOptions options{.from = 1, .to = kSeedsWithMembers, .nemesis = NemesisKind::kMembers};
  const SweepReport report = Sweep(options);
  for (const SeedFailure& failure : report.failures) ADD_FAILURE() << Line(failure, options);
  EXPECT_EQ(report.runs, kSeedsWithMembers);
  EXPECT_GT(report.done, report.runs * 20);
  EXPECT_GT(report.steps, report.runs * 3);
}

TEST(SimulationTest, ASeedDecidesEverything) {
  const RunReport report = simulation::Run({.seed = 3});
  EXPECT_EQ(report.digest, simulation::Run({.seed = 3}).digest);
  EXPECT_NE(report.digest, simulation::Run({.seed = 4}).digest);
}

class SabotageTest : public ::testing::TestWithParam<Sabotage> {};

TEST_P(SabotageTest, IsNoticed) {
  const SweepOptions options{.from = 1,
                             .to = kSeedsPerSabotage,
                             .nemesis = NemesisFor(GetParam()),
                             .sabotage = GetParam(),
                             .stops_at_first = true};
  const SweepReport report = Sweep(options);
  ASSERT_FALSE(report.failures.empty()) << "not noticed within " << kSeedsPerSabotage << " seeds";
  RecordProperty("noticed", Line(report.failures.front(), options));
}

INSTANTIATE_TEST_SUITE_P(EveryRule, SabotageTest, ::testing::ValuesIn(kSabotages),
                         [](const auto& param) {
                           std::string name;
                           bool upper = true;
                           for (const char c : SabotageName(param.param)) {
                             if (c != '-') name += upper ? static_cast<char>(c - 'a' + 'A') : c;
                             upper = c == '-';
                           }
                           return name;
                         });

}  // namespace
}  // namespace kvd::simulation
