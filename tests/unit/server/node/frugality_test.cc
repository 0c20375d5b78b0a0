// What groups together cost: frames between nodes and batches on disks, counted. Three nodes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

template <typename Body>
size_t CountOf(const Frame& frame) {
  return static_cast<size_t>(std::ranges::count_if(frame.raft, [](const GroupMessage& message) {
    return std::holds_alternative<Body>(message.message.body);
  }));
}

TEST(FrugalityTest, HeartbeatsOfAllGroupsAndTheAnswersToThemAreOneFramePerPeer) {
  World world({.nodes = 3, .partitions = 256});
  world.Pass(500ms);
  std::map<std::pair<NodeId, NodeId>, int> frames;
  world.SetFilter([&](World::Sent& sent) {
    ++frames[{sent.from, sent.to}];
    const size_t beats = CountOf<raft::Beat>(sent.frame);
    const size_t replies = CountOf<raft::BeatReply>(sent.frame);
    if (beats > 0) {
      EXPECT_EQ(beats, world.at(sent.from).replicas()->CountLed());
    }
    if (replies > 0) {
      EXPECT_EQ(replies, world.at(sent.to).replicas()->CountLed());
    }
    EXPECT_GT(beats + replies, 0U);
    return true;
  });
  world.Pass(1s);
  EXPECT_THAT(frames, SizeIs(6));
  for (const auto& [way, count] : frames) EXPECT_LE(count, 10) << "one per heartbeat";
}

TEST(FrugalityTest, IdleClusterWritesNothing) {
  World world({.nodes = 3, .partitions = 256});
  world.Pass(1s);
  const uint64_t before = world.BatchesOf(kN1);
  world.Pass(10s);
  EXPECT_EQ(world.BatchesOf(kN1), before);
}

TEST(FrugalityTest, ReadsOfManyGroupsShareOneConfirmationFramePerPeer) {
  World world({.nodes = 3, .partitions = 256});
  world.HoldNetwork();
  Node& node = world.at(kN1);
  for (uint64_t call = 1000; call < 1040; ++call) {
    const std::string key = world.KeyOf(kN1, static_cast<int>(call - 1000));
    node.OnCall(CallId{call}, {.key = key, .action = Get{}}, std::nullopt, world.now());
  }
  world.Settle();
  ASSERT_THAT(world.sent(), SizeIs(2)) << "one for each peer";
  EXPECT_GT(CountOf<raft::Beat>(world.sent()[0].frame), 1U);
  world.ReleaseNetwork();
  for (uint64_t call = 1000; call < 1040; ++call)
    EXPECT_EQ(world.OutcomeOf(CallId{call}), "absent");
}

TEST(FrugalityTest, ReadsOfOneMomentShareOneRound) {
  World world(3);
  world.HoldNetwork();
  Node& node = world.at(kN1);
  for (uint64_t call = 1000; call < 1010; ++call) {
    node.OnCall(CallId{call}, {.key = world.KeyOf(kN1), .action = Get{}}, std::nullopt,
                world.now());
  }
  world.Settle();
  ASSERT_THAT(world.sent(), SizeIs(2));
  EXPECT_EQ(CountOf<raft::Beat>(world.sent()[0].frame), 1U);
}

TEST(FrugalityTest, ReadsThatComeDuringARoundShareTheNext) {
  World world({.nodes = 3, .partitions = 256});
  int rounds = 0;
  world.SetFilter([&rounds](World::Sent& sent) {
    rounds += sent.from == kN1 && sent.to == kN2 && CountOf<raft::Beat>(sent.frame) > 0 ? 1 : 0;
    return true;
  });
  world.HoldNetwork();
  std::vector<CallId> calls;
  for (int n = 0; n < 20; ++n) calls.push_back(world.Get(kN1, world.KeyOf(kN1, n)));
  EXPECT_THAT(world.sent(), SizeIs(2)) << "of the first one";
  world.ReleaseNetwork();
  for (const CallId call : calls) EXPECT_EQ(world.OutcomeOf(call), "absent");
  EXPECT_EQ(rounds, 2);
}

TEST(FrugalityTest, ARoundThatTakesItsTimeHoldsNoReadUpForLong) {
  World world({.nodes = 3, .partitions = 256});
  bool beaten = false;  // The next heartbeats, which would do, are not due for a while.
  world.SetFilter([&beaten](World::Sent& sent) {
    beaten = beaten || (sent.from == kN1 && sent.frame.heartbeat);
    return true;
  });
  (void)world.PassUntil([&] { return beaten; });
  world.HoldNetwork();
  (void)world.Get(kN1, world.KeyOf(kN1, 0));
  const std::string key = world.KeyOf(kN1, 1);
  ASSERT_NE(world.PartitionOfKey(key), world.PartitionOfKey(world.KeyOf(kN1, 0)));
  (void)world.Get(kN1, key);
  const auto begun = [&] {
    return std::ranges::any_of(world.sent(), [&](const World::Sent& sent) {
      return sent.frame.reply_now &&
             std::ranges::any_of(sent.frame.raft, [&](const GroupMessage& message) {
               return message.group == GroupOf(world.PartitionOfKey(key));
             });
    });
  };
  EXPECT_FALSE(begun());
  EXPECT_LE(world.PassUntil(begun), 5ms);
}

TEST(FrugalityTest, WritesOfManyGroupsAreOneBatchPerNodeAndOneFramePerPeer) {
  World world({.nodes = 3, .partitions = 256});
  int appends = 0;
  world.SetFilter([&appends](World::Sent& sent) {
    appends += CountOf<raft::AppendRequest>(sent.frame) > 0 ? 1 : 0;
    return true;
  });
  const uint64_t before = world.BatchesOf(kN1);
  const uint64_t before2 = world.BatchesOf(kN2);
  Node& node = world.at(kN1);
  for (uint64_t call = 1000; call < 1100; ++call) {
    const std::string key = world.KeyOf(kN1, static_cast<int>(call - 1000));
    node.OnCall(CallId{call}, {.key = key, .action = Put{.value = "v"}}, std::nullopt, world.now());
  }
  world.Settle();
  for (uint64_t call = 1000; call < 1100; ++call) (void)world.VersionOf(CallId{call});
  EXPECT_EQ(world.BatchesOf(kN1), before + 1);
  EXPECT_EQ(world.BatchesOf(kN2), before2 + 1);
  EXPECT_EQ(appends, 2);
}

bool IsElectionRequest(const GroupMessage& message) {
  return std::holds_alternative<raft::VoteRequest>(message.message.body) ||
         std::holds_alternative<raft::AppendRequest>(message.message.body);
}

bool IsElectionAnswer(const GroupMessage& message) {
  return std::holds_alternative<raft::VoteReply>(message.message.body) ||
         std::holds_alternative<raft::AppendReply>(message.message.body);
}

// One of three nodes is killed: the groups that it led get new leaders, about half of them on each
// of the others. For its half a node sends pre-votes, votes, and the first entries; and answers the
// same for the other half. It writes votes and first entries, its own and the others'. All of it is
// counted as if both halves never met in one frame or batch.
TEST(FrugalityTest, FailoverOfManyGroupsCostsFewFramesAndBatches) {
  World world({.nodes = 3, .partitions = 256});
  ASSERT_GE(world.CountServedBy(kN2), 85U);
  std::map<std::pair<NodeId, NodeId>, int> requests;
  std::map<std::pair<NodeId, NodeId>, int> answers;
  world.SetFilter([&](World::Sent& sent) {
    const std::pair way{sent.from, sent.to};
    requests[way] += std::ranges::any_of(sent.frame.raft, IsElectionRequest) ? 1 : 0;
    answers[way] += std::ranges::any_of(sent.frame.raft, IsElectionAnswer) ? 1 : 0;
    return true;
  });
  const uint64_t batches1 = world.BatchesOf(kN1);
  const uint64_t batches3 = world.BatchesOf(kN3);
  world.Kill(kN2);
  (void)world.PassUntil([&] { return world.CountServedBy(kN1) + world.CountServedBy(kN3) == 256; });
  EXPECT_THAT(requests, SizeIs(2));
  for (const auto& [way, count] : requests) EXPECT_LE(count, 3) << way.first << " " << way.second;
  for (const auto& [way, count] : answers) EXPECT_LE(count, 3) << way.first << " " << way.second;
  EXPECT_LE(world.BatchesOf(kN1) - batches1, 4U);
  EXPECT_LE(world.BatchesOf(kN3) - batches3, 4U);
}

}  // namespace
}  // namespace kvd::node
