// The pipeline against fake nodes: what it answers, whom it asks, and what it does when they fail.

#include "client/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "fake_kvd.h"
#include "raw_server.h"
#include "tests/support/eventually.h"

namespace kvd::client {
namespace {

using namespace std::string_literals;
using kvd::testing::Eventually;
using ::testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);

Pipeline OpenAt(std::vector<std::string> endpoints, const PipelineOptions& options = {},
                Duration timeout = kPatience) {
  auto pipeline = Pipeline::Open({.endpoints = std::move(endpoints), .timeout = timeout}, options);
  EXPECT_TRUE(pipeline.ok()) << pipeline.error().message;
  return *std::move(pipeline);
}

// Its stream is open and its ring is known: what a node is told to do now is done to operations.
void Warm(Pipeline& pipeline, const FakeKvd& node) {
  ASSERT_TRUE(pipeline.Put("warm", "v").get().ok());
  ASSERT_TRUE(Eventually([&] { return node.calls() >= 2; }));
}

TEST(PipelineTest, AnswersAreThoseOfCalls) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  const std::string key = "\0k\xff"s;
  const auto put = pipeline.Put(key, "\r\n"s).get();
  ASSERT_TRUE(put.ok()) << put.error().message;
  EXPECT_TRUE(put->written());
  const auto get = pipeline.Get(key).get();
  ASSERT_TRUE(get.ok());
  ASSERT_TRUE(get->entry);
  EXPECT_EQ(get->entry->value, "\r\n");
  EXPECT_EQ(get->entry->version, put->version);
  EXPECT_EQ(get->served.owner, "n1");
  EXPECT_EQ(get->served.endpoint, node.address());
  EXPECT_EQ(pipeline.Increment("n", 5).get()->value, 5);
  EXPECT_TRUE(pipeline.Batch({{.key = "a", .value = "1"}, {.key = "b", .value = "2"}}).get().ok());
  EXPECT_TRUE(pipeline.Delete("a").get()->version);
  EXPECT_FALSE(pipeline.Get("a").get()->entry);
  std::promise<Result<ExistsAnswer>> exists;
  pipeline.Exists("b", [&](Result<ExistsAnswer> answer) { exists.set_value(std::move(answer)); });
  EXPECT_TRUE(exists.get_future().get()->version);
}

TEST(PipelineTest, FailedConditionIsAnAnswer) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  const Version version = pipeline.Put("k", "v").get()->version;
  const auto put = pipeline.Put("k", "w", {.if_version = 0}).get();
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->actual_version, version);
}

TEST(PipelineTest, StaleReadSaysHowStale) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  const auto get = pipeline.Get("k", {.consistency = Consistency::kStale}).get();
  ASSERT_TRUE(get.ok());
  EXPECT_EQ(get->stale_by, std::chrono::milliseconds(12));
}

TEST(PipelineTest, WhatNobodyWouldTakeIsToldAtOnce) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  EXPECT_EQ(pipeline.Get("").get().error().kind, ErrorKind::kBadRequest);
  const std::string large(kMaxValueBytes + 1, 'v');
  EXPECT_EQ(pipeline.Put("k", large).get().error().reason, Reason::kValueTooLarge);
  EXPECT_EQ(pipeline.Batch({}).get().error().kind, ErrorKind::kBadRequest);
  EXPECT_EQ(node.calls(), 0);
  EXPECT_FALSE(Pipeline::Open({}, {.max_underway = 0}).ok());
  EXPECT_FALSE(Pipeline::Open({.endpoints = {"nonsense"}}).ok());
}

TEST(PipelineTest, ThreadsShareOnePipeline) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()}, {.max_underway = 16});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        pipeline.Put(key, key, [&, key](const Result<PutAnswer>& put) {
          if (!put.ok()) return;
          pipeline.Get(key, [&, key](const Result<GetAnswer>& get) {
            if (get.ok() && get->entry && get->entry->value == key) ++right;
          });
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  pipeline.AwaitAll();
  EXPECT_EQ(right, 800);
}

TEST(PipelineTest, WhoSubmitsTooMuchWaits) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()}, {.max_underway = 2}, std::chrono::seconds(1));
  Warm(pipeline, node);
  node.Hang();
  std::atomic<int> ended = 0;
  std::atomic<int> submitted = 0;
  const auto count = [&](const Result<GetAnswer>&) { ++ended; };
  for (int i = 0; i < 5; ++i) {
    pipeline.Get("k", count);
    ++submitted;
    EXPECT_LE(submitted - ended, 2);
  }
  pipeline.AwaitAll();
  EXPECT_EQ(ended, 5);
}

TEST(PipelineTest, TheEndWaitsForWhatIsUnderway) {
  const FakeKvd node;
  int answered = 0;  // On the pipeline's thread.
  {
    Pipeline pipeline = OpenAt({node.address()});
    for (int i = 0; i < 100; ++i) {
      pipeline.Put("k", "v", [&](const Result<PutAnswer>& put) { answered += put.ok() ? 1 : 0; });
    }
  }
  EXPECT_EQ(answered, 100);
}

TEST(PipelineTest, NobodyReachedNamesEveryEndpoint) {
  const RawServer closed(RawServer::Behaviour::kRefuses);
  Pipeline pipeline = OpenAt({closed.address(), "127.0.0.1:1"});
  const auto put = pipeline.Put("k", "v").get();
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kUnreachable);
  EXPECT_THAT(put.error().message, HasSubstr(closed.address() + " connection refused"));
  EXPECT_THAT(put.error().message, HasSubstr("127.0.0.1:1"));
}

// A machine under load, or far away, may take longer to connect to than a try.
TEST(PipelineTest, WhoIsBeingConnectedToIsWaitedFor) {
  const RawServer silent(RawServer::Behaviour::kNeverAnswers);
  Pipeline pipeline = OpenAt({silent.address()}, {}, std::chrono::seconds(1));
  const auto before = std::chrono::steady_clock::now();
  const auto put = pipeline.Put("k", "v").get();
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kUnreachable);
  EXPECT_THAT(put.error().message, HasSubstr(silent.address() + " no answer"));
  EXPECT_GT(std::chrono::steady_clock::now() - before, 2 * Options().try_timeout);
}

TEST(PipelineTest, WhatFailsAtOnceInADoneIsToldToo) {
  const RawServer closed(RawServer::Behaviour::kRefuses);
  int failed = 0;  // On the pipeline's thread.
  Pipeline pipeline = OpenAt({closed.address()});
  const std::function<void(const Result<PutAnswer>&)> again = [&](const Result<PutAnswer>& put) {
    failed += put.ok() ? 0 : 1;
    if (failed < 10) pipeline.Put("k", "v", again);
  };
  pipeline.Put("k", "v", again);
  pipeline.AwaitAll();
  EXPECT_EQ(failed, 10);
}

TEST(PipelineTest, EndpointThatIsNoNodeIsPassedOver) {
  for (const auto behaviour : {RawServer::Behaviour::kRefuses, RawServer::Behaviour::kNeverConnects,
                               RawServer::Behaviour::kNeverAnswers, RawServer::Behaviour::kHangsUp,
                               RawServer::Behaviour::kBreaksRequests}) {
    const FakeKvd node;
    const RawServer other(behaviour);
    Pipeline pipeline = OpenAt({other.address(), node.address()});
    const auto put = pipeline.Put("k", "v").get();
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(put->served.endpoint, node.address());
  }
}

TEST(PipelineTest, RefusalThatTimeMendsIsWaitedOut) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  Warm(pipeline, node);
  node.RefuseNext(3, {.reason = Reason::kNoMajority, .message = "no majority"});
  EXPECT_TRUE(pipeline.Put("k", "v").get().ok());
}

TEST(PipelineTest, RefusalThatTimeDoesNotMendIsTheAnswer) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  Warm(pipeline, node);
  node.Refuse(
      {.reason = Reason::kValueTooLarge, .message = "too large", .metadata = {{"limit", "1"}}});
  const auto put = pipeline.Put("k", "v").get();
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kValueTooLarge);
  EXPECT_EQ(put.error().metadata.at("limit"), "1");
}

TEST(PipelineTest, WriteWhoseAnswerIsLostIsAppliedOnce) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  Warm(pipeline, node);
  node.LoseAnswers(1);
  const auto first = pipeline.Increment("n").get();
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->value, 1);
  EXPECT_EQ(pipeline.Increment("n").get()->value, 2);
}

TEST(PipelineTest, SilentNodeIsPassedOver) {
  const auto store = FakeKvd::MakeStore();
  FakeKvd first({.node = "n1", .store = store});
  const FakeKvd second({.node = "n2", .store = store});
  Pipeline pipeline = OpenAt({first.address(), second.address()});
  Warm(pipeline, first);
  first.Hang();
  for (int i = 0; i < 3; ++i) {
    const auto put = pipeline.Put("k", "v").get();
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(put->served.endpoint, second.address());
  }
}

// To send them again elsewhere would be more work for nodes that have too much of it.
TEST(PipelineTest, NodeThatAnswersIsWaitedForHoweverLongItsQueueIs) {
  constexpr int kWrites = 50;
  constexpr Duration kEach = std::chrono::milliseconds(40);
  constexpr Duration kTry = std::chrono::seconds(1);
  static_assert(kWrites * kEach > kTry);
  const auto store = FakeKvd::MakeStore();
  FakeKvd first({.node = "n1", .store = store});
  const FakeKvd second({.node = "n2", .store = store});
  auto pipeline = Pipeline::Open({.endpoints = {first.address(), second.address()},
                                  .timeout = kPatience,
                                  .try_timeout = kTry});
  ASSERT_TRUE(pipeline.ok());
  Warm(*pipeline, first);
  first.SlowDown(kEach);
  std::vector<std::future<Result<PutAnswer>>> puts;
  for (int i = 0; i < kWrites; ++i) puts.push_back(pipeline->Put("k" + std::to_string(i), "v"));
  for (auto& put : puts) EXPECT_EQ(put.get()->served.endpoint, first.address());
  EXPECT_EQ(first.ids().size(), 1U + kWrites) << "each was sent once";
  EXPECT_EQ(second.calls(), 0);
}

TEST(PipelineTest, NodeThatAnswersAgainIsUsedAgain) {
  const auto store = FakeKvd::MakeStore();
  FakeKvd first({.node = "n1", .store = store});
  const FakeKvd second({.node = "n2", .store = store});
  Pipeline pipeline = OpenAt({first.address(), second.address()});
  Warm(pipeline, first);  // The ring names it as everybody's owner.
  first.Hang();
  ASSERT_EQ(pipeline.Put("k", "v").get()->served.endpoint, second.address());
  first.Resume();
  EXPECT_TRUE(Eventually([&] {
    const auto put = pipeline.Put("k", "v").get();
    return put.ok() && put->served.endpoint == first.address();
  }));
}

TEST(PipelineTest, SilentStreamIsBrokenIfThereIsNoOther) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  Warm(pipeline, node);
  node.HangNext(1);
  const auto put = pipeline.Put("k", "v").get();
  EXPECT_TRUE(put.ok()) << put.error().message;
}

TEST(PipelineTest, WhatWasUnderwayAtANodeThatDiesGoesToAnother) {
  const auto store = FakeKvd::MakeStore();
  auto first = std::make_unique<FakeKvd>(FakeKvd::Options{.node = "n1", .store = store});
  const FakeKvd second({.node = "n2", .store = store});
  Pipeline pipeline = OpenAt({first->address(), second.address()});
  Warm(pipeline, *first);
  first->Hang();
  const int before = first->calls();
  std::vector<std::future<Result<IncrementAnswer>>> sums;
  for (int i = 0; i < 50; ++i) sums.push_back(pipeline.Increment("n"));
  ASSERT_TRUE(Eventually([&] { return first->calls() > before; }));
  first.reset();
  for (auto& sum : sums) EXPECT_TRUE(sum.get().ok());
  EXPECT_EQ(pipeline.Get("n").get()->entry->value, "50");
}

TEST(PipelineTest, SilenceIsUnknownForWritesAndATimeoutForReads) {
  FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()}, {}, std::chrono::milliseconds(500));
  Warm(pipeline, node);
  node.Hang();
  auto put = pipeline.Put("k", "v");
  auto get = pipeline.Get("k");
  const auto written = put.get();
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_TRUE(written.error().metadata.contains("request_id"));
  EXPECT_EQ(get.get().error().kind, ErrorKind::kTimedOut);
}

TEST(PipelineTest, WritesAreNumberedAndSayWhatIsDone) {
  const FakeKvd node;
  Pipeline pipeline = OpenAt({node.address()});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pipeline.Put("k", "v").get().ok());
  const auto ids = node.ids();
  ASSERT_EQ(ids.size(), 3U);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids[i].client, ids[0].client);
    EXPECT_EQ(ids[i].sequence, i + 1);
    EXPECT_EQ(ids[i].done_below, i + 1);
  }
}

TEST(PipelineTest, BaseThatIsTooOldIsRaised) {
  FakeKvd node;
  node.SetFloor(40);
  Pipeline pipeline = OpenAt({node.address()});
  const auto put = pipeline.Put("k", "v").get();
  EXPECT_TRUE(put.ok()) << put.error().message;
}

TEST(PipelineTest, KeysGoStraightToTheirOwners) {
  const auto store = FakeKvd::MakeStore();
  FakeKvd first({.node = "n1", .nodes = {"n1", "n2"}, .store = store});
  FakeKvd second({.node = "n2", .nodes = {"n1", "n2"}, .store = store});
  first.SetAddress("n2", second.address());
  second.SetAddress("n1", first.address());
  Pipeline pipeline = OpenAt({first.address()});
  Warm(pipeline, first);
  // The ring has been asked for; when it is there, some key goes to the other node.
  int key = 0;
  ASSERT_TRUE(Eventually([&] {
    return pipeline.Put(std::to_string(key++), "v").get()->served.endpoint == second.address();
  }));
  for (int i = 0; i < 20; ++i) {
    const auto put = pipeline.Put(std::to_string(i), "v").get();
    ASSERT_TRUE(put.ok());
    EXPECT_EQ(put->served.endpoint, put->served.owner == "n1" ? first.address() : second.address());
  }
}

}  // namespace
}  // namespace kvd::client
