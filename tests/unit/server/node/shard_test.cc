// What comes to a node that is divided, and which shard it is for: partitions by their rest, so of
// two shards the odd ones are the second's.

#include "server/node/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "server/node/node.h"

namespace kvd::node {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

constexpr Shard kSecondOfTwo{.index = 1, .count = 2};

GroupMessage BeatOf(PartitionId partition) {
  GroupMessage beat;
  beat.group = GroupOf(partition);
  beat.message.body = raft::Beat{};
  return beat;
}

std::vector<PartitionId> PartitionsOf(const Frame& frame) {
  std::vector<PartitionId> partitions;
  for (const GroupMessage& message : frame.raft) {
    partitions.push_back(PartitionOf(message.group));
  }
  return partitions;
}

Frame HeartbeatOf(Shard shard) {
  Frame frame;
  Heartbeat& heartbeat = frame.heartbeat.emplace();
  heartbeat.shard = shard;
  heartbeat.behind = 5;
  heartbeat.sent = 6;
  heartbeat.seen = 7;
  heartbeat.settled = 8;
  return frame;
}

TEST(ShardTest, EveryPartitionIsHeldByExactlyOne) {
  for (const uint32_t count : {1U, 2U, 3U, 64U}) {
    for (uint32_t p = 0; p < 200; ++p) {
      int holders = 0;
      for (uint32_t index = 0; index < count; ++index) {
        holders += Shard{index, count}.Holds(PartitionId{p}) ? 1 : 0;
      }
      EXPECT_EQ(holders, 1) << p << " of " << count;
    }
  }
}

TEST(ShardTest, TheSystemPartitionIsTheFirsts) {
  for (const uint32_t count : {1U, 2U, 3U, 64U}) {
    EXPECT_EQ(ShardOf(topology::kSystemPartition, count), kFirstShard);
  }
}

TEST(ShardTest, NumbersComeBackToWhoGaveThem) {
  for (const uint32_t count : {1U, 2U, 3U, 64U}) {
    for (uint32_t index = 0; index < count; ++index) {
      for (const uint64_t last : {0ULL, 1ULL, 1ULL << 40U, (1ULL << 40U) + 17}) {
        const uint64_t number = Shard{index, count}.NumberAbove(last);
        EXPECT_GT(number, last);
        EXPECT_LE(number, last + count);
        EXPECT_EQ(ShardOfNumber(number, count), index);
        EXPECT_EQ(ShardOfNumber(number + count, count), index);
      }
    }
  }
}

TEST(ShardTest, MessagesOfConsensusGoToWhoeverHoldsTheGroup) {
  Frame frame;
  frame.envelope.epoch = Epoch{3};
  for (uint32_t p = 0; p < 5; ++p) frame.raft.push_back(BeatOf(PartitionId{p}));
  frame.raft.push_back(BeatOf(topology::kSystemPartition));
  const auto parts = Split(std::move(frame), 2);
  ASSERT_THAT(parts, ElementsAre(Key(0), Key(1)));
  EXPECT_THAT(PartitionsOf(parts.at(0)), ElementsAre(PartitionId{0}, PartitionId{2}, PartitionId{4},
                                                     topology::kSystemPartition));
  EXPECT_THAT(PartitionsOf(parts.at(1)), ElementsAre(PartitionId{1}, PartitionId{3}));
  for (const auto& [shard, part] : parts) EXPECT_EQ(part.envelope.epoch, Epoch{3});
}

TEST(ShardTest, ForwardsGoByPartitionAndRepliesByNumber) {
  Frame frame;
  frame.forwards.emplace_back().partition = PartitionId{7};
  for (const uint64_t id : {6U, 9U}) frame.replies.emplace_back().id = id;
  frame.chunk_acks.emplace_back().stream = 3;
  frame.chunks.emplace_back().group = GroupOf(PartitionId{4});
  const auto parts = Split(std::move(frame), 2);
  EXPECT_THAT(parts.at(0).replies, ElementsAre(Field(&ForwardReply::id, 6U)));
  EXPECT_THAT(parts.at(0).forwards, IsEmpty());
  EXPECT_THAT(parts.at(0).chunks, SizeIs(1));
  EXPECT_THAT(parts.at(0).chunk_acks, IsEmpty());
  EXPECT_THAT(parts.at(1).replies, ElementsAre(Field(&ForwardReply::id, 9U)));
  EXPECT_THAT(parts.at(1).forwards, SizeIs(1));
  EXPECT_THAT(parts.at(1).chunk_acks, SizeIs(1));
}

TEST(ShardTest, AHeartbeatIsForTheFirstAndForItsOwn) {
  const auto parts = Split(HeartbeatOf(kSecondOfTwo), 2);
  ASSERT_THAT(parts, ElementsAre(Key(0), Key(1)));
  EXPECT_EQ(parts.at(1).heartbeat->settled, 8U);
  EXPECT_EQ(parts.at(0).heartbeat->behind, 5U);
  EXPECT_EQ(parts.at(0).heartbeat->settled, 0U) << "the stamps are not of its groups";
  EXPECT_THAT(Split(HeartbeatOf({.index = 0, .count = 2}), 2), ElementsAre(Key(0)));
}

TEST(ShardTest, AHeartbeatOfANodeThatIsDividedOtherwiseIsForAllWithoutItsStamps) {
  const auto parts = Split(HeartbeatOf({.index = 0, .count = 1}), 3);
  ASSERT_THAT(parts, SizeIs(3));
  for (const auto& [shard, part] : parts) {
    EXPECT_EQ(part.heartbeat->behind, 5U);
    EXPECT_EQ(part.heartbeat->sent, 0U);
    EXPECT_EQ(part.heartbeat->seen, 0U);
    EXPECT_EQ(part.heartbeat->settled, 0U);
  }
}

TEST(ShardTest, OfMembershipStepsAndInquiriesGoByPartitionAndTheRestIsTheFirsts) {
  Frame frame;
  Membership& membership = frame.membership;
  for (const uint32_t p : {3U, 4U}) membership.steps.emplace_back().partition = PartitionId{p};
  membership.inquiries = {{GroupOf(PartitionId{5}), ReplicaId{1}}};
  membership.topology_wanted = true;
  const auto parts = Split(std::move(frame), 2);
  ASSERT_THAT(parts, ElementsAre(Key(0), Key(1)));
  EXPECT_THAT(parts.at(0).membership.steps, ElementsAre(Field(&Step::partition, PartitionId{4})));
  EXPECT_TRUE(parts.at(0).membership.topology_wanted);
  EXPECT_THAT(parts.at(0).membership.inquiries, IsEmpty());
  EXPECT_THAT(parts.at(1).membership.steps, ElementsAre(Field(&Step::partition, PartitionId{3})));
  EXPECT_THAT(parts.at(1).membership.inquiries, SizeIs(1));
  EXPECT_FALSE(parts.at(1).membership.topology_wanted);
}

TEST(ShardTest, EveryShardIsPolled) {
  Frame frame;
  frame.membership.poll = Term{9};
  const auto parts = Split(std::move(frame), 3);
  ASSERT_THAT(parts, SizeIs(3));
  for (const auto& [shard, part] : parts) EXPECT_EQ(part.membership.poll, Term{9}) << shard;
}

TEST(ShardTest, AnUndividedNodeGetsTheWholeFrame) {
  Frame frame = HeartbeatOf({});
  frame.reply_now = true;
  frame.raft = {BeatOf(PartitionId{1})};
  frame.membership.topology_wanted = true;
  const auto parts = Split(std::move(frame), 1);
  ASSERT_THAT(parts, ElementsAre(Key(kFirstShard)));
  const Frame& part = parts.at(kFirstShard);
  EXPECT_EQ(part.heartbeat->settled, 8U);
  EXPECT_TRUE(part.reply_now);
  EXPECT_THAT(PartitionsOf(part), ElementsAre(PartitionId{1}));
  EXPECT_TRUE(part.membership.topology_wanted);
}

TEST(ShardTest, WhatStartUpFoundIsDividedToo) {
  Node::Options options;
  for (uint32_t p = 0; p < 5; ++p) {
    options.recovered.emplace_back().partition = PartitionId{p};
    options.tombstones[PartitionId{p}] = ReplicaId{p};
  }
  const std::vector<Node::Options> divided = Divide(std::move(options), 2);
  ASSERT_THAT(divided, SizeIs(2));
  EXPECT_EQ(divided[1].shard, kSecondOfTwo);
  EXPECT_THAT(divided[0].recovered, SizeIs(3));
  EXPECT_THAT(divided[1].recovered, SizeIs(2));
  EXPECT_THAT(divided[1].tombstones, ElementsAre(Key(PartitionId{1}), Key(PartitionId{3})));
}

}  // namespace
}  // namespace kvd::node
