#include "client/kvctl/render_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kvd::kvctl {
namespace {

using client::Error;
using client::ErrorKind;
using load::Kind;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

BenchPlan PlanB() {
  return {.workload = *load::ParseWorkload("b"), .callers = {32}};
}

void RecordMany(load::Tally& tally, Kind kind, int count, Duration latency) {
  for (int i = 0; i < count; ++i) tally.Record(kind, {.latency = latency});
}

load::Ended Failed(ErrorKind kind, const std::string& message) {
  return {.error = Error{.kind = kind, .message = message, .metadata = {{"request_id", "1.2"}}}};
}

// Two seconds of 32 threads: 2000 reads of 1 ms and two slow ones, of which the last was late; 100
// updates.
BenchResult Measured() {
  BenchResult result{.callers = 32, .figures = {.elapsed = seconds(2)}};
  load::Tally& tally = result.figures.tally;
  RecordMany(tally, Kind::kRead, 2000, milliseconds(1));
  RecordMany(tally, Kind::kRead, 1, milliseconds(40));
  tally.Record(Kind::kRead, {.latency = milliseconds(2500), .in_time = false});
  RecordMany(tally, Kind::kUpdate, 100, milliseconds(3));
  return result;
}

TEST(RenderBenchTest, TitleSaysWhatTheLoadWas) {
  BenchPlan plan = PlanB();
  EXPECT_EQ(BenchTitle(plan),
            "workload b   95% read 5% update   zipf 0.99   100000 records x 1 KiB\n");
  plan.workload.choice = load::Choice::kUniform;
  plan.records = 1;
  plan.pipelined = true;
  plan.per_second = 5000;
  EXPECT_EQ(BenchTitle(plan),
            "workload b   95% read 5% update   uniform   1 record x 1 KiB   pipelined   "
            "5000/s due\n");
  plan.workload = {
      .name = "mix", .mix = load::Mix({0, 0, 0, 100}), .choice = load::Choice::kLatest};
  EXPECT_THAT(BenchTitle(plan), StartsWith("mix   100% rmw   latest 0.99   "));
}

TEST(RenderBenchTest, TableIsALinePerKindOfTheMix) {
  EXPECT_EQ(BenchTable(PlanB(), {Measured()}, /*colour=*/false),
            "        ops/s  p50      p95      p99      p99.9    max      unknown  errors\n"
            "read     1000  1.00 ms  1.00 ms  1.00 ms  1.00 ms  2.50 s         0       0\n"
            "update     50  3.00 ms  3.00 ms  3.00 ms  3.00 ms  3.00 ms        0       0\n");
}

TEST(RenderBenchTest, SeveralRunsAreOneTableWithTheirThreads) {
  BenchPlan plan = PlanB();
  plan.callers = {32, 64};
  BenchResult other = Measured();
  other.callers = 64;
  const std::string table = BenchTable(plan, {Measured(), other}, /*colour=*/false);
  EXPECT_THAT(table, StartsWith("threads          ops/s  p50 "));
  EXPECT_THAT(table, HasSubstr("\n     32  read     1000  1.00 ms "));
  EXPECT_THAT(table, HasSubstr("\n     64  update     50  3.00 ms "));
}

TEST(RenderBenchTest, WhatWasNotAnsweredHasNoLatency) {
  BenchResult result{.figures = {.elapsed = seconds(1)}};
  result.figures.tally.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "unknown"));
  result.figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  result.figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  EXPECT_THAT(BenchTable(PlanB(), {result}, /*colour=*/false),
              HasSubstr("read        0  -    -    -    -      -          0       2\n"
                        "update      0  -    -    -    -      -          1       0\n"));
  const json object = json::parse(BenchJson(PlanB(), result));
  EXPECT_TRUE(object.at("operations").at("read").at("p99_ms").is_null());
  EXPECT_TRUE(object.at("operations").at("read").at("max_ms").is_null());
}

TEST(RenderBenchTest, FailuresHaveAColourAndNoneHaveNot) {
  BenchResult result = Measured();
  EXPECT_THAT(BenchTable(PlanB(), {result}, /*colour=*/true), Not(HasSubstr("\x1b[33m")));
  result.figures.tally.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "unknown"));
  result.figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  const std::string table = BenchTable(PlanB(), {result}, /*colour=*/true);
  EXPECT_THAT(table, HasSubstr("\x1b[33m"));
  EXPECT_THAT(table, HasSubstr("\x1b[31m"));
}

TEST(RenderBenchTest, JsonIsOneObjectOfWhatWasAskedForAndMeasured) {
  BenchPlan plan = PlanB();
  plan.per_second = 1050;
  BenchResult result = Measured();
  result.figures.not_begun = 3;
  result.figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  result.figures.tally.Record(Kind::kRead, {.latency = milliseconds(1), .absent = true});
  const std::string text = BenchJson(plan, result);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  const json object = json::parse(text);
  EXPECT_EQ(object.at("workload"), "b");
  EXPECT_EQ(object.at("mix_percent"), json({{"read", 95}, {"update", 5}}));
  EXPECT_EQ(object.at("keys"), "zipf");
  EXPECT_EQ(object.at("records"), 100'000);
  EXPECT_EQ(object.at("key_bytes"), 24);
  EXPECT_EQ(object.at("value_bytes"), 1024);
  EXPECT_EQ(object.at("threads"), 32);
  EXPECT_EQ(object.at("pipelined"), false);
  EXPECT_EQ(object.at("due_per_second"), 1050);
  EXPECT_EQ(object.at("not_begun"), 3);
  EXPECT_EQ(object.at("duration_ms"), 2000);
  EXPECT_EQ(object.at("interrupted"), false);
  EXPECT_EQ(object.at("per_second"), 1051);
  const json& read = object.at("operations").at("read");
  EXPECT_EQ(read.at("answered"), 2003);
  EXPECT_EQ(read.at("per_second"), 1001);
  EXPECT_NEAR(read.at("p50_ms"), 1, 0.01);
  EXPECT_EQ(read.at("max_ms"), 2500);
  EXPECT_EQ(read.at("unknown"), 0);
  EXPECT_EQ(read.at("errors"), 1);
  EXPECT_EQ(read.at("absent"), 1);
  EXPECT_EQ(object.at("operations").size(), 2U);
}

TEST(RenderBenchTest, ClosedLoopsHaveNothingDue) {
  const json object = json::parse(BenchJson(PlanB(), Measured()));
  EXPECT_FALSE(object.contains("due_per_second"));
  EXPECT_FALSE(object.contains("not_begun"));
}

TEST(RenderBenchTest, RemarksAreOfWhatTheFiguresDoNotShow) {
  EXPECT_THAT(BenchRemarks({}), IsEmpty());
  EXPECT_THAT(BenchRemarks({Measured(), Measured()}), IsEmpty());
  BenchResult result = Measured();
  result.figures.not_begun = 2;
  result.interrupted = true;
  result.figures.tally.Record(Kind::kRead, {.absent = true});
  result.figures.tally.Record(Kind::kReadModifyWrite, {.conflicts = 3});
  EXPECT_THAT(BenchRemarks({result, result}),
              ElementsAre("interrupted after 2.0s", StartsWith("4 operations due and not begun, "),
                          StartsWith("2 operations found no record: "),
                          StartsWith("6 conflicts between rmw on one record")));
}

TEST(RenderBenchTest, FailureIsOfTheWorstKindAndCountsAll) {
  EXPECT_FALSE(BenchFailure({Measured()}));
  BenchResult result = Measured();
  result.figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  auto failure = BenchFailure({Measured(), result});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit_code, ExitCode::kRefused);
  EXPECT_EQ(failure->message, "1 of 4205 operations failed; the first: late");
  result.figures.tally.Record(Kind::kUpdate, Failed(ErrorKind::kOutcomeUnknown, "who knows"));
  failure = BenchFailure({Measured(), result});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit_code, ExitCode::kOutcomeUnknown);
  EXPECT_EQ(failure->message,
            "2 of 4206 operations failed, 1 with unknown outcome; the first: who knows");
}

TEST(RenderBenchTest, ProgressOfASweepIsInRecords) {
  const BenchProgress half = SweepProgress("load", 50, 100, 1234.4);
  EXPECT_EQ(half.title, "load");
  EXPECT_EQ(half.percent, 50U);
  EXPECT_EQ(half.figures, " 50%  50/100 records  1234/s");
  // Deleting goes on beyond what was asked for.
  EXPECT_EQ(SweepProgress("clean", 1100, 100, 1).percent, 100U);
}

TEST(RenderBenchTest, ProgressOfARunIsInTime) {
  load::Figures figures = Measured().figures;
  const BenchProgress run = RunProgress(16, figures, seconds(8), 1050);
  EXPECT_EQ(run.title, "16 threads");
  EXPECT_EQ(run.percent, 25U);
  EXPECT_EQ(run.figures, " 25%  1050 ops/s  p99 3.01 ms  6.0s left");
  figures.tally.Record(Kind::kRead, Failed(ErrorKind::kTimedOut, "late"));
  figures.elapsed = seconds(9);
  EXPECT_THAT(RunProgress(1, figures, seconds(8), 0).figures,
              ::testing::MatchesRegex("100%  0 ops/s  p99 .* ms  1 failed  0.0s left"));
}

}  // namespace
}  // namespace kvd::kvctl
