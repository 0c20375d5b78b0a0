// Runs of the commands that change the cluster, against fake nodes: what is asked of whom, what is
// asked of the cluster, and how it is told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>

#include "../raw_server.h"
#include "client/kvctl/interrupt.h"
#include "run_world.h"

namespace kvd::kvctl {
namespace {

using client::FakeAdmin;
using client::FakeKvd;
using client::RawServer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

constexpr const char* kJoinPlan =
    "plan: add n4 to cluster demo, 3 -> 4 nodes\n"
    "  move   192 of 768 replicas, about 1.5 GiB: 64 from each of n1, n2, n3 (the minimum is 192)\n"
    "  after  every node 192 replicas and 64 partitions owned\n"
    "  time   about 1m36s at the allowed rate (rebalance.max_bytes_per_second)\n";

FakeAdmin::Job Running(uint64_t done = 0) {
  return {.copies_left = 192 - done, .age_ms = 60'000};
}

FakeAdmin::Job Done() {
  return {.state = FakeAdmin::kDone, .copies_left = 0, .age_ms = 97'000};
}

FakeAdmin::Job NotCalledIn() {
  return {.id = 0,
          .state = FakeAdmin::kWaiting,
          .copies = 0,
          .copies_left = 0,
          .reason = "n4 has not called in"};
}

Refusal Because(Reason reason, std::string message) {
  return {.reason = reason, .message = std::move(message), .metadata = {}, .retry_after = {}};
}

class RunChangeTest : public RunWorld {
 protected:
  RunChangeTest() {
    admin().Start({Running()});
    admin().List({{}, {Done()}});
  }

  FakeAdmin& admin() { return node_.admin(); }

  // The changes that were begun, and nothing else that was asked.
  std::vector<std::string> Started() {
    std::vector<std::string> started;
    for (const std::string& call : admin().asked()) {
      if (call.starts_with("StartChange")) started.push_back(call);
    }
    return started;
  }
};

TEST_F(RunChangeTest, PlanIsShownAndNothingBegun) {
  EXPECT_EQ(Do({"join", "n4", "--plan"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, kJoinPlan);
  EXPECT_THAT(console_.err, IsEmpty());
  EXPECT_EQ(Do({"remove", "n3", "--plan", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith(R"({"plan":"remove","nodes":["n3"],"copies":192,)"));
  EXPECT_THAT(Started(), IsEmpty());
}

TEST_F(RunChangeTest, UnsafeChangeIsTen) {
  admin().Refuse(Because(Reason::kUnsafeChange, "2 nodes would remain and there are 3 copies"));
  for (const Words& words : {Words{"leave", "n2", "--plan"}, Words{"leave", "n2", "--yes"}}) {
    EXPECT_EQ(Do(words), ExitCode::kUnsafe);
    EXPECT_EQ(console_.err, "kvctl: 2 nodes would remain and there are 3 copies\n");
    EXPECT_THAT(console_.out, IsEmpty());
  }
  admin().Refuse(Because(Reason::kJobConflict, "job 3 is under way for n2"));
  EXPECT_EQ(Do({"leave", "n2", "--yes"}), ExitCode::kUnsafe);
  admin().Refuse(Because(Reason::kNotFound, "n9 is no member of cluster demo"));
  EXPECT_EQ(Do({"leave", "n9", "--yes"}), ExitCode::kNotFound);
}

TEST_F(RunChangeTest, WithoutATerminalYesMustBeSaid) {
  for (const Words& words : {Words{"join", "n4"},
                             {"leave", "n2"},
                             {"replace", "n3", "n4"},
                             {"rebalance"},
                             {"decommission", "n2", "--no-input"}}) {
    EXPECT_EQ(Do(words), ExitCode::kUsage);
    EXPECT_THAT(console_.err, HasSubstr("nobody can be asked here; add --yes to begin, or --plan"));
  }
  console_.terminal = true;
  EXPECT_EQ(Do({"leave", "n2", "--no-input"}), ExitCode::kUsage);
  EXPECT_EQ(Do({"leave", "n2", "-o", "json"}), ExitCode::kUsage);
  EXPECT_THAT(admin().asked(), IsEmpty());
}

TEST_F(RunChangeTest, ChangeIsAskedForAsItWasSaid) {
  for (const Words& words :
       {Words{"join", "n4", "--zone", "rack-d"}, Words{"leave", "n2", "--accept-fewer-replicas"},
        Words{"remove", "n3", "--confirm", "n3"}, Words{"replace", "n3", "n4", "--zone=z"},
        Words{"rebalance"}}) {
    Words all = words;
    all.emplace_back("--yes");
    EXPECT_EQ(Do(all), ExitCode::kDone) << console_.err;
  }
  EXPECT_THAT(Started(), ElementsAre("StartChange join { node: \"n4\" zone: \"rack-d\" }",
                                     "StartChange leave { node: \"n2\" accept_fewer_copies: true }",
                                     "StartChange remove { node: \"n3\" }",
                                     "StartChange replace { node: \"n3\" by: \"n4\" zone: \"z\" }",
                                     "StartChange rebalance { }"));
  EXPECT_THAT(admin().asker(), StartsWith("alice@"));
}

TEST_F(RunChangeTest, ARingThatIsEvenNeedsNoRebalance) {
  admin().PlanNothing();
  EXPECT_EQ(Do({"rebalance", "--yes"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, HasSubstr("nothing to do"));
  console_.terminal = true;
  EXPECT_EQ(Do({"rebalance"}), ExitCode::kDone) << "nobody is asked";
  EXPECT_EQ(Do({"leave", "n2", "--yes"}), ExitCode::kDone);
  EXPECT_THAT(Started(), ElementsAre("StartChange leave { node: \"n2\" }"));
}

TEST_F(RunChangeTest, WithoutATerminalTheJobIsPrintedAndGoesOn) {
  EXPECT_EQ(Do({"join", "n4", "--yes"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "job 7 join n4    0%  0/192 replicas\n");
  EXPECT_THAT(console_.err, IsEmpty());
  EXPECT_EQ(Do({"join", "n4", "--yes", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith(R"({"job":7,"kind":"join","node":"n4","nodes":["n4"],)"));
  EXPECT_EQ(Do({"join", "n4", "--yes", "-q"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_THAT(admin().asked(), Not(Contains(StartsWith("PlanChange"))));
}

TEST_F(RunChangeTest, LostNodeIsConfirmedByItsName) {
  EXPECT_EQ(Do({"remove", "n3", "--yes"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err, HasSubstr("confirm its name: --confirm 'n3'"));
  EXPECT_EQ(Do({"remove", "n3", "--confirm", "n2"}), ExitCode::kUsage);
  EXPECT_EQ(console_.err, "kvctl: remove: --confirm says 'n2', and the node is 'n3'\n");
  console_.terminal = true;
  EXPECT_EQ(Do({"remove", "n3"}), ExitCode::kUsage);
  EXPECT_THAT(Started(), IsEmpty());
  console_.terminal = false;
  EXPECT_EQ(Do({"remove", "n3", "--confirm", "n3"}), ExitCode::kDone);
  EXPECT_THAT(Started(), ElementsAre("StartChange remove { node: \"n3\" }"));
}

TEST_F(RunChangeTest, OnATerminalThePlanIsShownAndTheQuestionAsked) {
  console_.terminal = true;
  console_.in = "y\n";
  EXPECT_EQ(Do({"join", "n4"}), ExitCode::kDone) << console_.err;
  EXPECT_EQ(console_.out, std::string(kJoinPlan) + "Proceed? [y/N] done in 1m37s\n");
  EXPECT_THAT(Started(), ElementsAre("StartChange join { node: \"n4\" }"));
}

TEST_F(RunChangeTest, WhateverIsNotYesIsNo) {
  console_.terminal = true;
  for (const char* answer : {"", "\n", "n\n", "no\n", "yep\n", " \n"}) {
    console_.in = answer;
    EXPECT_EQ(Do({"join", "n4"}), ExitCode::kError);
    EXPECT_THAT(console_.out, EndsWith("Proceed? [y/N] "));
    EXPECT_EQ(console_.err, "kvctl: not started\n");
  }
  EXPECT_THAT(Started(), IsEmpty());
}

TEST_F(RunChangeTest, YesAnswersTheQuestion) {
  console_.terminal = true;
  EXPECT_EQ(Do({"join", "n4", "--yes"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, std::string(kJoinPlan) + "done in 1m37s\n");
  for (const char* answer : {"y", "Y\n", "YES\n"}) {
    console_.in = answer;
    admin().List({{}, {Done()}});
    EXPECT_EQ(Do({"join", "n4"}), ExitCode::kDone) << answer;
  }
}

TEST_F(RunChangeTest, ChangeThatIsRefusedInThePlanIsNotAskedAbout) {
  console_.terminal = true;
  admin().Refuse(Because(Reason::kUnsafeChange, "why"));
  EXPECT_EQ(Do({"leave", "n2"}), ExitCode::kUnsafe);
  EXPECT_THAT(console_.out, IsEmpty());
}

TEST_F(RunChangeTest, ChangeUnderWayIsFollowedWithoutAQuestion) {
  console_.terminal = true;
  admin().List({{Running(90)}, {Done()}});
  EXPECT_EQ(Do({"join", "n4"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, StartsWith("kvctl: under way already: job 7 join n4\n"));
  EXPECT_EQ(console_.out, "done in 1m37s\n");
  EXPECT_THAT(Started(), IsEmpty());
}

TEST_F(RunChangeTest, ProgressIsLinesWhereLinesStay) {
  admin().List({{Running(112)}, {Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDone);
  EXPECT_EQ(console_.err,
            "job 7 join n4    0%  0/192 replicas\n"
            "job 7 join n4   58%  112/192 replicas\n"
            "job 7 join n4  100%  192/192 replicas  done\n");
  EXPECT_EQ(console_.out, "done in 1m37s\n");
}

TEST_F(RunChangeTest, ProgressIsOneLineWhereItCanBeRedrawn) {
  console_.err_terminal = true;
  admin().List({{Running(112)}, {Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, StartsWith("\rjob 7 join n4   \u2591"));
  EXPECT_THAT(console_.err, HasSubstr("\u2591  58%  112/192 replicas\x1b[K\rjob 7 join n4"));
  EXPECT_THAT(console_.err, EndsWith("\u2588 100%  192/192 replicas  done\x1b[K\n"));
  EXPECT_EQ(console_.out, "done in 1m37s\n");
}

TEST_F(RunChangeTest, ProgressForProgramsIsAnObjectALine) {
  admin().List({{Running(112)}, {Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, MatchesRegex("\\{\"job\":7,.*\"state\":\"running\",\"done\":0,.*\\}\n"
                                         "\\{\"job\":7,.*\"state\":\"running\",\"done\":112,.*\\}\n"
                                         "\\{\"job\":7,.*\"state\":\"done\",\"done\":192,.*\\}\n"));
  EXPECT_THAT(console_.err, IsEmpty());
}

TEST_F(RunChangeTest, JobThatIsForgottenMeanwhileIsThree) {
  admin().List({{}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kNotFound);
  EXPECT_THAT(console_.err, EndsWith("kvctl: there is no job 7\n"));
}

TEST_F(RunChangeTest, QuietFollowsWithoutAWord) {
  admin().List({{Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-q"}), ExitCode::kDone);
  EXPECT_THAT(console_.out + console_.err, IsEmpty());
}

TEST_F(RunChangeTest, WhyAJobWaitsIsShown) {
  FakeAdmin::Job waiting = Running(112);
  waiting.state = FakeAdmin::kWaiting;
  waiting.reason = "n4 is silent";
  admin().List({{waiting}, {Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDone);
  EXPECT_THAT(console_.err, HasSubstr("  112/192 replicas  waiting: n4 is silent\n"));
}

TEST_F(RunChangeTest, AbortedJobIsTwelveAndSaysHowFarItCame) {
  FakeAdmin::Job aborting = Running(20);
  aborting.state = FakeAdmin::kAborting;
  FakeAdmin::Job aborted = Done();
  aborted.state = FakeAdmin::kAborted;
  admin().List({{Running(112)}, {aborting}, {aborted}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.err, EndsWith("kvctl: job 7 join n4 aborted at 112 of 192 replicas\n"));
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-o", "json"}), ExitCode::kDegraded);
  EXPECT_EQ(console_.err,
            R"({"error":{"reason":"JOB_ABORTED","message":"job 7 join n4 aborted at 0 of 192 )"
            R"(replicas","exit_code":12,"job":7}})"
            "\n");
}

TEST_F(RunChangeTest, StateOfANewerNodeEndsTheFollowing) {
  FakeAdmin::Job strange = Running(112);
  strange.state = 77;
  admin().List({{strange}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kError);
  EXPECT_THAT(console_.err, EndsWith("kvctl: job 7 join n4 is in a state this kvctl does not know; "
                                     "a newer kvctl does\n"));
}

TEST_F(RunChangeTest, FollowingEndsWithTheTimeThatWasGiven) {
  admin().List({{Running(112)}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-t", "1s"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.err, HasSubstr("kvctl: not done after 1s, it goes on: job 7 join n4 "));
}

TEST_F(RunChangeTest, RefusalsThatPassDoNotEndTheFollowing) {
  admin().List({{Running(112)}, {Done()}});
  console_.on_err = [&] {
    if (console_.err.find("58%") == std::string::npos) return;
    console_.on_err = nullptr;
    admin().RefuseNext(3, Because(Reason::kNoMajority, "not now"));
  };
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDone) << console_.err;
  EXPECT_EQ(console_.out, "done in 1m37s\n");
}

TEST_F(RunChangeTest, FollowingGoesOnAtAnotherNodeOfTheCluster) {
  auto first = std::make_unique<FakeKvd>(FakeKvd::Options{.nodes = {"n1", "n2"}});
  endpoints_ = first->address();
  first->SetAddress("n2", node_.address());  // That is how kvctl knows of it.
  first->admin().Start({Running()});
  first->admin().List({{Running(112)}});
  admin().List({{Done()}});
  console_.on_err = [&] {
    if (console_.err.find("58%") != std::string::npos) first.reset();
  };
  EXPECT_EQ(Do({"leave", "n1", "--yes", "--wait"}), ExitCode::kDone) << console_.err;
  EXPECT_EQ(console_.out, "done in 1m37s\n");
}

TEST_F(RunChangeTest, NodeThatHasNotCalledInIsSixAndSaysHowToStartIt) {
  admin().Start({NotCalledIn()});
  EXPECT_EQ(Do({"join", "n4", "--yes"}), ExitCode::kRefused);
  EXPECT_EQ(console_.err,
            "kvctl: not begun: n4 has not called in; start it with  kvd --config FILE --node n4 "
            "--join 127.0.0.1:7401,127.0.0.1:7402\n");
  EXPECT_EQ(Do({"replace", "n3", "n4", "--yes", "--address", "10.0.0.4:7400"}), ExitCode::kRefused);
  EXPECT_THAT(console_.err, HasSubstr("; start it at 10.0.0.4:7400 with  kvd --config FILE --node "
                                      "n4 --join "));
  EXPECT_EQ(Do({"join", "n4", "--yes", "-o", "json"}), ExitCode::kRefused);
  EXPECT_THAT(console_.err, StartsWith(R"({"error":{"reason":"NOT_CALLED_IN","message":"not )"));
}

TEST_F(RunChangeTest, NodeThatHasNotCalledInIsAwaited) {
  admin().Start({NotCalledIn(), NotCalledIn(), Running()});
  admin().List({{Done()}});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait"}), ExitCode::kDone) << console_.err;
  EXPECT_THAT(console_.err,
              StartsWith("kvctl: waiting for n4 to call in: start it with  kvd --config FILE "
                         "--node n4 --join 127.0.0.1:7401,127.0.0.1:7402\n"
                         "job 7 join n4    0%  0/192 replicas\n"));
  EXPECT_THAT(Started(), ElementsAre(HasSubstr("join"), HasSubstr("join"), HasSubstr("join")));
}

TEST_F(RunChangeTest, AwaitingEndsWithTheTimeThatWasGiven) {
  admin().Start({NotCalledIn()});
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-t", "1s"}), ExitCode::kRefused);
  EXPECT_THAT(console_.err, HasSubstr("kvctl: not begun: n4 has not called in; start it with "));
  EXPECT_EQ(Do({"join", "n4", "--yes", "--wait", "-t", "1s", "-o", "json"}), ExitCode::kRefused);
  EXPECT_THAT(console_.out, AllOf(StartsWith(R"({"job":0,"kind":"join","node":"n4",)"),
                                  HasSubstr(R"("reason":"n4 has not called in")")));
}

TEST_F(RunChangeTest, NobodyReachedIsFive) {
  const RawServer dead(RawServer::Behaviour::kRefuses);
  endpoints_ = dead.address();
  EXPECT_EQ(Do({"rebalance", "--plan"}), ExitCode::kUnreachable);
  EXPECT_EQ(Do({"rebalance", "--yes"}), ExitCode::kUnreachable);
  EXPECT_THAT(console_.err, HasSubstr("connection refused"));
  console_.terminal = true;
  EXPECT_EQ(Do({"rebalance"}), ExitCode::kUnreachable);
}

using DetachDeathTest = RunChangeTest;

TEST_F(DetachDeathTest, InterruptedFollowingSaysThatTheJobGoesOn) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto follow = [&] {
    HandleSignals();
    admin().List({{Running(112)}});
    console_.on_err = [] { raise(SIGINT); };
    (void)Do({"join", "n4", "--yes", "--wait"});
  };
  EXPECT_EXIT(follow(), ::testing::KilledBySignal(SIGINT),
              "kvctl: detached; the job goes on: kvctl jobs 7\n");
}

TEST_F(DetachDeathTest, InterruptedAwaitingSaysThatNothingHasBegun) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto await = [&] {
    HandleSignals();
    admin().Start({NotCalledIn()});
    std::thread interrupts([&] {
      while (Started().size() < 2) std::this_thread::yield();
      kill(getpid(), SIGTERM);
    });
    (void)Do({"join", "n4", "--yes", "--wait"});
    interrupts.join();
  };
  EXPECT_EXIT(await(), ::testing::KilledBySignal(SIGTERM),
              "kvctl: interrupted; it has not begun\n");
}

}  // namespace
}  // namespace kvd::kvctl
