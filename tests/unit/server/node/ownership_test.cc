// Who owns what, and when it changes hands without a failure: draining, return, and disks that are
// full or stand still. Three nodes; time is virtual.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OwnershipTest : public ::testing::Test {
 protected:
  // Puts and gets of keys of every partition at every node, one after the other in each partition,
  // while `duration` passes. Returns what did not succeed.
  std::vector<std::string> LoadFor(Duration duration) {
    std::vector<CallId> calls;
    const Instant until = world_.now() + duration;
    for (int i = 0; world_.now() < until; ++i) {
      for (const NodeId node : world_.nodes()) {
        const std::string key = world_.KeyOf(kN2, i % 8);
        calls.push_back(world_.Put(node, key, "v"));
        calls.push_back(world_.Get(node, key));
      }
      world_.Pass(5ms);
    }
    std::vector<std::string> failed;
    for (const CallId call : calls) {
      const std::string outcome = world_.InTime(call);
      if (!outcome.starts_with("written") && !outcome.starts_with("found")) {
        failed.push_back(outcome);
      }
    }
    return failed;
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(OwnershipTest, DrainingNodeHandsEverythingOverAtOnceWithNoFailedOperation) {
  EXPECT_FALSE(world_.at(kN2).HasHandedOver());
  world_.at(kN2).StartDraining(world_.now());
  EXPECT_THAT(LoadFor(200ms), testing::IsEmpty());
  EXPECT_TRUE(world_.at(kN2).HasHandedOver());
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  EXPECT_EQ(world_.CountServedBy(kN1) + world_.CountServedBy(kN3), 16U);
}

TEST_F(OwnershipTest, DrainingUnderLoadFailsNothing) {
  std::vector<CallId> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(world_.Increment(kN1, key_));
  world_.at(kN2).StartDraining(world_.now());
  for (int i = 0; i < 50; ++i) calls.push_back(world_.Increment(kN2, key_));
  for (const CallId call : calls) EXPECT_THAT(world_.InTime(call), StartsWith("incremented"));
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found \"100\""));
}

TEST_F(OwnershipTest, DrainingNodeGetsNothingBack) {
  world_.at(kN2).StartDraining(world_.now());
  world_.Pass(30s);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
}

TEST_F(OwnershipTest, LastNodeCanHandOverToNobodyAndSaysSo) {
  world_.Kill(kN2);
  world_.Kill(kN3);
  world_.Pass(100ms);
  world_.at(kN1).StartDraining(world_.now());
  EXPECT_TRUE(world_.at(kN1).HasHandedOver());
}

TEST_F(OwnershipTest, ReturnedNodeOwnsAgainOnlyAfterItsTimeOfHealth) {
  world_.Kill(kN2);
  world_.Pass(1s);
  world_.Restart(kN2);
  world_.Pass(9s);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  EXPECT_LE(world_.PassUntil([this] { return world_.IsServedAsWished(); }), Duration(3s));
}

TEST_F(OwnershipTest, HandingBackFailsNoOperation) {
  world_.Kill(kN2);
  world_.Pass(1s);
  world_.Restart(kN2);
  world_.Pass(9s);
  EXPECT_THAT(LoadFor(3s), testing::IsEmpty());
  EXPECT_TRUE(world_.IsServedAsWished());
}

TEST_F(OwnershipTest, NodeThatFailedAgainWaitsLonger) {
  for (int i = 0; i < 2; ++i) {
    world_.Kill(kN2);
    world_.Pass(1s);
    world_.Restart(kN2);
    world_.Pass(1s);
  }
  world_.Pass(15s);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  world_.Pass(7s);
  EXPECT_TRUE(world_.IsServedAsWished());
}

// Disks.

TEST_F(OwnershipTest, FullDiskGivesOwnershipAwayAndGetsItBackWhenThereIsRoom) {
  world_.SetDiskFull(kN2, true);
  world_.Pass(300ms);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  for (const NodeId node : world_.nodes()) {
    EXPECT_THAT(world_.OutcomeOf(world_.Put(node, key_, "v")), StartsWith("written"));
  }
  world_.SetDiskFull(kN2, false);
  EXPECT_LE(world_.PassUntil([this] { return world_.IsServedAsWished(); }), Duration(3s));
}

TEST_F(OwnershipTest, WhenEveryDiskIsFullDeletesAndReadsStillWork) {
  (void)world_.Put(kN1, key_, "v");
  for (const NodeId node : world_.nodes()) world_.SetDiskFull(node, true);
  world_.Pass(2s);
  EXPECT_EQ(world_.RefusalOf(world_.Put(kN1, key_, "w")).reason, Reason::kDiskFull);
  EXPECT_EQ(world_.RefusalOf(world_.Increment(kN1, key_)).reason, Reason::kDiskFull);
  EXPECT_THAT(world_.OutcomeOf(world_.Get(kN3, key_)), StartsWith("found \"v\""));
  EXPECT_THAT(world_.OutcomeOf(world_.Delete(kN1, key_)), StartsWith("written"));
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN3, key_)), "absent");
}

TEST_F(OwnershipTest, StalledDiskGivesOwnershipAwayAndSaysSo) {
  (void)world_.TakeLogOf(kN2);
  world_.HoldLog(kN2);
  (void)world_.Put(kN1, key_, "v");
  world_.Pass(450ms);
  EXPECT_GT(world_.CountServedBy(kN2), 0U) << "a slow write is no stall yet";
  world_.Pass(300ms);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  EXPECT_THAT(world_.TakeLogOf(kN2),
              Contains(Field(&LogLine::message, HasSubstr("the disk is stalled"))));
  for (const NodeId node : world_.nodes()) {
    EXPECT_THAT(world_.InTime(world_.Put(node, key_, "w")), StartsWith("written"));
  }
}

TEST_F(OwnershipTest, DiskThatWorksAgainWaitsBeforeItOwns) {
  world_.HoldLog(kN2);
  (void)world_.Put(kN1, key_, "v");
  world_.Pass(1s);
  world_.ReleaseLog(kN2);
  world_.Pass(8s);
  EXPECT_EQ(world_.CountServedBy(kN2), 0U);
  EXPECT_LE(world_.PassUntil([this] { return world_.IsServedAsWished(); }), Duration(5s));
}

TEST_F(OwnershipTest, StallIsSaidOnce) {
  (void)world_.TakeLogOf(kN2);
  world_.HoldLog(kN2);
  (void)world_.Put(kN1, key_, "v");
  world_.Pass(5s);
  int said = 0;
  for (const LogLine& line : world_.TakeLogOf(kN2)) {
    said += line.message.starts_with("the disk is stalled") ? 1 : 0;
  }
  EXPECT_EQ(said, 1);
}

}  // namespace
}  // namespace kvd::node
