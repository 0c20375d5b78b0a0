// What waits for one peer. Forwards and replies are as large as the value they carry, about.

#include "server/rpc/frame_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/rpc/some_membership.h"

namespace kvd::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kKiB = 1024;

node::Forward PutOf(uint64_t id, size_t bytes) {
  return {.id = id,
          .remaining = {},
          .partition = {},
          .replica = {},
          .operation = {.key = "k", .action = node::Put{.value = std::string(bytes, 'v')}}};
}

node::ForwardReply FoundOf(uint64_t id, size_t bytes) {
  return {.id = id, .result = node::Found{.value = std::string(bytes, 'v'), .version = 1}};
}

node::Frame FrameOf(std::vector<node::Forward> forwards,
                    std::vector<node::ForwardReply> replies = {}) {
  node::Frame frame;
  frame.forwards = std::move(forwards);
  frame.replies = std::move(replies);
  return frame;
}

node::Frame BeatOf(uint64_t keys) {
  node::Frame frame;
  frame.heartbeat.emplace();
  frame.heartbeat->load.keys = keys;
  return frame;
}

// Entries of `bytes` for group `group`.
node::Frame AppendOf(uint32_t group, size_t bytes) {
  node::Frame frame;
  raft::AppendRequest append;
  append.entries.push_back({.index = 1, .term = 1, .payload = std::string(bytes, 'e')});
  frame.raft.push_back(
      {.group = GroupId{group},
       .message = {
           .from = ReplicaId{1}, .to = ReplicaId{2}, .term = 1, .body = std::move(append)}});
  return frame;
}

// The groups of the messages of consensus in all that is queued.
std::vector<uint32_t> TakeGroups(FrameQueue& queue) {
  std::vector<uint32_t> groups;
  while (const auto frame = queue.Take()) {
    for (const auto& message : frame->raft) groups.push_back(message.group.value);
  }
  return groups;
}

// The ids of what a frame carries, replies first.
std::vector<uint64_t> IdsOf(const node::Frame& frame) {
  std::vector<uint64_t> ids;
  for (const auto& reply : frame.replies) ids.push_back(reply.id);
  for (const auto& forward : frame.forwards) ids.push_back(forward.id);
  return ids;
}

class FrameQueueTest : public ::testing::Test {
 protected:
  std::vector<uint64_t> Add(node::Frame frame) { return queue_.Add(std::move(frame)); }

  FrameQueue queue_{{}};
};

TEST_F(FrameQueueTest, NothingQueuedIsNoFrame) {
  EXPECT_FALSE(queue_.Take());
  EXPECT_THAT(Add({}), IsEmpty());
  EXPECT_FALSE(queue_.Take());
}

TEST_F(FrameQueueTest, WhatIsPendingBecomesOneFrameInOrder) {
  EXPECT_THAT(Add(FrameOf({PutOf(1, 10), PutOf(2, 10)}, {FoundOf(7, 10)})), IsEmpty());
  EXPECT_THAT(Add(FrameOf({PutOf(3, 10)}, {FoundOf(8, 10)})), IsEmpty());
  const auto frame = queue_.Take();
  ASSERT_TRUE(frame);
  EXPECT_THAT(IdsOf(*frame), ElementsAre(7, 8, 1, 2, 3));
  EXPECT_FALSE(queue_.Take());
}

TEST_F(FrameQueueTest, EnvelopeIsTheNewest) {
  node::Frame first = FrameOf({PutOf(1, 10)});
  first.envelope.epoch = Epoch{1};
  node::Frame second = FrameOf({PutOf(2, 10)});
  second.envelope.epoch = Epoch{2};
  (void)Add(first);
  (void)Add(second);
  EXPECT_EQ(queue_.Take()->envelope.epoch, Epoch{2});
}

TEST_F(FrameQueueTest, NewestHeartbeatTakesThePlaceOfTheOlder) {
  (void)Add(BeatOf(1));
  (void)Add(BeatOf(2));
  (void)Add(FrameOf({PutOf(1, 10)}));
  const auto frame = queue_.Take();
  ASSERT_TRUE(frame && frame->heartbeat);
  EXPECT_EQ(frame->heartbeat->load.keys, 2U);
  EXPECT_FALSE(queue_.Take()) << "and it is sent once";
}

TEST_F(FrameQueueTest, EveryShardsHeartbeatIsSent) {
  const auto add = [this](uint32_t shard, uint64_t keys) {
    node::Frame beat = BeatOf(keys);
    beat.heartbeat->shard = {.index = shard, .count = 2};
    beat.heartbeat->settled = 7;
    (void)Add(std::move(beat));
  };
  (void)Add(AppendOf(GroupOf(PartitionId{1}).value, 1));
  add(1, 1);
  add(0, 2);
  add(1, 3);
  const auto first = queue_.Take();
  EXPECT_EQ(first->heartbeat->load.keys, 2U);
  EXPECT_EQ(first->heartbeat->settled, 7U) << "what waits is not of its groups";
  const auto second = queue_.Take();
  EXPECT_EQ(second->heartbeat->load.keys, 3U);
  EXPECT_EQ(second->heartbeat->settled, 0U);
  EXPECT_FALSE(queue_.Take());
}

TEST_F(FrameQueueTest, HeartbeatSaysNothingOfMessagesOlderThanItself) {
  node::Frame beat = BeatOf(1);
  beat.heartbeat->settled = 7;
  (void)Add(AppendOf(1, 10));
  (void)Add(beat);
  EXPECT_EQ(queue_.Take()->heartbeat->settled, 0U) << "the append was made before it";
  (void)Add(beat);
  EXPECT_EQ(queue_.Take()->heartbeat->settled, 7U);
}

TEST_F(FrameQueueTest, FrameIsCutOnceItHolds256KiB) {
  std::vector<node::Forward> forwards;
  for (uint64_t id = 1; id <= 7; ++id) forwards.push_back(PutOf(id, 100 * kKiB));
  (void)Add(FrameOf(std::move(forwards)));
  EXPECT_THAT(IdsOf(*queue_.Take()), ElementsAre(1, 2, 3));
  EXPECT_THAT(IdsOf(*queue_.Take()), ElementsAre(4, 5, 6));
  EXPECT_THAT(IdsOf(*queue_.Take()), ElementsAre(7));
  EXPECT_FALSE(queue_.Take());
}

TEST_F(FrameQueueTest, HeartbeatGoesWithTheNextFrameHoweverMuchIsQueued) {
  for (uint64_t id = 1; id <= 6; ++id) (void)Add(FrameOf({PutOf(id, 200 * kKiB)}));
  (void)queue_.Take();
  (void)Add(BeatOf(1));
  EXPECT_TRUE(queue_.Take()->heartbeat);
}

TEST_F(FrameQueueTest, QueueIsBoundedAndSaysWhichForwardsHaveNoRoom) {
  for (uint64_t id = 1; id <= 4; ++id) {
    EXPECT_THAT(Add(FrameOf({PutOf(id, 1000 * kKiB)})), IsEmpty());
  }
  EXPECT_THAT(Add(FrameOf({PutOf(5, 1000 * kKiB), PutOf(6, 10), PutOf(7, 1000 * kKiB)})),
              ElementsAre(5, 7));
  std::vector<uint64_t> sent;
  while (const auto frame = queue_.Take()) {
    for (const uint64_t id : IdsOf(*frame)) sent.push_back(id);
  }
  EXPECT_THAT(sent, ElementsAre(1, 2, 3, 4, 6));
}

TEST_F(FrameQueueTest, RepliesCountToo) {
  for (uint64_t id = 1; id <= 4; ++id) (void)Add(FrameOf({}, {FoundOf(id, 1000 * kKiB)}));
  EXPECT_THAT(Add(FrameOf({PutOf(9, 1000 * kKiB)})), ElementsAre(9));
}

// Whoever asked is told something at once, rather than left to its deadline.
TEST_F(FrameQueueTest, ValueWithoutRoomBecomesARefusal) {
  for (uint64_t id = 1; id <= 5; ++id) (void)Add(FrameOf({}, {FoundOf(id, 1000 * kKiB)}));
  std::vector<node::ForwardReply> replies;
  while (auto frame = queue_.Take()) {
    for (auto& reply : frame->replies) replies.push_back(std::move(reply));
  }
  ASSERT_THAT(replies, SizeIs(5));
  EXPECT_TRUE(std::holds_alternative<node::Found>(replies[3].result));
  ASSERT_TRUE(std::holds_alternative<Refusal>(replies[4].result));
  EXPECT_EQ(std::get<Refusal>(replies[4].result).reason, Reason::kOverloaded);
}

// A refusal says that nothing was written: an applied write must never be answered with one.
TEST_F(FrameQueueTest, RepliesToWritesAlwaysHaveRoom) {
  for (uint64_t id = 1; id <= 4; ++id) (void)Add(FrameOf({}, {FoundOf(id, 1020 * kKiB)}));
  for (uint64_t id = 5; id <= 2000; ++id)
    (void)Add(FrameOf({}, {{.id = id, .result = node::Written{id}}}));
  uint64_t written = 0;
  while (const auto frame = queue_.Take()) {
    for (const auto& reply : frame->replies) {
      if (reply.id >= 5) written += std::holds_alternative<node::Written>(reply.result) ? 1 : 0;
    }
  }
  EXPECT_EQ(written, 1996U);
}

// Messages of consensus are made to be lost, and said again by the next beat.
TEST_F(FrameQueueTest, MessagesOfConsensusAreDroppedWhenThereIsNoRoom) {
  for (uint32_t group = 1; group <= 6; ++group) {
    EXPECT_THAT(Add(AppendOf(group, 1000 * kKiB)), IsEmpty());
  }
  EXPECT_THAT(TakeGroups(queue_), ElementsAre(1U, 2U, 3U, 4U));
  (void)Add(AppendOf(7, 1000 * kKiB));
  EXPECT_THAT(TakeGroups(queue_), ElementsAre(7U)) << "there is room again";
}

TEST_F(FrameQueueTest, MessagesOfConsensusCountLikeAllElse) {
  for (uint32_t group = 1; group <= 4; ++group) (void)Add(AppendOf(group, 1000 * kKiB));
  EXPECT_THAT(Add(FrameOf({PutOf(9, 1000 * kKiB)})), ElementsAre(9));
  (void)Add(FrameOf({}, {{.id = 1, .result = node::Written{1}}}));
  std::vector<uint64_t> replies;
  while (const auto frame = queue_.Take()) {
    for (const uint64_t id : IdsOf(*frame)) replies.push_back(id);
  }
  EXPECT_THAT(replies, ElementsAre(1));
}

TEST_F(FrameQueueTest, MessagesOfConsensusGoFirstAndInOrder) {
  (void)Add(FrameOf({PutOf(1, 10)}));
  for (uint32_t group = 1; group <= 3; ++group) (void)Add(AppendOf(group, 200 * kKiB));
  const auto first = queue_.Take();
  ASSERT_TRUE(first);
  EXPECT_THAT(first->raft, SizeIs(2));
  EXPECT_THAT(first->forwards, IsEmpty());
  const auto second = queue_.Take();
  ASSERT_TRUE(second);
  EXPECT_THAT(second->raft, SizeIs(1));
  EXPECT_THAT(second->forwards, SizeIs(1));
}

// One is underway per peer: dropping it would cost the follower its whole snapshot.
TEST_F(FrameQueueTest, ChunksOfSnapshotsAndTheirAnswersAlwaysHaveRoomAndGoLast) {
  for (uint64_t id = 1; id <= 5; ++id) (void)Add(FrameOf({PutOf(id, 1000 * kKiB)}));
  node::Frame frame;
  frame.chunks.emplace_back().bytes.assign(256 * kKiB, 'c');
  frame.chunk_acks.emplace_back();
  (void)Add(std::move(frame));
  std::optional<node::Frame> last;
  while (auto next = queue_.Take()) last = std::move(next);
  ASSERT_TRUE(last);
  EXPECT_THAT(last->chunk_acks, SizeIs(1));
  EXPECT_THAT(last->chunks, SizeIs(1));
}

TEST_F(FrameQueueTest, WhatIsSaidOfMembersGoesInTheNextFrame) {
  node::Frame frame;
  frame.membership = SomeMembership();
  (void)Add(BeatOf(1));
  (void)Add(std::move(frame));
  (void)Add(BeatOf(2));
  EXPECT_EQ(queue_.Take()->membership, SomeMembership());
}

TEST_F(FrameQueueTest, TakingMakesRoom) {
  for (uint64_t id = 1; id <= 4; ++id) (void)Add(FrameOf({PutOf(id, 1000 * kKiB)}));
  (void)queue_.Take();
  EXPECT_THAT(Add(FrameOf({PutOf(5, 1000 * kKiB)})), IsEmpty());
}

TEST_F(FrameQueueTest, SingleMessageAlwaysFits) {
  EXPECT_THAT(Add(FrameOf({PutOf(1, 5000 * kKiB)})), IsEmpty());
  EXPECT_THAT(Add(FrameOf({PutOf(2, 10)})), ElementsAre(2));
  EXPECT_THAT(IdsOf(*queue_.Take()), ElementsAre(1));
  EXPECT_THAT(Add(FrameOf({PutOf(3, 5000 * kKiB)})), IsEmpty());
}

TEST_F(FrameQueueTest, WordOfReplicasThatComeAndGoAlwaysHasRoom) {
  (void)queue_.Add(FrameOf({PutOf(1, 100 * kKiB)}));
  node::Frame frame;
  frame.membership.inquiries = {{GroupId{1}, ReplicaId{2}}};
  (void)queue_.Add(frame);
  frame.membership = {.removals = {{GroupId{1}, ReplicaId{2}, 3, 4}}};
  (void)queue_.Add(frame);
  const node::Membership all{.inquiries = {{GroupId{1}, ReplicaId{2}}},
                             .removals = {{GroupId{1}, ReplicaId{2}, 3, 4}}};
  EXPECT_EQ(queue_.Take()->membership, all);
  EXPECT_FALSE(queue_.Take().has_value());
}

TEST_F(FrameQueueTest, HeartbeatAlwaysHasRoom) {
  for (uint64_t id = 1; id <= 5; ++id) (void)Add(FrameOf({PutOf(id, 1000 * kKiB)}));
  (void)Add(BeatOf(3));
  EXPECT_EQ(queue_.Take()->heartbeat->load.keys, 3U);
}

}  // namespace
}  // namespace kvd::rpc
