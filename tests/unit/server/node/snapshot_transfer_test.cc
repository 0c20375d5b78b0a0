// A follower that was away for longer than the logs of the others reach back: n3, of a partition
// that n2 owns.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

class SnapshotTransferTest : public ::testing::Test {
 protected:
  [[nodiscard]] PartitionId partition() const { return world_.PartitionOfKey(key_); }

  void Write(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = world_.KeyIn(partition(), i);
      ASSERT_THAT(world_.InTime(world_.Put(kN2, key, std::string(200, 'v'))),
                  StartsWith("written"));
    }
  }

  // n3 is away while keys [0, 20) are written and the logs give up what wrote them.
  void MissMuch() {
    world_.Kill(kN3);
    Write(0, 20);
    for (const NodeId node : {kN1, kN2}) world_.Flush(node);
    Write(0, 1);
    for (const NodeId node : {kN1, kN2}) world_.Flush(node);
  }

  [[nodiscard]] bool IsCaughtUp() const {
    return world_.DigestOf(kN3, partition()) == world_.DigestOf(kN2, partition());
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(SnapshotTransferTest, FollowerThatMissedTooMuchGetsASnapshotInSeveralChunks) {
  MissMuch();
  int chunks = 0;
  world_.SetFilter([&chunks](World::Sent& sent) {
    chunks += static_cast<int>(sent.frame.chunks.size());
    return true;
  });
  world_.Restart(kN3);
  EXPECT_LE(world_.PassUntil([this] { return IsCaughtUp(); }), Duration(2s));
  EXPECT_GT(chunks, 3);
}

TEST_F(SnapshotTransferTest, FollowerGoesOnFromTheSnapshotAndCounts) {
  MissMuch();
  world_.Restart(kN3);
  (void)world_.PassUntil([this] { return IsCaughtUp(); });
  Write(20, 25);
  world_.Kill(kN1);
  Write(25, 30);
  world_.Pass(1s);
  EXPECT_TRUE(IsCaughtUp());
}

TEST_F(SnapshotTransferTest, WhatASnapshotBroughtSurvivesARestart) {
  MissMuch();
  world_.Restart(kN3);
  (void)world_.PassUntil([this] { return IsCaughtUp(); });
  Write(20, 25);
  world_.Restart(kN3);
  EXPECT_LE(world_.PassUntil([this] { return IsCaughtUp(); }), Duration(3s));
}

TEST_F(SnapshotTransferTest, LostChunkIsSentAgainInTheEnd) {
  MissMuch();
  int left = 1;
  world_.SetFilter([&left](World::Sent& sent) {
    if (!sent.frame.chunks.empty() && left-- > 0) sent.frame.chunks.clear();
    return true;
  });
  world_.Restart(kN3);
  EXPECT_LE(world_.PassUntil([this] { return IsCaughtUp(); }), Duration(30s));
}

TEST_F(SnapshotTransferTest, SenderThatDiesIsReplaced) {
  MissMuch();
  world_.SetFilter([](World::Sent& sent) {
    if (sent.from == kN3) sent.frame.chunk_acks.clear();
    return true;
  });
  world_.Restart(kN3);
  world_.Pass(100ms);
  EXPECT_FALSE(IsCaughtUp());
  world_.SetFilter({});
  world_.Kill(kN2);
  (void)world_.PassUntil(
      [this] { return world_.DigestOf(kN3, partition()) == world_.DigestOf(kN1, partition()); });
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found"));
}

TEST_F(SnapshotTransferTest, WritesGoOnMeanwhile) {
  MissMuch();
  world_.SetFilter([](World::Sent& sent) {
    if (sent.from == kN3) sent.frame.chunk_acks.clear();
    return true;
  });
  world_.Restart(kN3);
  Write(20, 30);
  world_.SetFilter({});
  (void)world_.PassUntil([this] { return IsCaughtUp(); });
}

}  // namespace
}  // namespace kvd::node
