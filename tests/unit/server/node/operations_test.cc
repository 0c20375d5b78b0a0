// One node that owns everything: what it admits, when it answers, and what it answers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::Pair;
using ::testing::StartsWith;

class OperationsTest : public ::testing::Test {
 protected:
  World world_{1};
};

TEST_F(OperationsTest, PutIsReadBack) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", "1"));
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), FoundAt("1", version));
}

TEST_F(OperationsTest, OverwritingRaisesTheVersion) {
  const Version first = world_.VersionOf(world_.Put(kN1, "a", "1"));
  const Version second = world_.VersionOf(world_.Put(kN1, "a", "2"));
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), FoundAt("2", second));
}

TEST_F(OperationsTest, DeletedKeyIsAbsent) {
  const Version put = world_.VersionOf(world_.Put(kN1, "a", "1"));
  EXPECT_EQ(world_.VersionOf(world_.Delete(kN1, "a")), put + 1);
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), "absent");
}

TEST_F(OperationsTest, AbsentIsAnAnswer) {
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), "absent");
  EXPECT_EQ(world_.OutcomeOf(world_.Delete(kN1, "a")), "absent");
}

TEST_F(OperationsTest, EmptyValueIsAValue) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", ""));
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), FoundAt("", version));
}

TEST_F(OperationsTest, AnswerSaysWhoServedIt) {
  const Answer& answer = *world_.AnswerTo(world_.Put(kN1, "a", "1"));
  EXPECT_EQ(answer.owner, "n1");
  EXPECT_EQ(answer.hops, 0U);
}

TEST_F(OperationsTest, WriteIsAnsweredOnlyWhenDurableAndApplied) {
  world_.HoldLog(kN1);
  world_.HoldApplier(kN1);
  const CallId put = world_.Put(kN1, "a", "1");
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
  EXPECT_FALSE(world_.at(kN1).IsIdle());
  world_.ReleaseLog(kN1);
  EXPECT_THAT(world_.AnswerTo(put), IsNull()) << "durable, not applied";
  world_.ReleaseApplier(kN1);
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written "));
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

TEST_F(OperationsTest, WritesOfOneMomentAreOneBatchPerGroup) {
  Node& node = world_.at(kN1);
  (void)node.TakeEffects();
  const Operation put{.key = "a", .action = Put{.value = "1"}};
  for (uint64_t call = 100; call < 103; ++call) {
    node.OnCall(CallId{call}, put, std::nullopt, world_.now());
  }
  const Effects effects = node.TakeEffects();
  ASSERT_EQ(effects.appends.size(), 1U);
  EXPECT_EQ(effects.appends[0].write.entries.size(), 3U);
}

TEST_F(OperationsTest, AcknowledgedWritesSurviveARestart) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", "1"));
  (void)world_.Put(kN1, "b", "2");
  (void)world_.Delete(kN1, "b");
  world_.Restart(kN1);
  EXPECT_EQ(world_.InTime(world_.Get(kN1, "a")), FoundAt("1", version));
  EXPECT_EQ(world_.InTime(world_.Get(kN1, "b")), "absent");
}

TEST_F(OperationsTest, VersionsGoOnAfterARestart) {
  const Version before = world_.VersionOf(world_.Put(kN1, "a", "1"));
  world_.Restart(kN1);
  const CallId put = world_.Put(kN1, "a", "2");
  (void)world_.Await(put);
  EXPECT_GT(world_.VersionOf(put), before);
}

TEST_F(OperationsTest, DamagedValueIsRefusedNotAbsent) {
  (void)world_.Put(kN1, "a", "1");
  const PartitionId partition = world_.AnswerTo(world_.Get(kN1, "a"))->partition;
  world_.store(kN1).DamageValue(partition, 1, "a");
  EXPECT_EQ(world_.RefusalOf(world_.Get(kN1, "a")).reason, Reason::kDataDamaged);
}

// Deadlines.

TEST_F(OperationsTest, WriteWithoutAnswerInTimeIsUnknown) {
  world_.HoldDisk(kN1);
  const CallId put = world_.Put(kN1, "a", "1", 300ms);
  world_.Pass(270ms);
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
  world_.Pass(30ms);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(world_.RefusalOf(put).message,
            "no answer from n1 within 300 ms; the write may or may not be applied");
}

TEST_F(OperationsTest, WriteOfUnknownOutcomeIsStillAppliedAndAnsweredOnce) {
  world_.HoldDisk(kN1);
  const CallId put = world_.Put(kN1, "a", "1", 300ms);
  world_.Pass(300ms);
  ASSERT_THAT(world_.AnswerTo(put), NotNull());
  EXPECT_FALSE(world_.at(kN1).IsIdle()) << "the disk is still at it";
  world_.ReleaseDisk(kN1);
  EXPECT_TRUE(world_.at(kN1).IsIdle());
  EXPECT_THAT(world_.OutcomeOf(world_.Get(kN1, "a")), StartsWith("found \"1\""));
}

TEST_F(OperationsTest, ReadWithoutAnswerInTimeIsRefused) {
  world_.HoldDisk(kN1);
  const CallId get = world_.Get(kN1, "a");
  world_.Pass(2s);  // request_default: the call gave no deadline.
  EXPECT_EQ(world_.RefusalOf(get).reason, Reason::kNoMajority);
  EXPECT_THAT(world_.RefusalOf(get).message, HasSubstr("not read"));
}

TEST_F(OperationsTest, DeadlineIsClampedToTheLargestAllowed) {
  world_.HoldDisk(kN1);
  const CallId put = world_.Put(kN1, "a", "1", 1h);
  world_.Pass(30s);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
}

TEST_F(OperationsTest, WhatTheSystemGroupsLeaderAsksForRunsOutOfTimeAsWell) {
  world_.HoldDisk(kN1);
  world_.Pass(30s);
  world_.ReleaseDisk(kN1);
  const CallId put = world_.Put(kN1, "a", "1");
  world_.Pass(1s);
  EXPECT_TRUE(std::holds_alternative<Written>(world_.ResultOf(put)));
}

// Limits.

TEST_F(OperationsTest, EmptyKeyIsRefused) {
  const Refusal& refusal = world_.RefusalOf(world_.Put(kN1, "", "1"));
  EXPECT_EQ(refusal.reason, Reason::kBadRequest);
  EXPECT_EQ(refusal.message, "key is empty; a key has 1 byte to 4 KiB");
}

TEST_F(OperationsTest, LargestKeyIsTakenAndOneByteMoreIsNot) {
  EXPECT_THAT(world_.OutcomeOf(world_.Put(kN1, std::string(4096, 'k'), "1")),
              StartsWith("written"));
  const Refusal& refusal = world_.RefusalOf(world_.Get(kN1, std::string(4097, 'k')));
  EXPECT_EQ(refusal.reason, Reason::kKeyTooLarge);
  EXPECT_THAT(refusal.message, HasSubstr("the limit is 4 KiB (limits.max_key_bytes)"));
  EXPECT_THAT(refusal.metadata, Contains(Pair("limit", "4096")));
}

TEST_F(OperationsTest, LargestValueIsTakenAndOneByteMoreIsNot) {
  EXPECT_THAT(world_.OutcomeOf(world_.Put(kN1, "a", std::string(1U << 20U, 'v'))),
              StartsWith("written"));
  const Refusal& refusal =
      world_.RefusalOf(world_.Put(kN1, "a", std::string((1U << 20U) + 1, 'v')));
  EXPECT_EQ(refusal.reason, Reason::kValueTooLarge);
  EXPECT_THAT(refusal.message, HasSubstr("the limit is 1 MiB (limits.max_value_bytes)"));
}

TEST_F(OperationsTest, LimitsMayChangeWhileRunning) {
  world_.at(kN1).SetLimits({.max_value_bytes = 3});
  EXPECT_EQ(world_.RefusalOf(world_.Put(kN1, "a", "1234")).reason, Reason::kValueTooLarge);
  EXPECT_THAT(world_.OutcomeOf(world_.Put(kN1, "a", "123")), StartsWith("written"));
}

TEST(OverloadTest, TooMuchUnderwayIsRefusedWithADelayAndFreedWhenDone) {
  World world(1, {.max_inflight_bytes = 3000});
  world.HoldDisk(kN1);
  const CallId first = world.Put(kN1, "a", std::string(1000, 'v'));
  const Refusal& refusal = world.RefusalOf(world.Put(kN1, "b", std::string(1000, 'v')));
  EXPECT_EQ(refusal.reason, Reason::kOverloaded);
  EXPECT_EQ(refusal.retry_after, Duration(50ms));
  EXPECT_THAT(refusal.message, HasSubstr("limits.max_inflight_bytes"));
  world.ReleaseDisk(kN1);
  ASSERT_THAT(world.AnswerTo(first), NotNull());
  EXPECT_THAT(world.OutcomeOf(world.Put(kN1, "b", std::string(1000, 'v'))), StartsWith("written"));
}

TEST(OverloadTest, OperationLargerThanTheLimitPassesAlone) {
  World world(1, {.max_inflight_bytes = 500});
  EXPECT_THAT(world.OutcomeOf(world.Put(kN1, "a", std::string(1000, 'v'))), StartsWith("written"));
}

// What expired still holds memory until the disk is done with it.
TEST(OverloadTest, UnansweredDiskWorkStaysCounted) {
  World world(1, {.max_inflight_bytes = 3000});
  world.HoldDisk(kN1);
  const CallId first = world.Put(kN1, "a", std::string(1000, 'v'), 100ms);
  world.Pass(200ms);
  ASSERT_THAT(world.AnswerTo(first), NotNull());
  EXPECT_EQ(world.RefusalOf(world.Put(kN1, "b", std::string(1000, 'v'))).reason,
            Reason::kOverloaded);
}

TEST_F(OperationsTest, FullDiskRefusesPutsAndAllowsDeletesAndReads) {
  const Version version = world_.VersionOf(world_.Put(kN1, "a", "1"));
  world_.SetDiskFull(kN1, true);
  const Refusal& refusal = world_.RefusalOf(world_.Put(kN1, "b", "2"));
  EXPECT_EQ(refusal.reason, Reason::kDiskFull);
  EXPECT_THAT(refusal.message, HasSubstr("the disk of n1 is full (storage.min_free)"));
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, "a")), FoundAt("1", version));
  EXPECT_THAT(world_.OutcomeOf(world_.Delete(kN1, "a")), StartsWith("written"));
  world_.SetDiskFull(kN1, false);
  EXPECT_THAT(world_.OutcomeOf(world_.Put(kN1, "a", "2")), StartsWith("written"));
}

TEST_F(OperationsTest, FullDiskIsLoggedWhenItChanges) {
  for (int i = 0; i < 3; ++i) world_.SetDiskFull(kN1, true);
  for (int i = 0; i < 3; ++i) world_.SetDiskFull(kN1, false);
  const auto lines = world_.TakeLogOf(kN1);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].level, LogLevel::kError);
  EXPECT_EQ(lines[1].message, "disk has room again, puts are accepted");
}

TEST_F(OperationsTest, StoppingNodeFinishesWhatItHasAndRefusesWhatComes) {
  world_.HoldDisk(kN1);
  const CallId before = world_.Put(kN1, "a", "1");
  world_.at(kN1).StartDraining(world_.now());
  const CallId draining = world_.Put(kN1, "a", "2");
  world_.at(kN1).StopAccepting();
  EXPECT_EQ(world_.RefusalOf(world_.Get(kN1, "a")).reason, Reason::kNodeDraining);
  world_.ReleaseDisk(kN1);
  EXPECT_THAT(world_.OutcomeOf(before), StartsWith("written"));
  EXPECT_EQ(world_.VersionOf(draining), world_.VersionOf(before) + 1);
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

}  // namespace
}  // namespace kvd::node
