// A node is away until the logs of the others begin behind what it has: it catches up by snapshots,
// while everything is served, and what it then holds is what was written.
//
// The data's write buffer is 1 MiB, so that the 20 MiB it misses are flushed many times, and the
// log forgets most of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/traffic.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kSmallBuffers =
    "timeouts: { drain_delay: 0s }\n"
    "storage: { write_buffer: 1MiB }\n"
    "log: { level: debug }\n";
constexpr int kClients = 4;
constexpr uint64_t kAWhile = 60;  // Answers to each client.
constexpr int kKeys = 8;
constexpr int kRounds = 20;

std::string KeyOf(int i) {
  return "large" + std::to_string(i);
}

std::string ValueOf(int i, int round) {
  return std::string(128U << 10U, static_cast<char>('a' + i)) + std::to_string(round);
}

void PutLargeValues(const client::Client& client) {
  for (int round = 1; round <= kRounds; ++round) {
    for (int i = 0; i < kKeys; ++i) {
      const auto put = client.Put(KeyOf(i), ValueOf(i, round));
      ASSERT_TRUE(put.ok()) << put.error().message;
    }
  }
}

// That the node asked has them in its own store.
bool HoldsLargeValues(const client::Client& client) {
  for (int i = 0; i < kKeys; ++i) {
    const auto get = client.Get(KeyOf(i), {.consistency = client::Consistency::kStale});
    if (!get.ok() || get->served.hops != 0) return false;  // It asked another one.
    if (!get->entry || get->entry->value != ValueOf(i, kRounds)) return false;
  }
  return true;
}

TEST(SnapshotTest, ANodeThatMissedWhatLogsForgotCatchesUpWhileEverythingIsServed) {
  Cluster cluster({.settings = kSmallBuffers});
  Traffic traffic(cluster, kClients);
  traffic.Await(kAWhile);
  cluster.Kill(3);
  PutLargeValues(cluster.ClientOf(1));
  cluster.Start(3);
  cluster.AwaitReady();
  EXPECT_TRUE(Eventually([&] { return HoldsLargeValues(cluster.ClientOf(3)); }));
  EXPECT_THAT(cluster.log(3), HasSubstr("a snapshot took the place of what was missed"));

  // Its word is needed now: with one of the others dead, it is half of the majority.
  cluster.Kill(1);
  traffic.Await(kAWhile);
  traffic.Stop();
  traffic.ExpectNothingLost(cluster.ClientOf(3));
  EXPECT_TRUE(HoldsLargeValues(cluster.ClientOf(3)));
  EXPECT_THAT(traffic.anomalies(), IsEmpty());
  EXPECT_THAT(traffic.failures(), IsEmpty());
}

}  // namespace
}  // namespace kvd::testing
