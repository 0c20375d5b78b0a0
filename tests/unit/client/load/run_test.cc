// Runs against a fake node, call by call and pipelined: the rules are the same for both. Runs have
// hours; the tests end them as soon as they have seen what they look for.

#include "client/load/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "../fake_kvd.h"
#include "client/load/sweep.h"
#include "tests/support/eventually.h"

namespace kvd::load {
namespace {

using client::Client;
using client::FakeKvd;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::Eventually;
using testing::kPatience;

Workload MixOf(Mix::Shares shares) {
  return {.name = "mix", .mix = Mix(shares), .choice = Choice::kUniform};
}

class RunTest : public ::testing::TestWithParam<bool> {
 protected:
  void Begin(const RunOptions& options, Duration timeout = std::chrono::seconds(5)) {
    const client::Options access{.endpoints = {node_.address()}, .timeout = timeout};
    if (GetParam()) {
      auto run = StartPipelined(access, {format_, records_}, options);
      ASSERT_TRUE(run.ok());
      run_ = *std::move(run);
    } else {
      client_.emplace(*Client::Open(access));
      run_ = StartCalls(*client_, {format_, records_}, options);
    }
  }

  void FillRecords() {
    auto pipeline = client::Pipeline::Open({.endpoints = {node_.address()}});
    const Swept swept =
        Fill(*pipeline, format_, records_.count(), [](const Swept&) { return true; });
    ASSERT_EQ(swept.changed, records_.count());
  }

  // From now on an operation of the run hangs.
  void Hang() {
    node_.Hang();
    const int calls = node_.calls();
    ASSERT_TRUE(Eventually([&] { return node_.calls() > calls; }));
  }

  // Waits for what the figures should show, and ends the run.
  Figures EndWhen(const std::function<bool(const Figures&)>& predicate) {
    EXPECT_TRUE(Eventually([&] { return predicate(run_->Look()); }));
    node_.Resume();
    run_->Stop();
    EXPECT_TRUE(run_->Await(kPatience));
    return run_->Look();
  }

  FakeKvd node_;
  RecordFormat format_{{.value_bytes = 10}};
  RecordCount records_{4};
  std::optional<Client> client_;
  std::unique_ptr<load::Run> run_;
};

INSTANTIATE_TEST_SUITE_P(Load, RunTest, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Pipelined" : "Calls"; });

TEST_P(RunTest, EveryKindOfTheMixIsDoneAndAnswered) {
  FillRecords();
  Begin({.workload = MixOf({25, 25, 25, 25}), .callers = 4, .length = hours(1)});
  const Figures figures = EndWhen([](const Figures& so_far) {
    return std::ranges::all_of(kKinds,
                               [&](Kind kind) { return so_far.tally.Of(kind).answered() >= 10; });
  });
  const Outcomes total = figures.tally.Total();
  EXPECT_EQ(total.failed(), 0U);
  EXPECT_EQ(total.absent, 0U);
  EXPECT_EQ(records_.count(), 4 + figures.tally.Of(Kind::kInsert).answered());
  const auto client = Client::Open({.endpoints = {node_.address()}});
  EXPECT_TRUE(client->Exists(format_.Key(records_.count() - 1))->version);
  EXPECT_FALSE(client->Exists(format_.Key(records_.count()))->version);
}

TEST_P(RunTest, NothingIsDoneAfterItHasEnded) {
  FillRecords();
  Begin({.workload = *ParseWorkload("a"), .callers = 2, .length = hours(1)});
  EndWhen([](const Figures& so_far) { return so_far.tally.Total().answered() > 0; });
  const int calls = node_.calls();
  run_.reset();
  EXPECT_EQ(node_.calls(), calls);
}

TEST_P(RunTest, RecordsThatAreNotThereAreCounted) {
  Begin({.workload = *ParseWorkload("c"), .length = hours(1)});
  const Figures figures =
      EndWhen([](const Figures& so_far) { return so_far.tally.Total().answered() > 0; });
  EXPECT_EQ(figures.tally.Total().absent, figures.tally.Total().answered());
}

// Without the condition there would never be a conflict.
TEST_P(RunTest, ReadModifyWriteBeginsAgainIfSomebodyElseWrote) {
  FillRecords();
  Begin({.workload = MixOf({0, 0, 0, 100}), .callers = 16, .length = hours(1)});
  const Figures figures = EndWhen(
      [](const Figures& so_far) { return so_far.tally.Of(Kind::kReadModifyWrite).conflicts > 0; });
  EXPECT_EQ(figures.tally.Total().failed(), 0U);
}

TEST_P(RunTest, WritesThatAreNotAnsweredAreOfUnknownOutcome) {
  FillRecords();
  Begin({.workload = MixOf({0, 100, 0, 0}), .callers = 1, .length = hours(1)}, milliseconds(50));
  Hang();
  const Figures figures =
      EndWhen([](const Figures& so_far) { return so_far.tally.Total().failed() > 0; });
  EXPECT_GT(figures.tally.Of(Kind::kUpdate).unknown, 0U);
  EXPECT_EQ(figures.tally.Of(Kind::kUpdate).errors, 0U);
  EXPECT_EQ(figures.tally.first_error()->kind, client::ErrorKind::kOutcomeUnknown);
}

TEST_P(RunTest, WhatIsRefusedIsAnError) {
  node_.Refuse({.reason = Reason::kPermissionDenied, .message = "not you"});
  Begin({.workload = MixOf({0, 50, 50, 0}), .callers = 1, .length = hours(1)});
  const Figures figures = EndWhen([](const Figures& so_far) {
    return so_far.tally.Of(Kind::kInsert).errors > 0 && so_far.tally.Of(Kind::kUpdate).errors > 0;
  });
  EXPECT_EQ(figures.tally.Total().unknown, 0U);
  EXPECT_EQ(figures.tally.Total().answered(), 0U);
  EXPECT_EQ(records_.count(), 4U) << "what was not inserted is not read";
}

TEST_P(RunTest, WhatIsAnsweredAfterTheEndIsNotInTime) {
  FillRecords();
  node_.Hang();
  Begin({.workload = *ParseWorkload("c"), .callers = 1, .length = milliseconds(200)});
  const Figures figures =
      EndWhen([](const Figures& so_far) { return so_far.elapsed == milliseconds(200); });
  EXPECT_EQ(figures.tally.Total().answered(), 1U);
  EXPECT_EQ(figures.tally.Total().in_time, 0U);
}

TEST_P(RunTest, OperationsThatAHangHeldUpCountFromWhenTheyWereDue) {
  FillRecords();
  node_.Hang();
  Begin({.workload = *ParseWorkload("c"), .callers = 1, .per_second = 10'000, .length = hours(1)});
  ASSERT_TRUE(Eventually([&] { return run_->Look().not_begun > 1000; }));
  node_.Resume();
  const Figures figures =
      EndWhen([](const Figures& so_far) { return so_far.tally.Total().answered() > 20; });
  // Only one of them was sent while the node hung, for 100 ms at least.
  EXPECT_GT(figures.tally.Total().latencies.Quantile(0.5), milliseconds(50));
}

TEST_P(RunTest, AwaitDoesNotWaitForeverForWhatHangs) {
  FillRecords();
  Begin({.workload = *ParseWorkload("c"), .callers = 1, .length = hours(1)});
  Hang();
  run_->Stop();
  EXPECT_FALSE(run_->Await(milliseconds(1)));
  node_.Resume();
  EXPECT_TRUE(run_->Await(kPatience));
}

// There was a time when one caller on a pipeline connected with one read after the other.
TEST_P(RunTest, ItBeginsAlsoIfNobodyAnswers) {
  node_.Hang();
  const auto before = std::chrono::steady_clock::now();
  Begin({.workload = *ParseWorkload("c"), .callers = 1, .length = hours(1)}, kPatience);
  EXPECT_LT(std::chrono::steady_clock::now() - before, kPatience / 2);
  node_.Resume();
}

}  // namespace
}  // namespace kvd::load
