#include "client/kvctl/render_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/kvctl/layout.h"

namespace kvd::kvctl {
namespace {

using client::Job;
using client::JobKind;
using client::JobState;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

Job Running() {
  return {.id = 7,
          .kind = JobKind::kJoin,
          .state = JobState::kRunning,
          .nodes = {"n4"},
          .asked_by = "alice@laptop",
          .copies = 192,
          .copies_left = 80,
          .bytes_done = 966'367'641,
          .bytes_left = 751'619'277,
          .bytes_per_second = 16'567'500,
          .age = seconds(62),
          .left = seconds(45)};
}

Job Waiting() {
  return {.id = 8,
          .kind = JobKind::kRebalance,
          .state = JobState::kWaiting,
          .copies = 6,
          .copies_left = 6,
          .age = seconds(12),
          .reason = "partitions 12, 40 are moving in job 7"};
}

TEST(RenderJobsTest, TableIsALineEach) {
  EXPECT_EQ(JobsTable({Running(), Waiting()}, /*colour=*/false),
            "ID  KIND       NODE  STATE    DONE     RATE        LEFT  AGE    REASON\n"
            "7   join       n4    running  112/192  15.8 MiB/s  0:45  1m02s  -\n"
            "8   rebalance  -     waiting  0/6      -           -     12s    "
            "partitions 12, 40 are moving in job 7\n");
}

TEST(RenderJobsTest, NoneAreSaidInWordsAndAreNothingForPrograms) {
  EXPECT_EQ(JobsTable({}, /*colour=*/true), "no jobs\n");
  EXPECT_EQ(JobsJson({}), "");
}

TEST(RenderJobsTest, JobThatHasNotBegunHasNoNumber) {
  Job job = Running();
  job.id = 0;
  job.state = JobState::kWaiting;
  job.copies = job.copies_left = job.bytes_per_second = 0;
  job.left.reset();
  job.age = {};
  job.reason = "n4 has not called in";
  EXPECT_THAT(JobsTable({job}, /*colour=*/false),
              HasSubstr("-   join  n4    waiting  -     -     -     -    n4 has not called in\n"));
  EXPECT_EQ(JobTitle(job), "join n4");
}

TEST(RenderJobsTest, JobThatHasEndedHasNeitherRateNorTimeLeft) {
  Job job = Running();
  job.state = JobState::kDone;
  job.copies_left = 0;
  EXPECT_THAT(JobsTable({job}, /*colour=*/false), HasSubstr("  done   192/192  -     -     1m02s"));
  job.state = JobState::kAborted;
  EXPECT_THAT(JobsTable({job}, /*colour=*/false), HasSubstr("  aborted  -     -     -     1m02s"));
}

TEST(RenderJobsTest, WhatANewerNodeSaysIsUnknown) {
  Job job = Running();
  job.kind = JobKind::kUnknown;
  job.state = JobState::kUnknown;
  EXPECT_THAT(JobsTable({job}, /*colour=*/false), HasSubstr("7   unknown  n4    unknown  112/192"));
  EXPECT_THAT(JobJson(job), HasSubstr(R"("kind":"unknown","node":"n4",)"));
  EXPECT_THAT(JobJson(job), HasSubstr(R"("state":"unknown")"));
}

TEST(RenderJobsTest, ReplacementNamesBoth) {
  Job job = Running();
  job.kind = JobKind::kReplace;
  job.nodes = {"n3", "n4"};
  EXPECT_EQ(JobTitle(job), "job 7 replace n3 n4");
  EXPECT_THAT(JobsTable({job}, /*colour=*/false), HasSubstr("7   replace  n3,n4  running"));
  EXPECT_THAT(JobJson(job), HasSubstr(R"("node":"n3","nodes":["n3","n4"],)"));
}

TEST(RenderJobsTest, JsonKeepsItsFields) {
  EXPECT_EQ(JobJson(Running()),
            R"({"job":7,"kind":"join","node":"n4","nodes":["n4"],"state":"running","done":112,)"
            R"("total":192,"bytes_done":966367641,"bytes_total":1717986918,)"
            R"("bytes_per_second":16567500,"age_ms":62000,"left_ms":45000,"reason":"",)"
            R"("asked_by":"alice@laptop"})"
            "\n");
  EXPECT_THAT(JobJson(Waiting()), HasSubstr(R"("node":"","nodes":[],)"));
  EXPECT_THAT(JobJson(Waiting()), HasSubstr(R"("left_ms":null,)"));
  EXPECT_EQ(JobsJson({Running(), Waiting()}), JobJson(Running()) + JobJson(Waiting()));
}

TEST(RenderJobsTest, LineSaysHowFarHowFastAndForHowLong) {
  EXPECT_EQ(JobLine(Running()),
            "job 7 join n4   58%  112/192 replicas  0.9/1.6 GiB  15.8 MiB/s  0:45 left");
}

TEST(RenderJobsTest, LineOfAJobThatDoesNotAdvanceSaysWhy) {
  EXPECT_EQ(JobLine(Waiting()),
            "job 8 rebalance    0%  0/6 replicas  waiting: partitions 12, 40 are moving in job 7");
  Job job = Running();
  job.state = JobState::kAborting;
  EXPECT_EQ(JobLine(job), "job 7 join n4   58%  112/192 replicas  0.9/1.6 GiB  aborting");
  job.state = JobState::kAborted;
  EXPECT_EQ(JobLine(job), "job 7 join n4   aborted");
}

TEST(RenderJobsTest, LongTimesHaveHours) {
  Job job = Running();
  job.left = seconds(3 * 3600 + 4 * 60 + 5);
  EXPECT_THAT(JobLine(job), HasSubstr("3:04:05 left"));
  job.left = std::chrono::milliseconds(1);
  EXPECT_THAT(JobLine(job), HasSubstr("0:01 left"));
}

TEST(RenderJobsTest, NothingToDoIsAllDone) {
  Job job = Running();
  job.copies = job.copies_left = 0;
  EXPECT_EQ(PercentDone(job), 100U);
  job.copies = 3;
  job.copies_left = 5;  // It has become more.
  EXPECT_EQ(PercentDone(job), 0U);
  job.copies_left = 1;
  EXPECT_EQ(PercentDone(job), 66U);
}

TEST(RenderJobsTest, BarFillsWhatTheTerminalHas) {
  EXPECT_EQ(ProgressBar(Running(), 100),
            "job 7 join n4   \u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
            "\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591  58%  112/192 replicas  "
            "0.9/1.6 GiB  15.8 MiB/s  0:45 left");
  for (const size_t columns : {0U, 1U, 10U, 60U, 74U, 80U, 82U, 100U, 300U}) {
    EXPECT_LE(DisplayWidth(ProgressBar(Running(), columns)), columns == 0 ? 0 : columns - 1);
  }
  EXPECT_THAT(ProgressBar(Running(), 74), Not(HasSubstr("\u2588")));
  EXPECT_EQ(ProgressBar(Running(), 20), "job 7 join n4    58");
}

TEST(RenderJobsTest, NamesAndReasonsCannotMoveTheCursor) {
  Job job = Waiting();
  job.nodes = {"n\x1b[2J"};
  job.reason = "because\n";
  for (const std::string& text :
       {JobLine(job), ProgressBar(job, 300), JobJson(job), JobsTable({job}, /*colour=*/false)}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, HasSubstr("because\\"));
  }
}

}  // namespace
}  // namespace kvd::kvctl
