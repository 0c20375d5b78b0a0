// Runs of jobs, wait --job and status against fake nodes: which jobs there are, and how they end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "../raw_server.h"
#include "run_world.h"

namespace kvd::kvctl {
namespace {

using client::FakeAdmin;
using client::RawServer;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

FakeAdmin::Job InState(int state, uint64_t left = 80) {
  return {.state = state, .copies_left = left, .age_ms = 60'000};
}

class RunJobsTest : public RunWorld {
 protected:
  FakeAdmin& admin() { return node_.admin(); }

  void RefuseAll(Reason reason) {
    admin().Refuse({.reason = reason, .message = "why", .metadata = {}, .retry_after = {}});
  }
};

TEST_F(RunJobsTest, JobsAreATableOrAnObjectEach) {
  admin().List({{InState(FakeAdmin::kRunning), {.id = 8, .kind = FakeAdmin::kRebalance}}});
  EXPECT_EQ(Do({"jobs"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("ID  KIND       NODE  STATE    DONE     RATE  LEFT  AGE"));
  EXPECT_EQ(Do({"jobs", "-o", "json"}), ExitCode::kDone);
  EXPECT_EQ(std::ranges::count(console_.out, '\n'), 2);
}

TEST_F(RunJobsTest, NoneIsNoError) {
  EXPECT_EQ(Do({"jobs"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "no jobs\n");
  EXPECT_EQ(Do({"jobs", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
}

TEST_F(RunJobsTest, OneJobIsShownAloneOrIsThree) {
  admin().List({{InState(FakeAdmin::kRunning), {.id = 8}}});
  EXPECT_EQ(Do({"jobs", "8"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("\n8   join"));
  EXPECT_THAT(console_.out, Not(HasSubstr("\n7   join")));
  EXPECT_EQ(Do({"jobs", "9"}), ExitCode::kNotFound);
  EXPECT_EQ(console_.err, "kvctl: there is no job 9\n");
  EXPECT_EQ(Do({"wait", "--job", "9"}), ExitCode::kNotFound);
}

TEST_F(RunJobsTest, NumbersAreChecked) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"jobs", "seven"},
                                                {"jobs", "0"},
                                                {"wait", "--job", "x"},
                                                {"jobs", "--abort"},
                                                {"wait", "--job", "7", "--ready"},
                                                {"wait"}}) {
    EXPECT_EQ(Do(words), ExitCode::kUsage) << words[0];
    EXPECT_THAT(console_.out, IsEmpty());
  }
  EXPECT_THAT(admin().asked(), IsEmpty());
}

TEST_F(RunJobsTest, AbortSaysWhatBecomesOfTheJob) {
  admin().Start({InState(FakeAdmin::kAborting)});
  EXPECT_EQ(Do({"jobs", "7", "--abort"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "job 7 join n4   58%  112/192 replicas  aborting\n");
  EXPECT_EQ(Do({"jobs", "7", "--abort", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr(R"("state":"aborting")"));
  EXPECT_THAT(admin().asked(), Contains("AbortJob job: 7").Times(2));
  RefuseAll(Reason::kUnsafeChange);
  EXPECT_EQ(Do({"jobs", "7", "--abort"}), ExitCode::kUnsafe);
}

TEST_F(RunJobsTest, WatchedAbortEndsWellWhenTheJobIsAborted) {
  admin().Start({InState(FakeAdmin::kAborting)});
  admin().List({{InState(FakeAdmin::kAborting)}, {InState(FakeAdmin::kAborted, 0)}});
  EXPECT_EQ(Do({"jobs", "7", "--abort", "--watch"}), ExitCode::kDone) << console_.err;
  EXPECT_THAT(console_.out, StartsWith("aborted in 1m"));
}

TEST_F(RunJobsTest, WaitFollowsAJobToItsEnd) {
  admin().List({{InState(FakeAdmin::kRunning)}, {InState(FakeAdmin::kDone, 0)}});
  EXPECT_EQ(Do({"wait", "--job", "7"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("done in 1m"));
  admin().List({{InState(FakeAdmin::kRunning)}, {InState(FakeAdmin::kAborted)}});
  EXPECT_EQ(Do({"jobs", "7", "--watch"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.err, EndsWith("kvctl: job 7 join n4 aborted at 112 of 192 replicas\n"));
}

TEST_F(RunJobsTest, JobThatEndedLongAgoTookNobodyKnowsHowLong) {
  admin().List({{{.state = FakeAdmin::kDone, .copies_left = 0}}});
  EXPECT_EQ(Do({"wait", "--job", "7"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "done\n");
  admin().List({{{.state = FakeAdmin::kAborted, .copies_left = 0}}});
  EXPECT_EQ(Do({"wait", "--job", "7"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.err, EndsWith("kvctl: job 7 join n4 aborted\n"));
}

TEST_F(RunJobsTest, WatchGoesOnUntilNothingIsUnderWay) {
  admin().List({{InState(FakeAdmin::kRunning)}, {InState(FakeAdmin::kDone, 0)}});
  EXPECT_EQ(Do({"jobs", "--watch"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("  running  112/192"));
  EXPECT_THAT(console_.out, HasSubstr("  done   192/192"));
  EXPECT_THAT(console_.out, Not(HasSubstr("\x1b")));
  admin().List({{InState(FakeAdmin::kRunning)}, {}});
  console_.terminal = console_.err_terminal = true;
  EXPECT_EQ(Do({"jobs", "--watch"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("\x1b[H\x1b[2J"));
  EXPECT_THAT(console_.out, EndsWith("\x1b[H\x1b[2Jno jobs\n"));
}

TEST_F(RunJobsTest, NobodyWhoCanTellIsAnError) {
  RefuseAll(Reason::kNoMajority);
  EXPECT_EQ(Do({"jobs", "-t", "100ms"}), ExitCode::kRefused);
  EXPECT_EQ(console_.err, "kvctl: why\n");
  const RawServer dead(RawServer::Behaviour::kRefuses);
  endpoints_ = dead.address();
  EXPECT_EQ(Do({"jobs"}), ExitCode::kUnreachable);
  EXPECT_EQ(Do({"wait", "--job", "7"}), ExitCode::kUnreachable);
}

TEST_F(RunJobsTest, StatusCountsWhatIsUnderWay) {
  EXPECT_EQ(Do({"status"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("   no jobs\n"));
  admin().List({{InState(FakeAdmin::kDone),
                 InState(FakeAdmin::kRunning),
                 InState(FakeAdmin::kAborted),
                 {.id = 0, .state = FakeAdmin::kWaiting},
                 {.state = 77}}});
  EXPECT_EQ(Do({"status"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("   3 jobs\n"));
  EXPECT_EQ(Do({"status", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr(R"("jobs":3,)"));
}

TEST_F(RunJobsTest, StatusIsShownAlsoIfNobodyKnowsTheJobs) {
  RefuseAll(Reason::kNoMajority);
  EXPECT_EQ(Do({"status"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("   jobs unknown\n"));
  EXPECT_THAT(console_.err, IsEmpty());
  EXPECT_EQ(Do({"status", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr(R"("jobs":null,)"));
}

}  // namespace
}  // namespace kvd::kvctl
