// Nodes join, leave, are lost and replaced while clients write, read and count: nobody's operation
// fails, and nothing acknowledged is lost.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <string>
#include <vector>

#include "client/admin.h"
#include "tests/integration/traffic.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using client::JobState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kClients = 4;
constexpr uint64_t kAWhile = 60;  // Answers to each client.
constexpr int kPartitions = 64;

class ReshapingTest : public ::testing::Test {
 protected:
  explicit ReshapingTest(int founders = 3)
      : cluster_({.nodes = 5, .founders = founders, .partitions = kPartitions, .divided = true}) {}

  std::vector<client::Job> Jobs() const {
    const auto jobs = client::Admin(asker_).ListJobs();
    return jobs.ok() ? *jobs : std::vector<client::Job>{};
  }

  // Some copies have moved, others have not.
  void AwaitHalfway() const {
    EXPECT_TRUE(Eventually([this] {
      return std::ranges::any_of(
          Jobs(), [](const client::Job& job) { return !job.has_ended() && job.copies_done() > 0; });
    })) << "nothing moves";
  }

  // So many jobs are done, and none is under way.
  void AwaitDone(size_t jobs) const {
    EXPECT_TRUE(Eventually([&] {
      const auto all = Jobs();
      return all.size() == jobs && std::ranges::all_of(all, &client::Job::has_ended);
    })) << "a job does not end";
    for (const client::Job& job : Jobs()) EXPECT_EQ(job.state, JobState::kDone) << job.id;
  }

  // How many copies each node is wished to hold.
  [[nodiscard]] std::map<std::string, int> Copies(int seen_by) const {
    std::map<std::string, int> copies;
    const auto ring = cluster_.ClientOf(seen_by).GetRing();
    if (!ring.ok()) return copies;
    for (const auto& partition : ring->partitions) {
      for (const uint32_t at : partition.replicas) ++copies[ring->nodes[at].name];
    }
    return copies;
  }

  void ExpectEven(size_t nodes, int seen_by) const {
    const auto copies = Copies(seen_by);
    EXPECT_EQ(copies.size(), nodes);
    const auto [least, most] = std::ranges::minmax(copies | std::views::values);
    EXPECT_LE(most - least, 1);
  }

  void ExpectDone(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--timeout", "60s"});
    const Finished finished = cluster_.Kvctl(words);
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_THAT(finished.err + finished.out, HasSubstr("done in"));
  }

  Cluster cluster_;
  const client::Client asker_ = *client::Client::Open(
      {.endpoints = {cluster_.address(3), cluster_.address(2), cluster_.address(1)}});
};

TEST_F(ReshapingTest, NobodyNoticesThatNodesJoinAndLeaveWhileOthersAreKilled) {
  Traffic traffic(cluster_, kClients);
  traffic.Await(kAWhile);

  cluster_.Start(4);
  cluster_.Start(5);
  AwaitHalfway();
  cluster_.Kill(2);
  traffic.Await(kAWhile);
  cluster_.Start(2);
  const size_t joins = Jobs().size();  // One, if both called in at once.
  AwaitDone(joins);
  cluster_.AwaitReady();
  ExpectEven(5, 3);

  ExpectDone({"leave", "n1", "--yes", "--wait"});
  EXPECT_EQ(cluster_.AwaitEnd(1), 0);
  EXPECT_EQ(cluster_.Kvctl({"leave", "n4", "--yes"}).code, 0);
  AwaitHalfway();
  cluster_.Kill(5);
  traffic.Await(kAWhile);
  cluster_.Start(5);
  EXPECT_EQ(cluster_.AwaitEnd(4), 0);
  AwaitDone(joins + 2);
  ExpectEven(3, 2);

  traffic.Await(kAWhile);
  traffic.Stop();
  for (const int node : {2, 3, 5}) traffic.ExpectNothingLost(cluster_.ClientOf(node));
  EXPECT_THAT(traffic.anomalies(), IsEmpty());
  EXPECT_THAT(traffic.failures(), IsEmpty());
}

class GrowthTest : public ReshapingTest {
 protected:
  GrowthTest() : ReshapingTest(/*founders=*/1) {}

  // Each partition has so many copies.
  void ExpectCopies(size_t copies, int seen_by) const {
    const auto ring = cluster_.ClientOf(seen_by).GetRing();
    ASSERT_TRUE(ring.ok()) << ring.error().message;
    for (const auto& partition : ring->partitions) EXPECT_EQ(partition.replicas.size(), copies);
  }

  // Waits until nothing is under way and so many nodes share the partitions.
  void AwaitNodes(size_t nodes, int seen_by) const {
    EXPECT_TRUE(Eventually([&] {
      return std::ranges::all_of(Jobs(), &client::Job::has_ended) &&
             Copies(seen_by).size() == nodes;
    })) << "not yet "
        << nodes << " nodes";
  }
};

TEST_F(GrowthTest, OneNodeGrowsToFiveAndBackWhileItIsWrittenTo) {
  Traffic traffic(cluster_, kClients);
  traffic.Await(kAWhile);
  ExpectCopies(1, 1);
  for (const int node : {2, 3}) cluster_.Start(node);
  AwaitNodes(3, 1);
  ExpectCopies(3, 1);
  ExpectEven(3, 1);
  for (const int node : {4, 5}) cluster_.Start(node);
  AwaitNodes(5, 1);
  ExpectCopies(3, 1);
  ExpectEven(5, 1);
  traffic.Await(kAWhile);

  for (const char* node : {"n5", "n4"}) ExpectDone({"leave", node, "--yes", "--wait"});
  ExpectCopies(3, 1);
  const Finished refused = cluster_.KvctlAt(1, {"leave", "n3", "--yes"});
  EXPECT_EQ(refused.code, 10) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("2 nodes would remain and there are 3 copies"));
  for (const char* node : {"n3", "n2"}) {
    ExpectDone({"leave", node, "--yes", "--wait", "--accept-fewer-replicas"});
  }
  for (const int node : {2, 3, 4, 5}) EXPECT_EQ(cluster_.AwaitEnd(node), 0);
  ExpectCopies(1, 1);

  traffic.Await(kAWhile);
  traffic.Stop();
  traffic.ExpectNothingLost(cluster_.ClientOf(1));
  EXPECT_THAT(traffic.anomalies(), IsEmpty());
  EXPECT_THAT(traffic.failures(), IsEmpty());
}

TEST_F(ReshapingTest, ALostNodeIsReplacedAndNeverServesAgain) {
  Traffic traffic(cluster_, kClients);
  traffic.Await(kAWhile);
  cluster_.Kill(2);
  cluster_.Start(4);
  AwaitHalfway();
  AwaitDone(1);
  ExpectDone({"remove", "n2", "--confirm", "n2", "--wait"});
  ExpectEven(3, 1);
  traffic.Await(kAWhile);
  traffic.Stop();
  for (const int node : {1, 3, 4}) traffic.ExpectNothingLost(cluster_.ClientOf(node));
  EXPECT_THAT(traffic.anomalies(), IsEmpty());
  EXPECT_THAT(traffic.failures(), IsEmpty());

  // It hears that it is no member, keeps what it has, and is refused from then on.
  cluster_.Start(2);
  EXPECT_EQ(cluster_.AwaitEnd(2), 0);
  EXPECT_THAT(cluster_.log(2), HasSubstr("n2 is no member of cluster demo any more"));
  cluster_.Start(2);
  EXPECT_EQ(cluster_.AwaitEnd(2), 78);
  EXPECT_THAT(cluster_.log(2), HasSubstr("n2 was removed from cluster demo"));
}

TEST_F(ReshapingTest, AReplacementTakesThePlaceOfAnotherNode) {
  const auto before = Copies(3);
  EXPECT_EQ(cluster_.ClientOf(1).Put("key", "value").ok(), true);
  const Finished early = cluster_.Kvctl({"replace", "n1", "n4", "--yes"});
  EXPECT_EQ(early.code, 6);
  EXPECT_THAT(early.err, HasSubstr("n4 has not called in"));
  cluster_.Start(4);
  ExpectDone({"replace", "n1", "n4", "--yes", "--wait"});
  EXPECT_EQ(cluster_.AwaitEnd(1), 0);
  const auto after = Copies(3);
  EXPECT_EQ(after.at("n4"), before.at("n1"));
  EXPECT_EQ(after.at("n2"), before.at("n2"));
  EXPECT_EQ(cluster_.ClientOf(4).Get("key")->entry->value, "value");
}

TEST_F(ReshapingTest, AnAbortedJoinLeadsBack) {
  cluster_.Start(4);
  AwaitHalfway();
  const Finished abort = cluster_.Kvctl({"jobs", "1", "--abort"});
  EXPECT_EQ(abort.code, 0) << abort.err;
  EXPECT_EQ(cluster_.AwaitEnd(4), 0);
  EXPECT_TRUE(Eventually([this] {
    const auto jobs = Jobs();
    return jobs.size() == 1 && jobs[0].state == JobState::kAborted;
  }));
  ExpectEven(3, 1);
}

}  // namespace
}  // namespace kvd::testing
