// What is put through one node is got through another, byte by byte, whoever owns it: random bytes
// as keys and values, and every pair of nodes.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/bytes.h"
#include "common/random.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

constexpr size_t kKeys = 10'000;
constexpr size_t kThreads = 16;
constexpr size_t kLargestKey = 4096;
constexpr size_t kLargestValue = 1U << 20U;

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
  return bytes;
}

// Every key of one byte, some of the largest keys and values, NUL bytes at both ends, empty values;
// the rest is short and random.
Entries RandomEntries(uint64_t seed) {
  Random random(seed);
  std::map<std::string, std::string> entries;
  for (int byte = 0; byte < 256; ++byte) {
    entries[std::string(1, static_cast<char>(byte))] = RandomBytes(random, random.Below(10));
  }
  for (int i = 0; i < 4; ++i) {
    entries[RandomBytes(random, kLargestKey)] = RandomBytes(random, kLargestValue);
    entries[RandomBytes(random, kLargestKey)] = "";
    const std::string nul(1, '\0');
    entries[nul + RandomBytes(random, 8) + nul] = nul + RandomBytes(random, 8) + nul;
  }
  while (entries.size() < kKeys) {
    const size_t size = random.Chance(100'000) ? 0 : random.Below(200);
    entries[RandomBytes(random, random.Between(2, 64))] = RandomBytes(random, size);
  }
  return {entries.begin(), entries.end()};
}

// Calls `body` with every number below `count`, on several threads.
void InParallel(size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) body(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// How often each node, by name, was the owner.
class Owners {
 public:
  void Count(const std::string& owner) { ++counts_.at(static_cast<size_t>(owner.back() - '1')); }
  [[nodiscard]] size_t Of(int node) const { return counts_.at(static_cast<size_t>(node - 1)); }

 private:
  std::array<std::atomic<size_t>, 3> counts_{};
};

void PutAll(const client::Client& client, const Entries& entries, Owners& owners) {
  InParallel(entries.size(), [&](size_t i) {
    const auto put = client.Put(entries[i].first, entries[i].second);
    ASSERT_TRUE(put.ok()) << Quoted(entries[i].first) << ": " << put.error().message;
    owners.Count(put->served.owner);
  });
}

void ExpectAll(const client::Client& client, const Entries& entries, Owners& owners) {
  InParallel(entries.size(), [&](size_t i) {
    const auto& [key, value] = entries[i];
    const auto get = client.Get(key);
    ASSERT_TRUE(get.ok()) << Quoted(key) << ": " << get.error().message;
    ASSERT_TRUE(get->entry.has_value()) << Quoted(key) << " is absent";
    EXPECT_TRUE(get->entry->value == value) << Quoted(key) << " has another value";
    owners.Count(get->served.owner);
  });
}

class DataTest : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(DataTest, RandomBytesComeBackThroughEveryOtherNode) {
  const auto [writer, reader] = GetParam();
  const int third = 6 - writer - reader;
  const Cluster cluster;
  const Entries entries = RandomEntries(static_cast<uint64_t>(writer * 10 + reader));
  ASSERT_EQ(entries.size(), kKeys);

  Owners owners;
  PutAll(cluster.ClientOf(writer), entries, owners);
  ExpectAll(cluster.ClientOf(reader), entries, owners);

  // Each owns a third at first; a disk that so many large values stall gives its share away.
  EXPECT_GT(owners.Of(third), kKeys / 100) << "too few keys of a node that is neither";
}

INSTANTIATE_TEST_SUITE_P(Pairs, DataTest,
                         ::testing::Values(std::pair{1, 2}, std::pair{1, 3}, std::pair{2, 1},
                                           std::pair{2, 3}, std::pair{3, 1}, std::pair{3, 2}),
                         [](const auto& pair) {
                           return "N" + std::to_string(pair.param.first) + "ToN" +
                                  std::to_string(pair.param.second);
                         });

TEST(ThreeNodesTest, AKeyIsForwardedAtMostOnce) {
  const Cluster cluster;
  for (int asked = 1; asked <= 3; ++asked) {
    const client::Client client = cluster.ClientOf(asked);
    for (int i = 0; i < 30; ++i) {
      const auto put = client.Put("key" + std::to_string(i), NodeName(asked));
      ASSERT_TRUE(put.ok()) << put.error().message;
      EXPECT_EQ(put->served.hops, put->served.owner == NodeName(asked) ? 0U : 1U);
    }
  }
}

TEST(ThreeNodesTest, VersionsOfAKeyIncreaseWhoeverWritesIt) {
  const Cluster cluster;
  Version last = 0;
  for (int round = 0; round < 9; ++round) {
    const auto put = cluster.ClientOf(round % 3 + 1).Put("key", std::to_string(round));
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_GT(put->version, last);
    last = put->version;
    const auto get = cluster.ClientOf((round + 1) % 3 + 1).Get("key");
    ASSERT_TRUE(get.ok() && get->entry);
    EXPECT_EQ(get->entry->version, last);
    EXPECT_EQ(get->entry->value, std::to_string(round));
  }
}

TEST(ThreeNodesTest, OneMoreByteThanAllowedIsRefusedWithTheLimit) {
  const Cluster cluster;
  for (int asked = 1; asked <= 3; ++asked) {
    const client::Client client = cluster.ClientOf(asked);
    const auto key = client.Put(std::string(kLargestKey + 1, 'k'), "");
    ASSERT_FALSE(key.ok());
    EXPECT_EQ(key.error().reason, Reason::kKeyTooLarge);
    EXPECT_EQ(key.error().metadata.at("limit"), "4096");
    const auto value = client.Put("key", std::string(kLargestValue + 1, 'v'));
    ASSERT_FALSE(value.ok());
    EXPECT_EQ(value.error().reason, Reason::kValueTooLarge);
    EXPECT_EQ(value.error().metadata.at("limit"), "1048576");
    EXPECT_FALSE(client.Get("key")->entry.has_value());
  }
}

}  // namespace
}  // namespace kvd::testing
