// Command lines of bench, as people type them, and what becomes of them.

#include "client/kvctl/bench_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::kvctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::variant<BenchPlan, Failure> Made(std::vector<std::string> words) {
  words.insert(words.begin(), "bench");
  const auto line = ParseCommandLine(words);
  if (const auto* failure = std::get_if<Failure>(&line)) return *failure;
  return MakeBenchPlan(std::get<CommandLine>(line));
}

BenchPlan PlanOf(const std::vector<std::string>& words) {
  const auto made = Made(words);
  if (const auto* failure = std::get_if<Failure>(&made)) {
    ADD_FAILURE() << failure->message;
    return {.workload = *load::ParseWorkload("a")};
  }
  return std::get<BenchPlan>(made);
}

Failure FailureOf(const std::vector<std::string>& words) {
  const auto made = Made(words);
  const auto* failure = std::get_if<Failure>(&made);
  return failure == nullptr ? Failure{.message = "was taken"} : *failure;
}

std::string Refused(const std::vector<std::string>& words) {
  const Failure failure = FailureOf(words);
  EXPECT_EQ(failure.exit_code, ExitCode::kUsage) << failure.message;
  return failure.message;
}

TEST(BenchPlanTest, NothingAskedForIsWorkloadAForTenSeconds) {
  const BenchPlan plan = PlanOf({});
  EXPECT_EQ(plan.workload.name, "a");
  EXPECT_EQ(plan.workload.choice, load::Choice::kZipf);
  EXPECT_EQ(plan.records, 100'000U);
  EXPECT_EQ(plan.format.prefix, "bench/");
  EXPECT_EQ(plan.format.key_bytes, 24U);
  EXPECT_EQ(plan.format.value_bytes, 1024U);
  EXPECT_THAT(plan.callers, ElementsAre(16U));
  EXPECT_FALSE(plan.pipelined);
  EXPECT_FALSE(plan.per_second);
  EXPECT_EQ(plan.length, Duration(seconds(10)));
  EXPECT_TRUE(plan.loads && plan.runs && !plan.cleans);
}

TEST(BenchPlanTest, EverythingCanBeAskedFor) {
  const BenchPlan plan =
      PlanOf({"--workload", "D",       "--keys",       "uniform", "--records",  "7",
              "--key-size", "40",      "--threads",    "1,16,4",  "--duration", "250ms",
              "--rate",     "5000",    "--pipeline",   "--seed",  "9",          "--prefix",
              "bench/x:",   "--clean", "--value-size", "2KiB"});
  EXPECT_EQ(plan.workload.name, "d");
  EXPECT_EQ(plan.workload.choice, load::Choice::kUniform);
  EXPECT_EQ(plan.records, 7U);
  EXPECT_EQ(plan.format.prefix, "bench/x:");
  EXPECT_EQ(plan.format.key_bytes, 40U);
  EXPECT_EQ(plan.format.value_bytes, 2048U);
  EXPECT_THAT(plan.callers, ElementsAre(1U, 16U, 4U));
  EXPECT_TRUE(plan.pipelined && plan.cleans);
  const load::RunOptions run = plan.RunWith(4);
  EXPECT_EQ(run.workload.mix, plan.workload.mix);
  EXPECT_EQ(run.callers, 4U);
  EXPECT_EQ(run.per_second, 5000U);
  EXPECT_EQ(run.length, Duration(milliseconds(250)));
  EXPECT_EQ(run.seed, 9U);
}

TEST(BenchPlanTest, AMixOfOnesOwnChoosesByZipfUnlessTold) {
  const BenchPlan plan = PlanOf({"--mix", "read=80,rmw=20"});
  EXPECT_EQ(plan.workload.name, "mix");
  EXPECT_EQ(plan.workload.mix, load::Mix({80, 0, 0, 20}));
  EXPECT_EQ(plan.workload.choice, load::Choice::kZipf);
  EXPECT_EQ(PlanOf({"--workload", "mix", "--mix", "read=100"}).workload.name, "mix");
  EXPECT_EQ(PlanOf({"--mix", "read=100", "--keys", "latest"}).workload.choice,
            load::Choice::kLatest);
}

TEST(BenchPlanTest, TwoMixesOrNoneAreRefused) {
  EXPECT_THAT(Refused({"--workload", "a", "--mix", "read=100"}), HasSubstr("give one"));
  EXPECT_THAT(Refused({"--workload", "mix"}), HasSubstr("needs its shares: --mix read="));
}

TEST(BenchPlanTest, MistakesNameTheirOption) {
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{
           {"--workload", "e"},
           {"--workload", "z"},
           {"--mix", "read=99"},
           {"--keys", "zpif"},
           {"--records", "0"},
           {"--records", "1000000001"},
           {"--records", "many"},
           {"--seed", "-1"},
           {"--prefix", ""},
           {"--prefix", "user:"},
           {"--key-size", "17"},
           {"--key-size", "4097"},
           {"--value-size", "big"},
           {"--threads", "0"},
           {"--threads", "1,"},
           {"--threads", "4097"},
           {"--threads", ""},
           {"--rate", "0"},
           {"--rate", "1.5"},
           {"--rate", "10000001"},
           {"--duration", "0s"},
           {"--duration", "-1s"},
           {"--duration", "soon"},
           {"--duration", "169h"},
           {"--prefix", "bench/" + std::string(4079, 'x')}}) {
    EXPECT_THAT(Refused({option + "=" + value}), StartsWith(option)) << value;
  }
}

TEST(BenchPlanTest, OnlyKeysUnderBenchAreEverTouched) {
  EXPECT_EQ(Refused({"--prefix", "user:"}),
            "--prefix: 'user:' does not begin with bench/, which keeps your own keys apart");
  EXPECT_THAT(Refused({"--prefix", "bench"}), StartsWith("--prefix"));
}

TEST(BenchPlanTest, KeysGrowWithTheirPrefix) {
  EXPECT_EQ(PlanOf({"--prefix", "bench/somewhat-longer/"}).format.key_bytes, 22U + 12U);
  EXPECT_THAT(Refused({"--prefix", "bench/somewhat-longer/", "--key-size", "33"}),
              HasSubstr("33 is not from 34 (the prefix and 12 digits) to 4096"));
  EXPECT_EQ(PlanOf({"--key-size", "18"}).format.key_bytes, 18U);
  EXPECT_EQ(PlanOf({"--key-size", "4096"}).format.key_bytes, 4096U);
}

TEST(BenchPlanTest, ValuesThatNoClusterTakesAreALimit) {
  EXPECT_EQ(PlanOf({"--value-size", "4MiB"}).format.value_bytes, client::kMaxValueBytes);
  EXPECT_EQ(PlanOf({"--value-size", "0"}).format.value_bytes, 0U);
  const Failure failure = FailureOf({"--value-size", "4194305"});
  EXPECT_EQ(failure.exit_code, ExitCode::kLimit);
  EXPECT_EQ(failure.reason, "VALUE_TOO_LARGE");
  EXPECT_THAT(failure.message, HasSubstr("4194305"));
}

TEST(BenchPlanTest, TheFirstMistakeIsTold) {
  EXPECT_THAT(Refused({"--workload", "e", "--value-size", "5MiB"}), StartsWith("--workload"));
  EXPECT_THAT(Refused({"--rate", "0", "--records", "0"}), StartsWith("--records"));
}

TEST(BenchPlanTest, SomethingIsToBeDone) {
  EXPECT_THAT(Refused({"--no-load", "--no-run"}), HasSubstr("leaves nothing to do"));
  const BenchPlan clean = PlanOf({"--no-load", "--no-run", "--clean"});
  EXPECT_TRUE(!clean.loads && !clean.runs && clean.cleans);
}

}  // namespace
}  // namespace kvd::kvctl
