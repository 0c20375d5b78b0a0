// kill -9: nothing that was acknowledged is lost, the others say who is missing and serve what it
// owned, and a minority serves nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;

// Keys by their owners.
std::map<std::string, std::vector<std::string>> PutSome(const client::Client& client, int count) {
  std::map<std::string, std::vector<std::string>> keys;
  for (int i = 0; i < count; ++i) {
    const std::string key = "key" + std::to_string(i);
    const auto put = client.Put(key, "value of " + key + std::string(1, '\0'));
    EXPECT_TRUE(put.ok()) << put.error().message;
    if (put.ok()) keys[put->served.owner].push_back(key);
  }
  return keys;
}

void ExpectServed(const client::Client& client, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const auto get = client.Get(key);
    ASSERT_TRUE(get.ok()) << key << ": " << get.error().message;
    ASSERT_TRUE(get->entry.has_value()) << key << " is lost";
    EXPECT_EQ(get->entry->value, "value of " + key + std::string(1, '\0'));
  }
}

TEST(CrashTest, ARestartedNodeServesEveryAcknowledgedKeyAgain) {
  Cluster cluster;
  auto keys = PutSome(cluster.ClientOf(1), 300);
  cluster.Kill(2);
  cluster.Start(2);
  cluster.AwaitReady();
  for (int asked = 1; asked <= 3; ++asked) {
    for (const auto& [owner, its_keys] : keys) ExpectServed(cluster.ClientOf(asked), its_keys);
  }
}

TEST(CrashTest, EverythingIsServedAgainAfterTheDeathOfAllNodes) {
  Cluster cluster;
  auto keys = PutSome(cluster.ClientOf(3), 300);
  for (int node = 1; node <= 3; ++node) cluster.Kill(node);
  cluster.StartAll();
  cluster.AwaitReady();
  for (const auto& [owner, its_keys] : keys) ExpectServed(cluster.ClientOf(1), its_keys);
}

TEST(CrashTest, WhatADeadNodeOwnedIsServedByTheOthers) {
  Cluster cluster;
  auto keys = PutSome(cluster.ClientOf(1), 60);
  ASSERT_EQ(keys.size(), 3U);
  cluster.Kill(2);
  for (const int asked : {1, 3}) {
    const client::Client client = cluster.ClientOf(asked);
    for (const auto& [owner, its_keys] : keys) ExpectServed(client, its_keys);
    for (const std::string& key : keys["n2"]) {
      const auto put = client.Put(key, "value of " + key + std::string(1, '\0'));
      ASSERT_TRUE(put.ok()) << put.error().message;
      EXPECT_NE(put->served.owner, "n2");
    }
  }
}

TEST(CrashTest, WithoutAMajorityEverythingIsRefusedUntilThereIsOneAgain) {
  Cluster cluster;
  auto keys = PutSome(cluster.ClientOf(1), 60);
  cluster.Kill(2);
  cluster.Kill(3);
  for (const int dead : {2, 3}) {
    ASSERT_TRUE(Eventually([&] { return cluster.StateOf(dead, 1) == client::NodeState::kDown; }));
  }
  // An owner needs a moment to notice; what it proposed until then has an unknown outcome.
  Finished put;
  EXPECT_TRUE(Eventually([&] {
    put = cluster.KvctlAt(1, {"put", "key", "perhaps", "--timeout", "3s"});
    return put.code == 6;
  })) << put;
  EXPECT_THAT(put.err, HasSubstr("has no majority: 1 of 3 replicas up"));
  EXPECT_THAT(put.err, HasSubstr("not written"));
  const Finished get = cluster.KvctlAt(1, {"get", "key", "-o", "json", "--timeout", "3s"});
  EXPECT_EQ(get.code, 6) << get;
  EXPECT_EQ(nlohmann::json::parse(get.err).at("error").at("reason"), "NO_MAJORITY");

  cluster.Start(3);
  const auto later = cluster.ClientOf(1).Put("key", "value");
  EXPECT_TRUE(later.ok()) << later.error().message;
  for (const auto& [owner, its_keys] : keys) ExpectServed(cluster.ClientOf(3), its_keys);
}

TEST(CrashTest, TheOthersShowWhoIsDownAndLaterThatItIsBack) {
  Cluster cluster;
  cluster.Kill(2);
  for (const int asked : {1, 3}) {
    ASSERT_TRUE(Eventually([&] {
      const auto status = cluster.ClientOf(asked).GetStatus();
      return status.ok() && status->leaderless == 0 &&
             cluster.StateOf(2, asked) == client::NodeState::kDown;
    }));

    const Finished status = cluster.KvctlAt(asked, {"status"});
    EXPECT_EQ(status.code, 12) << status;
    EXPECT_THAT(status.out, HasSubstr("cluster demo   DEGRADED   2/3 nodes up"));
    EXPECT_THAT(status.out, HasSubstr("n2 is unreachable"));
    EXPECT_THAT(status.out, HasSubstr("other nodes own its partitions"));
    EXPECT_THAT(status.out, HasSubstr("every key is served; no further failure is tolerated"));
    EXPECT_THAT(status.out, HasSubstr("next: start n2"));

    const Finished json = cluster.KvctlAt(asked, {"status", "-o", "json"});
    EXPECT_EQ(json.code, 12) << json;
    const auto object = nlohmann::json::parse(json.out);
    EXPECT_EQ(object.at("state"), "degraded");
    EXPECT_EQ(object.at("nodes_up"), 2);
    EXPECT_EQ(object.at("partitions_unavailable"), 0);
    EXPECT_EQ(object.at("problems").at(0).at("node"), "n2");

    EXPECT_THAT(cluster.KvctlAt(asked, {"nodes"}).out, HasSubstr("n2    down"));
    EXPECT_THAT(cluster.KvctlAt(asked, {"ring"}).out, HasSubstr("B n2  0 owned 256 (down"));
    const Finished ping = cluster.KvctlAt(asked, {"ping", "n2"});
    EXPECT_EQ(ping.code, 5) << ping;
  }
  const Finished wait = cluster.Kvctl({"wait", "--ready", "--timeout", "300ms"});
  EXPECT_EQ(wait.code, 12) << wait;
  EXPECT_THAT(wait.err, HasSubstr("not ready after 300ms: 2/3 nodes up; n2 is "));

  cluster.Start(2);
  const Finished ready = cluster.Kvctl({"wait", "--ready", "--nodes", "3", "--timeout", "60s"});
  EXPECT_EQ(ready.code, 0) << ready;
  EXPECT_EQ(cluster.Kvctl({"status"}).code, 0);
}

TEST(CrashTest, AFrozenNodeIsSuspectedThenDownAndRecoversWhenThawed) {
  Cluster cluster;
  cluster.Freeze(3);
  for (const int asked : {1, 2}) {
    EXPECT_TRUE(Eventually([&] { return cluster.StateOf(3, asked) == client::NodeState::kDown; }));
  }
  cluster.Thaw(3);
  cluster.AwaitReady();
}

// Each writer counts up under a key of its own. What was acknowledged last, or what came after it
// with an unknown outcome, is what must be found.
class Writers {
 public:
  Writers(const Cluster& cluster, int count) {
    for (int i = 0; i < count; ++i) {
      counts_.emplace_back();
      clients_.push_back(cluster.ClientOf(i % cluster.size() + 1));
    }
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { Write(i); });
  }

  ~Writers() { Stop(); }

  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] uint64_t acknowledged() const { return acknowledged_; }

  void ExpectNothingLost(const client::Client& client) const {
    for (size_t i = 0; i < counts_.size(); ++i) {
      const auto get = client.Get(Key(static_cast<int>(i)));
      ASSERT_TRUE(get.ok()) << get.error().message;
      const uint64_t found = get->entry ? std::stoull(get->entry->value) : 0;
      EXPECT_GE(found, counts_[i].acknowledged) << "an acknowledged write is lost";
      EXPECT_LE(found, counts_[i].attempted) << "a value that nobody wrote";
    }
  }

 private:
  struct Count {
    uint64_t acknowledged = 0;
    uint64_t attempted = 0;
  };

  static std::string Key(int writer) { return "writer" + std::to_string(writer); }

  void Write(int writer) {
    Count& count = counts_[static_cast<size_t>(writer)];
    const client::Client& client = clients_[static_cast<size_t>(writer)];
    while (!stopping_) {
      const auto put = client.Put(Key(writer), std::to_string(++count.attempted),
                                  {.timeout = std::chrono::seconds(2)});
      if (!put.ok()) continue;
      count.acknowledged = count.attempted;
      ++acknowledged_;
    }
  }

  std::vector<Count> counts_;
  std::vector<client::Client> clients_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> acknowledged_ = 0;
};

void AwaitProgress(const Writers& writers) {
  const uint64_t before = writers.acknowledged();
  EXPECT_TRUE(Eventually([&] { return writers.acknowledged() > before + 500; }));
}

TEST(CrashTest, NoAcknowledgedWriteIsLostWhenANodeDiesUnderConcurrentWriters) {
  Cluster cluster;
  Writers writers(cluster, 12);
  for (const int victim : {2, 1, 3}) {
    AwaitProgress(writers);
    cluster.Kill(victim);
    AwaitProgress(writers);
    cluster.Start(victim);
    cluster.AwaitReady();
  }
  AwaitProgress(writers);
  writers.Stop();
  writers.ExpectNothingLost(cluster.ClientOf(1));
}

TEST(CrashTest, NoAcknowledgedWriteIsLostWhenAllNodesDieUnderConcurrentWriters) {
  Cluster cluster;
  Writers writers(cluster, 12);
  AwaitProgress(writers);
  for (int node = 1; node <= 3; ++node) cluster.Kill(node);
  writers.Stop();
  cluster.StartAll();
  cluster.AwaitReady();
  writers.ExpectNothingLost(cluster.ClientOf(2));
}

}  // namespace
}  // namespace kvd::testing
