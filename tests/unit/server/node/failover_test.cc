// Three nodes, and the owner of a key, n2, is lost in some way: what callers at the others, and at
// n2, come to see. Time is virtual.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::StartsWith;

class FailoverTest : public ::testing::Test {
 protected:
  // A put and a get of a key of n2 at each of the others, each within a second.
  void ExpectServedWithoutN2() {
    for (const NodeId node : {kN1, kN3}) {
      const std::string key = world_.KeyOf(kN2, static_cast<int>(node.value));
      const CallId put = world_.Put(node, key, "v");
      EXPECT_LE(world_.Await(put), Duration(1s));
      const Version version = world_.VersionOf(put);
      const CallId get = world_.Get(node, key);
      EXPECT_LE(world_.Await(get), Duration(1s));
      EXPECT_EQ(world_.OutcomeOf(get), FoundAt("v", version));
    }
  }

  // Replies of n2 are lost from now on.
  void LoseRepliesOfN2() {
    world_.SetFilter([](World::Sent& sent) {
      if (sent.from == kN2) sent.frame.replies.clear();
      return true;
    });
  }

  [[nodiscard]] std::optional<NodeId> Owner() const {
    return world_.ServerOf(world_.PartitionOfKey(key_));
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(FailoverTest, KilledOwnerIsReplacedAtOnce) {
  world_.Kill(kN2);
  ExpectServedWithoutN2();
}

// It is back before anyone suspected it: its followers have just heard a leader, and there is none.
TEST_F(FailoverTest, OwnerThatRestartsInNoTimeIsNotWaitedFor) {
  world_.Restart(kN2);
  ExpectServedWithoutN2();
  const auto all_served = [this] {
    return world_.CountServedBy(kN1) + world_.CountServedBy(kN2) + world_.CountServedBy(kN3) == 16;
  };
  EXPECT_LE(world_.PassUntil(all_served), Duration(300ms));
}

TEST_F(FailoverTest, FrozenOwnerIsReplacedWithinASecond) {
  world_.Freeze(kN2);
  ExpectServedWithoutN2();
}

TEST_F(FailoverTest, UnreachableOwnerIsReplacedWithinASecond) {
  world_.Isolate(kN2);
  ExpectServedWithoutN2();
}

TEST_F(FailoverTest, EveryPartitionHasAnOwnerAgainSoonAfterAKill) {
  world_.Kill(kN2);
  const auto all_served = [this] {
    return world_.CountServedBy(kN1) + world_.CountServedBy(kN3) == 16;
  };
  EXPECT_LE(world_.PassUntil(all_served), Duration(200ms));
}

TEST_F(FailoverTest, NextInRingOrderTakesOver) {
  world_.Kill(kN2);
  world_.Pass(500ms);
  for (uint32_t p = 0; p < 16; ++p) {
    const auto& order = world_.topology().ring[p];
    const NodeId expected = order[0].node == kN2 ? order[1].node : order[0].node;
    EXPECT_EQ(world_.ServerOf(PartitionId{p}), expected) << "partition " << p;
  }
}

TEST_F(FailoverTest, AcknowledgedWritesSurviveTheOwner) {
  std::map<std::string, Version> versions;
  for (int i = 0; i < 20; ++i) {
    const std::string key = world_.KeyOf(kN2, i);
    versions[key] = world_.VersionOf(world_.Put(kN1, key, key));
  }
  world_.Kill(kN2);
  for (const auto& [key, version] : versions) {
    EXPECT_EQ(world_.InTime(world_.Get(kN3, key)), FoundAt(key, version));
  }
}

// n2 commits, applies and replies; the reply is lost with n2. n1 tries again under its own id.
TEST_F(FailoverTest, WriteWhoseOwnerDiedAfterTheCommitIsAppliedOnce) {
  LoseRepliesOfN2();
  const CallId increment = world_.Increment(kN1, key_);
  EXPECT_THAT(world_.AnswerTo(increment), IsNull());
  world_.Kill(kN2);
  EXPECT_LE(world_.Await(increment), Duration(1s));
  EXPECT_EQ(world_.OutcomeOf(increment), "incremented to 1");
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found \"1\""));
}

TEST_F(FailoverTest, RetryOfAConditionalPutThatSucceededSucceeds) {
  LoseRepliesOfN2();
  const CallId put = world_.Call(kN1, {.key = key_, .action = Put{.value = "v", .if_version = 0}});
  world_.Kill(kN2);
  (void)world_.Await(put);
  const Version version = world_.VersionOf(put);
  EXPECT_EQ(world_.InTime(world_.Get(kN3, key_)), FoundAt("v", version));
}

TEST_F(FailoverTest, RetryOfWhatWroteNothingSaysSoAgain) {
  const Version version = world_.VersionOf(world_.Put(kN1, key_, "v"));
  const std::string absent = world_.KeyIn(world_.PartitionOfKey(key_), 7);
  LoseRepliesOfN2();
  const CallId put = world_.Call(kN1, {.key = key_, .action = Put{.value = "w", .if_version = 0}});
  const CallId del = world_.Delete(kN1, absent);
  const CallId increment = world_.Increment(kN1, key_);
  world_.Kill(kN2);
  EXPECT_EQ(world_.InTime(put), "mismatch at " + std::to_string(version));
  EXPECT_EQ(world_.InTime(del), "absent");
  EXPECT_THAT(world_.InTime(increment), StartsWith("BAD_REQUEST: the value is not a decimal"));
}

TEST_F(FailoverTest, ReadWhoseOwnerIsLostIsAskedElsewhere) {
  const Version version = world_.VersionOf(world_.Put(kN1, key_, "v"));
  LoseRepliesOfN2();
  const CallId get = world_.Get(kN1, key_);
  EXPECT_THAT(world_.AnswerTo(get), IsNull());
  world_.Kill(kN2);
  EXPECT_EQ(world_.InTime(get), FoundAt("v", version));
}

// n2 takes three writes that it cannot commit. Another owner begins its term with one entry, and
// nothing more: what n2 had proposed behind it must not wait for more to come.
TEST_F(FailoverTest, DeposedOwnersWritesAreTriedAgainAndAppliedOnce) {
  world_.Isolate(kN2);
  std::vector<CallId> increments;
  for (int i = 0; i < 3; ++i) increments.push_back(world_.Increment(kN2, key_));
  (void)world_.PassUntil([this] { return Owner() && Owner() != kN2; });
  world_.Heal();
  for (size_t i = 0; i < increments.size(); ++i) {
    EXPECT_THAT(world_.InTime(increments[i]), StartsWith("incremented to ")) << i;
  }
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found \"3\""));
  EXPECT_TRUE(world_.at(kN2).IsIdle());
}

// The same, but the deposed owner is a process that stood still.
TEST_F(FailoverTest, FrozenOwnersWritesAreTriedAgainAndAppliedOnce) {
  world_.HoldNetwork();
  std::vector<CallId> increments;
  for (int i = 0; i < 3; ++i) increments.push_back(world_.Increment(kN2, key_));
  world_.sent().clear();
  world_.Freeze(kN2);
  world_.ReleaseNetwork();
  (void)world_.PassUntil([this] { return Owner() && Owner() != kN2; });
  world_.Thaw(kN2);
  for (const CallId increment : increments) {
    EXPECT_THAT(world_.InTime(increment), StartsWith("incremented to "));
  }
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found \"3\""));
}

TEST_F(FailoverTest, DeposedOwnersWritesThatNobodyWaitsForAreForgotten) {
  world_.Isolate(kN2);
  for (int i = 0; i < 3; ++i) (void)world_.Increment(kN2, key_, 1, 100ms);
  (void)world_.PassUntil([this] { return Owner() && Owner() != kN2; });
  EXPECT_FALSE(world_.at(kN2).IsIdle()) << "they hold memory while they may still be applied";
  world_.Heal();
  world_.Pass(1s);
  EXPECT_TRUE(world_.at(kN2).IsIdle());
  EXPECT_EQ(world_.InTime(world_.Get(kN3, key_)), "absent");
}

// Unknown is said only of what may be applied.

TEST_F(FailoverTest, WriteThatAnUnreachableOwnerMayHoldIsUnknownWhenItsTimeIsUp) {
  world_.Isolate(kN2);
  const CallId at_n2 = world_.Put(kN2, key_, "1", 100ms);
  const CallId at_n1 = world_.Put(kN1, key_, "2", 100ms);
  world_.Pass(100ms);
  EXPECT_EQ(
      world_.OutcomeOf(at_n2),
      "OUTCOME_UNKNOWN: no answer from n2 within 100 ms; the write may or may not be applied");
  EXPECT_EQ(
      world_.OutcomeOf(at_n1),
      "OUTCOME_UNKNOWN: no answer from n2 within 100 ms; the write may or may not be applied");
}

TEST_F(FailoverTest, WriteThatNobodyWasGivenIsRefusedNotUnknown) {
  world_.Kill(kN2);
  world_.Kill(kN3);
  const CallId put = world_.Put(kN1, key_, "1", 100ms);
  world_.Pass(100ms);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kNoMajority);
}

TEST_F(FailoverTest, ReadIsNeverUnknown) {
  world_.Isolate(kN2);
  const CallId at_n2 = world_.Get(kN2, key_);
  const CallId at_n1 = world_.Call(kN1, {.key = key_, .action = Get{}}, 100ms);
  world_.Pass(3s);
  ASSERT_THAT(world_.AnswerTo(at_n2), NotNull());
  EXPECT_EQ(world_.RefusalOf(at_n2).reason, Reason::kNoMajority);
  EXPECT_EQ(world_.RefusalOf(at_n1).reason, Reason::kNoMajority);
}

// Counters stay exact while owners come and go under load.
TEST(FailoverUnderLoadTest, EveryIncrementIsAppliedOnce) {
  constexpr int kKeys = 5;
  World world(3);
  std::vector<CallId> calls;
  const auto load = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      for (const NodeId node : world.nodes()) {
        calls.push_back(world.Increment(node, world.KeyOf(kN2, i % kKeys), 1, 10s));
      }
      world.Pass(20ms);
    }
  };
  load(10);
  world.Freeze(kN2);
  load(40);
  world.Thaw(kN2);
  load(20);
  world.Isolate(kN1);
  load(40);
  world.Heal();
  load(20);
  for (const CallId call : calls) EXPECT_THAT(world.InTime(call), StartsWith("incremented to"));
  uint64_t sum = 0;
  for (int i = 0; i < kKeys; ++i) {
    const CallId get = world.Get(kN3, world.KeyOf(kN2, i));
    (void)world.Await(get);
    sum += std::stoull(std::get<Found>(world.ResultOf(get)).value);
  }
  EXPECT_EQ(sum, calls.size());
  world.Pass(1s);
  for (uint32_t p = 0; p < 16; ++p) {
    EXPECT_EQ(world.DigestOf(kN1, PartitionId{p}), world.DigestOf(kN2, PartitionId{p}));
    EXPECT_EQ(world.DigestOf(kN1, PartitionId{p}), world.DigestOf(kN3, PartitionId{p}));
  }
}

}  // namespace
}  // namespace kvd::node
