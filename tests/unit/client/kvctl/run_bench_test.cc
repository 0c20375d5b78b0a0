// Runs of bench against a fake node: what lands on which stream, and the exit code. Each lasts for
// some milliseconds: what is measured meanwhile is of no interest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../raw_server.h"
#include "run_world.h"

namespace kvd::kvctl {
namespace {

using client::RawServer;
using nlohmann::json;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class RunBenchTest : public RunWorld {
 protected:
  ExitCode Bench(std::vector<std::string> words) {
    std::vector<std::string> all = {"bench", "--records=20", "--duration=30ms", "--threads=2"};
    all.insert(all.end(), words.begin(), words.end());
    return Do(all);
  }

  [[nodiscard]] bool Has(const std::string& key) { return Do({"exists", key}) == ExitCode::kDone; }
};

TEST_F(RunBenchTest, TableIsOnStandardOutputAndProgressIsNot) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"--pipeline"}}) {
    ASSERT_EQ(Bench(how), ExitCode::kDone) << console_.err;
    EXPECT_THAT(console_.out, StartsWith("workload a   50% read 50% update   zipf 0.99   20 rec"));
    EXPECT_THAT(console_.out, ContainsRegex("\nread +[0-9]+  .* +0 +0\nupdate +[0-9]+  .*"));
    EXPECT_THAT(console_.err, Not(HasSubstr("\x1b")));
    EXPECT_THAT(console_.err, Not(HasSubstr("\r")));
  }
}

TEST_F(RunBenchTest, TerminalHasALiveLineThatIsGoneInTheEnd) {
  console_.err_terminal = true;
  ASSERT_EQ(Bench({"--duration=500ms"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, HasSubstr("\r2 threads   "));
  EXPECT_THAT(console_.err, HasSubstr("left\x1b[K"));
  EXPECT_THAT(console_.err, EndsWith("\r\x1b[K"));
  EXPECT_THAT(console_.out, Not(HasSubstr("\r")));
}

TEST_F(RunBenchTest, RecordsAreLoadedOnceAndLeftForTheNextRun) {
  ASSERT_EQ(Bench({}), ExitCode::kDone);
  EXPECT_THAT(console_.err, HasSubstr("20 of 20 records written in "));
  EXPECT_TRUE(Has("bench/000000000000000019"));
  EXPECT_FALSE(Has("bench/000000000000000020"));
  ASSERT_EQ(Bench({}), ExitCode::kDone);
  EXPECT_THAT(console_.err, Not(HasSubstr("written")));
}

TEST_F(RunBenchTest, CleanDeletesTheRecordsAndNothingElse) {
  ASSERT_EQ(Do({"put", "bench/mine", "mine"}), ExitCode::kDone);
  ASSERT_EQ(Bench({"--workload=d", "--clean"}), ExitCode::kDone) << console_.err;
  EXPECT_THAT(console_.err, ContainsRegex("kvctl: [0-9]+ records deleted in "));
  EXPECT_FALSE(Has("bench/000000000000000000"));
  EXPECT_TRUE(Has("bench/mine"));
}

TEST_F(RunBenchTest, PhasesAreDoneAsAskedFor) {
  ASSERT_EQ(Bench({"--no-run"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_TRUE(Has("bench/000000000000000000"));
  ASSERT_EQ(Bench({"--no-run", "--no-load", "--clean"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
  ASSERT_EQ(Bench({"--no-load", "--workload=c"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, HasSubstr(" found no record: not all were loaded"));
}

TEST_F(RunBenchTest, EveryNumberOfThreadsHasARunOfItsOwn) {
  ASSERT_EQ(Bench({"--threads=1,3", "--workload=c"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, ContainsRegex("\n +1  read .*\n +3  read "));
}

TEST_F(RunBenchTest, ForProgramsEveryRunIsAnObjectAndThereIsNothingElse) {
  ASSERT_EQ(Bench({"--threads=1,3", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, IsEmpty());
  ASSERT_EQ(std::ranges::count(console_.out, '\n'), 2);
  const size_t second = console_.out.find('\n') + 1;
  EXPECT_EQ(json::parse(console_.out.substr(0, second)).at("threads"), 1);
  const json last = json::parse(console_.out.substr(second));
  EXPECT_EQ(last.at("threads"), 3);
  EXPECT_GE(last.at("duration_ms"), 30);
  EXPECT_GT(last.at("operations").at("read").at("answered"), 0);
}

TEST_F(RunBenchTest, QuietIsTheTableAlone) {
  ASSERT_EQ(Bench({"-q"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("\nupdate "));
  EXPECT_THAT(console_.err, IsEmpty());
}

TEST_F(RunBenchTest, WhatFailedIsCountedAndTheExitCodeIsItsOwn) {
  ASSERT_EQ(Bench({"--no-run"}), ExitCode::kDone);
  node_.Refuse({.reason = Reason::kPermissionDenied, .message = "not you"});
  EXPECT_EQ(Bench({"--no-load"}), ExitCode::kNotPermitted);
  EXPECT_THAT(console_.out, ContainsRegex("\nread +0  - .* 0 +[1-9][0-9]*\n"));
  EXPECT_THAT(console_.err, HasSubstr(" operations failed; the first: not you\n"));
  EXPECT_EQ(Bench({"--no-load", "-o", "json"}), ExitCode::kNotPermitted);
  EXPECT_EQ(json::parse(console_.err).at("error").at("reason"), "PERMISSION_DENIED");
  EXPECT_GT(json::parse(console_.out).at("operations").at("read").at("errors"), 0);
}

TEST_F(RunBenchTest, WritesOfUnknownOutcomeAreTold) {
  ASSERT_EQ(Bench({"--no-run"}), ExitCode::kDone);
  node_.Hang();
  EXPECT_EQ(Bench({"--no-load", "--mix=update=100", "-t", "50ms"}), ExitCode::kOutcomeUnknown);
  EXPECT_THAT(console_.out, ContainsRegex("\nupdate +0  - .* 2 +0\n"));
  EXPECT_THAT(console_.err, HasSubstr("2 of 2 operations failed, 2 with unknown outcome; "));
}

TEST_F(RunBenchTest, LoadThatFailsIsTheEnd) {
  node_.Refuse({.reason = Reason::kPermissionDenied, .message = "not you"});
  EXPECT_EQ(Bench({}), ExitCode::kNotPermitted);
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_THAT(console_.err, EndsWith("kvctl: load: not you\n"));
}

TEST_F(RunBenchTest, NobodyThereIsSaidAtOnce) {
  const RawServer dead(RawServer::Behaviour::kRefuses);
  endpoints_ = dead.address();
  EXPECT_EQ(Bench({}), ExitCode::kUnreachable);
  EXPECT_THAT(console_.out, IsEmpty());
}

TEST_F(RunBenchTest, MistakesAreFoundBeforeAnythingIsSent) {
  EXPECT_EQ(Bench({"--workload=e"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err,
              StartsWith("kvctl: --workload: workload e scans, and kvd has no scans"));
  EXPECT_EQ(Bench({"--rate=fast"}), ExitCode::kUsage);
  EXPECT_EQ(Bench({"--value-size=5MiB"}), ExitCode::kLimit);
  EXPECT_EQ(node_.calls(), 0);
}

TEST_F(RunBenchTest, ResultsThatNobodyTakesAreAnError) {
  console_.full = true;
  EXPECT_EQ(Bench({}), ExitCode::kError);
  EXPECT_THAT(console_.err, HasSubstr("no space left"));
}

}  // namespace
}  // namespace kvd::kvctl
