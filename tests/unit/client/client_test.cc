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
  const Client client = OpenAt({first.address(), second.address()});
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(put.error().message, "n1 stops");
}

TEST(ClientTest, OtherRefusalsAreTheAnswer) {
  FakeKvd first;
  const FakeKvd second;
  first.Refuse({.reason = Reason::kNoMajority,
                .message = "partition 3 has no majority",
                .metadata = {{"partition", "3"}},
                .retry_after = {}});
  const Client client = OpenAt({first.address(), second.address()});
  const auto put = client.Put("k", "v");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kNoMajority);
  EXPECT_EQ(put.error().metadata.at("partition"), "3");
  EXPECT_EQ(put.error().endpoint, first.address());
  EXPECT_EQ(second.calls(), 0);
}

TEST(ClientTest, WriteWhoseConnectionBreaksIsUnknownAndNotRepeated) {
  const RawServer breaks(Behaviour::kBreaksRequests);
  const FakeKvd node;
  const Client client = OpenAt({breaks.address(), node.address()});
  EXPECT_EQ(client.Put("k", "v").error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(client.Delete("k").error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(node.calls(), 0);
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
  const CallOptions soon{.timeout = std::chrono::milliseconds(100)};
  EXPECT_EQ(client.Put("k", "v", soon).error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(client.Get("k", soon).error().kind, ErrorKind::kTimedOut);
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
