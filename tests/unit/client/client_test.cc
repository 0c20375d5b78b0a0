// The client against fake nodes: which endpoint it asks, and what it says it knows afterwards.

#include "client/client.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fake_kvd.h"
#include "raw_server.h"

namespace kvd::client {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using Behaviour = RawServer::Behaviour;

// Long enough never to end a test that passes.
constexpr Duration kPatience = std::chrono::seconds(60);

Client OpenAt(std::vector<std::string> endpoints, Duration timeout = kPatience) {
  auto client = Client::Open({.endpoints = std::move(endpoints), .timeout = timeout});
  EXPECT_TRUE(client.ok()) << client.error().message;
  return *std::move(client);
}

TEST(ClientTest, KeysAndValuesAreBytes) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  const std::string key = "\0k\xff"s;
  const std::string value = "\0\r\n\xfe"s;
  ASSERT_TRUE(client.Put(key, value).ok());
  const auto get = client.Get(key);
  ASSERT_TRUE(get.ok());
  ASSERT_TRUE(get->entry);
  EXPECT_EQ(get->entry->value, value);
  EXPECT_EQ(get->served.owner, "n1");
  EXPECT_EQ(get->served.endpoint, node.address());
}

TEST(ClientTest, AbsentKeyIsAnAnswer) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  const auto get = client.Get("nosuch");
  ASSERT_TRUE(get.ok());
  EXPECT_FALSE(get->entry);
  const auto deleted = client.Delete("nosuch");
  ASSERT_TRUE(deleted.ok());
  EXPECT_FALSE(deleted->version);
  const auto exists = client.Exists("nosuch");
  ASSERT_TRUE(exists.ok());
  EXPECT_FALSE(exists->version);
}

TEST(ClientTest, LargestValueFitsAndALargerOneIsNotSent) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  const std::string value(kMaxValueBytes, 'x');
  ASSERT_TRUE(client.Put("k", value).ok());
  const auto get = client.Get("k");
  ASSERT_TRUE(get.ok()) << get.error().message;
  EXPECT_EQ(get->entry->value, value);
  const int calls = node.calls();
  const auto put = client.Put("k", value + "x");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kValueTooLarge);
  EXPECT_EQ(node.calls(), calls);
}

TEST(ClientTest, EmptyKeyIsABadRequest) {
  const Client client = OpenAt({"127.0.0.1:1"});
  EXPECT_EQ(client.Get("").error().kind, ErrorKind::kBadRequest);
  EXPECT_EQ(client.Put("", "v").error().kind, ErrorKind::kBadRequest);
  EXPECT_EQ(client.Delete("").error().kind, ErrorKind::kBadRequest);
}

TEST(ClientTest, EndpointThatIsNotUpIsPassedOver) {
  for (const Behaviour behaviour : {Behaviour::kRefuses, Behaviour::kNeverConnects,
                                    Behaviour::kNeverAnswers, Behaviour::kHangsUp}) {
    const RawServer dead(behaviour);
    const FakeKvd node;
    const Client client = OpenAt({dead.address(), node.address()});
    const auto put = client.Put("k", "v");
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(put->served.endpoint, node.address());
  }
}

TEST(ClientTest, NobodyReachedNamesEveryEndpointAndItsReason) {
  const RawServer refuses(Behaviour::kRefuses);
  const RawServer hangs_up(Behaviour::kHangsUp);
  const Client client = OpenAt({refuses.address(), hangs_up.address()});
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kUnreachable);
  EXPECT_THAT(put.error().message, HasSubstr(refuses.address() + " connection refused"));
  EXPECT_THAT(put.error().message, HasSubstr(hangs_up.address() + " connected, but"));
}

TEST(ClientTest, WriteThatFoundNobodyInTimeWasNotSent) {
  for (const Behaviour behaviour : {Behaviour::kNeverConnects, Behaviour::kNeverAnswers}) {
    const RawServer black_hole(behaviour);
    const Client client = OpenAt({black_hole.address()}, std::chrono::milliseconds(50));
    EXPECT_EQ(client.Put("k", "v").error().kind, ErrorKind::kUnreachable);
  }
}

TEST(ClientTest, NodeThatStartsOrStopsIsPassedOver) {
  for (const Reason reason : {Reason::kNodeJoining, Reason::kNodeDraining}) {
    FakeKvd first;
    const FakeKvd second;
    first.Refuse({.reason = reason, .message = "not now", .metadata = {}, .retry_after = {}});
    const Client client = OpenAt({first.address(), second.address()});
    const auto put = client.Put("k", "v");
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(put->served.endpoint, second.address());
  }
}

TEST(ClientTest, RefusalBeatsUnreachableWhenAllFail) {
  FakeKvd first;
  const RawServer second(Behaviour::kRefuses);
  first.Refuse(
      {.reason = Reason::kNodeDraining, .message = "n1 stops", .metadata = {}, .retry_after = {}});
  const Client client = OpenAt({first.address(), second.address()}, std::chrono::milliseconds(300));
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(put.error().message, "n1 stops");
}

TEST(ClientTest, RefusalThatTimeDoesNotMendIsTheAnswer) {
  FakeKvd first;
  const FakeKvd second;
  first.Refuse({.reason = Reason::kDiskFull,
                .message = "n1's disk is full",
                .metadata = {{"node", "n1"}},
                .retry_after = {}});
  const Client client = OpenAt({first.address(), second.address()});
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kDiskFull);
  EXPECT_EQ(put.error().metadata.at("node"), "n1");
  EXPECT_EQ(put.error().endpoint, first.address());
  EXPECT_EQ(second.calls(), 0);
}

TEST(ClientTest, RefusalThatTimeMendsIsWaitedOut) {
  for (const Reason reason : {Reason::kNoMajority, Reason::kNotOwner, Reason::kNodeDraining,
                              Reason::kOutcomeUnknown, Reason::kOverloaded}) {
    FakeKvd node;
    node.RefuseNext(3, {.reason = reason, .message = "not now", .metadata = {}, .retry_after = {}});
    const Client client = OpenAt({node.address()});
    const auto put = client.Put("k", "v");
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(node.calls(), 4);
  }
}

TEST(ClientTest, OverloadedNodeIsAskedAgainWhenItSaidSo) {
  FakeKvd first;
  const FakeKvd second;
  first.RefuseNext(1, {.reason = Reason::kOverloaded,
                       .message = "too much",
                       .metadata = {},
                       .retry_after = std::chrono::milliseconds(1)});
  const Client client = OpenAt({first.address(), second.address()});
  ASSERT_TRUE(client.Put("k", "v").ok());
  EXPECT_EQ(first.calls(), 2);
  EXPECT_EQ(second.calls(), 0);
}

TEST(ClientTest, RefusalIsTheAnswerIfItLasts) {
  FakeKvd node;
  node.Refuse({.reason = Reason::kNoMajority,
               .message = "partition 3 has no majority; not written",
               .metadata = {{"partition", "3"}},
               .retry_after = {}});
  const Client client = OpenAt({node.address()}, std::chrono::milliseconds(300));
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(put.error().message, "partition 3 has no majority; not written");
}

TEST(ClientTest, ClusterThatIsNotFoundedIsNotWaitedFor) {
  FakeKvd node;
  node.Refuse(
      {.reason = Reason::kNodeJoining, .message = "not yet", .metadata = {}, .retry_after = {}});
  const Client client = OpenAt({node.address()});
  EXPECT_EQ(client.Put("k", "v").error().reason, Reason::kNodeJoining);
  EXPECT_EQ(node.calls(), 1);
}

TEST(ClientTest, EndpointThatIsNotKvdIsPassedOver) {
  FakeKvd first;
  const FakeKvd second;
  first.FailWith(grpc::StatusCode::UNIMPLEMENTED, "unknown service");
  const Client client = OpenAt({first.address(), second.address()});
  ASSERT_TRUE(client.Put("k", "v").ok());
  EXPECT_TRUE(client.GetRing().ok());
  const Client alone = OpenAt({first.address()});
  EXPECT_EQ(alone.Put("k", "v").error().kind, ErrorKind::kFault);
  EXPECT_THAT(alone.Get("k").error().message, HasSubstr("or not kvd"));
}

TEST(ClientTest, WriteWhoseConnectionBreaksIsRepeatedElsewhere) {
  const RawServer breaks(Behaviour::kBreaksRequests);
  const FakeKvd node;
  const Client client = OpenAt({breaks.address(), node.address()});
  ASSERT_TRUE(client.Put("k", "v").ok());
  EXPECT_GE(breaks.requests(), 1);
  EXPECT_EQ(node.ids().size(), 1U);
}

TEST(ClientTest, WriteWhoseAnswerIsLostIsAppliedOnce) {
  const auto store = FakeKvd::MakeStore();
  FakeKvd first({.node = "n1", .store = store});
  const FakeKvd second({.node = "n2", .store = store});
  first.LoseAnswers(1);
  const Client client = OpenAt({first.address(), second.address()});
  const auto sum = client.Increment("visits", 5);
  ASSERT_TRUE(sum.ok()) << sum.error().message;
  EXPECT_EQ(sum->value, 5);
  EXPECT_EQ(client.Increment("visits")->value, 6);
}

TEST(ClientTest, SilentNodeIsPassedOver) {
  FakeKvd first;
  const FakeKvd second;
  first.Hang();
  const Client client = OpenAt({first.address(), second.address()});
  const auto put = client.Put("k", "v");
  ASSERT_TRUE(put.ok()) << put.error().message;
  EXPECT_EQ(put->served.endpoint, second.address());
  EXPECT_TRUE(client.Get("k").ok());
}

TEST(ClientTest, SilentNodeIsAskedAgainIfThereIsNoOther) {
  FakeKvd node;
  node.HangNext(2);
  const Client client = OpenAt({node.address()});
  ASSERT_TRUE(client.Put("k", "v").ok());
  EXPECT_EQ(node.calls(), 3);
}

TEST(ClientTest, WritesAreNumberedAndSayWhatIsDone) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.Put("k", "v").ok());
  const auto ids = node.ids();
  ASSERT_EQ(ids.size(), 3U);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids[i].client, ids[0].client);
    EXPECT_EQ(ids[i].sequence, i + 1);
    EXPECT_EQ(ids[i].done_below, i + 1);
  }
}

TEST(ClientTest, BaseThatIsTooOldAtFirstIsFetched) {
  FakeKvd node;
  node.SetFloor(7);
  const Client client = OpenAt({node.address()});
  ASSERT_TRUE(client.Put("k", "v").ok());
  ASSERT_TRUE(client.Put("k", "v").ok());
  const auto ids = node.ids();
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids[0].base, 0U);
  EXPECT_EQ(ids[1].base, 7U);
  EXPECT_EQ(ids[2].base, 7U);
}

TEST(ClientTest, BaseThatIsTooOldLaterLeavesTheOutcomeUnknownForGood) {
  FakeKvd node;
  node.SetFloor(7);
  node.HangNext(1);
  const Client client = OpenAt({node.address()});
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_FALSE(put.error().metadata.contains("request_id"));
  const RequestId old{.client = 1, .sequence = 1, .base = 3};
  EXPECT_EQ(client.Put("k", "v", {.request_id = old}).error().kind, ErrorKind::kOutcomeUnknown);
}

TEST(ClientTest, UnknownOutcomeCanBeRepeatedByItsId) {
  FakeKvd node;
  const Client client = OpenAt({node.address()});
  ASSERT_TRUE(client.Ping().ok());
  node.HangNext(1'000'000);
  const auto lost = client.Increment("n", 1, {.timeout = std::chrono::milliseconds(100)});
  ASSERT_FALSE(lost.ok());
  node.HangNext(0);
  const auto id = RequestId::Parse(lost.error().metadata.at("request_id"));
  ASSERT_TRUE(id);
  const auto repeated = client.Increment("n", 1, {.request_id = id});
  ASSERT_TRUE(repeated.ok());
  EXPECT_EQ(repeated->value, 1);
  const auto next = client.Increment("n");
  EXPECT_EQ(next->value, 2);
  EXPECT_NE(node.ids().back().client, id->client);  // Later writes must not call it finished.
}

TEST(ClientTest, FailedConditionIsAnAnswer) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  const auto first = client.Put("lock", "me", {.if_version = 0});
  ASSERT_TRUE(first.ok() && first->written());
  const auto second = client.Put("lock", "you", {.if_version = 0});
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->written());
  EXPECT_EQ(second->actual_version, first->version);
  const auto wrong = client.Delete("lock", {.if_version = first->version + 1});
  ASSERT_TRUE(wrong.ok());
  EXPECT_EQ(wrong->actual_version, first->version);
  EXPECT_FALSE(wrong->version);
  const auto right = client.Delete("lock", {.if_version = first->version});
  ASSERT_TRUE(right.ok());
  EXPECT_TRUE(right->version);
}

TEST(ClientTest, BatchIsWrittenAsAWholeOrNotAtAll) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  const auto batch = client.Batch({{.key = "a", .value = "1"}, {.key = "b", .value = "2"}});
  ASSERT_TRUE(batch.ok() && batch->written());
  const auto failed =
      client.Batch({{.key = "a"}, {.key = "b", .value = "3", .if_version = batch->version + 9}});
  ASSERT_TRUE(failed.ok());
  EXPECT_FALSE(failed->written());
  EXPECT_EQ(failed->failed_key, "b");
  EXPECT_EQ(failed->actual_version, batch->version);
  EXPECT_TRUE(client.Exists("a")->version);
  ASSERT_TRUE(client.Batch({{.key = "a"}})->written());
  EXPECT_FALSE(client.Exists("a")->version);
}

TEST(ClientTest, BatchBeyondItsLimitsIsNotSent) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  EXPECT_EQ(client.Batch({}).error().kind, ErrorKind::kBadRequest);
  const std::vector<BatchItem> many(kMaxBatchItems + 1, BatchItem{.key = "k"});
  EXPECT_EQ(client.Batch(many).error().kind, ErrorKind::kBadRequest);
  const BatchItem large{.key = "k", .value = std::string(kMaxBatchBytes, 'x')};
  EXPECT_EQ(client.Batch({large}).error().reason, Reason::kValueTooLarge);
  EXPECT_EQ(node.calls(), 0);
}

TEST(ClientTest, StaleReadSaysHowStale) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  EXPECT_EQ(client.Get("k")->stale_by, std::nullopt);
  EXPECT_EQ(client.Get("k", {.consistency = Consistency::kStale})->stale_by,
            Duration(std::chrono::milliseconds(12)));
}

TEST(ClientTest, ReadWhoseConnectionBreaksGoesToTheNextEndpoint) {
  const RawServer breaks(Behaviour::kBreaksRequests);
  const FakeKvd node;
  const Client client = OpenAt({breaks.address(), node.address()});
  const auto get = client.Get("k");
  ASSERT_TRUE(get.ok()) << get.error().message;
  EXPECT_EQ(get->served.endpoint, node.address());
  EXPECT_GE(breaks.requests(), 1);
}

TEST(ClientTest, SilenceAfterSendingIsUnknownForWritesAndATimeoutForReads) {
  FakeKvd node;
  node.Hang();
  const Client client = OpenAt({node.address()}, kPatience);
  ASSERT_TRUE(client.Ping().ok());  // Connected: the time below is the node's.
  const auto soon = std::chrono::milliseconds(100);
  const auto put = client.Put("k", "v", {.timeout = soon});
  EXPECT_EQ(put.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(put.error().message, "no answer after 100ms; the write may or may not be applied");
  EXPECT_TRUE(RequestId::Parse(put.error().metadata.at("request_id")));
  EXPECT_EQ(client.Get("k", {.timeout = soon}).error().kind, ErrorKind::kTimedOut);
}

TEST(ClientTest, RestartedNodeIsFoundAgain) {
  auto first = std::make_unique<FakeKvd>();
  const FakeKvd second;
  const Client client = OpenAt({first->address(), second.address()});
  ASSERT_EQ(client.Ping()->endpoint, first->address());
  first.reset();
  const auto ping = client.Ping();
  ASSERT_TRUE(ping.ok()) << ping.error().message;
  EXPECT_EQ(ping->endpoint, second.address());
}

TEST(ClientTest, ThreadsShareOneClient) {
  const FakeKvd node;
  const Client client = OpenAt({node.address()});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, key = "k" + std::to_string(t)] {
      for (int i = 0; i < 20; ++i) {
        const std::string value = key + std::to_string(i);
        if (!client.Put(key, value).ok()) continue;
        const auto get = client.Get(key);
        if (get.ok() && get->entry && get->entry->value == value) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 20);
}

TEST(ClientTest, PlaintextToOtherMachinesMustBeAllowed) {
  const auto refused = Client::Open({.endpoints = {"10.0.0.1:7400"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBadRequest);
  EXPECT_THAT(refused.error().message, HasSubstr("--insecure"));
  EXPECT_TRUE(Client::Open({.endpoints = {"10.0.0.1:7400"}, .insecure = true}).ok());
  EXPECT_TRUE(Client::Open({.endpoints = {"[::1]:7400", "localhost:7400"}}).ok());
}

TEST(ClientTest, BadEndpointsAndFilesAreNamed) {
  EXPECT_THAT(Client::Open({.endpoints = {"nohost"}}).error().message, HasSubstr("'nohost'"));
  EXPECT_THAT(Client::Open({.endpoints = {"h:0"}}).error().message, HasSubstr("port 0"));
  EXPECT_THAT(Client::Open({.endpoints = {}}).error().message, HasSubstr("no endpoint"));
  EXPECT_THAT(Client::Open({.tls = Tls{.ca_file = "/nonexistent/ca.pem"}}).error().message,
              HasSubstr("/nonexistent/ca.pem"));
  EXPECT_THAT(Client::Open({.tls = Tls{.cert_file = "c.pem"}}).error().message, HasSubstr("both"));
}

TEST(ClientTest, ClusterIsDescribed) {
  FakeKvd node({.node = "n2", .nodes = {"n1", "n2"}});
  node.SetDown("n1");
  const Client client = OpenAt({node.address()});
  const auto status = client.GetStatus();
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->answered_by, "n2");
  ASSERT_EQ(status->nodes.size(), 2U);
  EXPECT_EQ(status->nodes[0].state, NodeState::kDown);
  EXPECT_EQ(status->nodes[0].silent_reason, "connection refused");
  const auto ring = client.GetRing();
  ASSERT_TRUE(ring.ok());
  EXPECT_EQ(ring->partitions.size(), 16U);
  EXPECT_EQ(ring->partitions[1].owner, 1U);
}

}  // namespace
}  // namespace kvd::client
