// Who comes back with an older disk, or with a copy of one, is not listened to, and stops.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;

class BootsTest : public ::testing::Test {
 protected:
  [[nodiscard]] NodeState StateOfN3() {
    return world_.at(kN1).ViewCluster(world_.now()).nodes[2].state;
  }

  World world_{3};
};

TEST_F(BootsTest, ARestartIsNotRefused) {
  world_.Restart(kN3);
  world_.Pass(1s);
  EXPECT_EQ(world_.CondemnedOf(kN3), std::nullopt);
  EXPECT_EQ(StateOfN3(), NodeState::kUp);
}

TEST_F(BootsTest, ARolledBackDiskIsToldWhoHeardWhat) {
  world_.Restart(kN3);
  world_.Pass(1s);
  world_.Kill(kN3);
  world_.RollBack(kN3, 2);
  world_.Restart(kN3);
  EXPECT_THAT(world_.CondemnedOf(kN3),
              Optional(AllOf(HasSubstr("the disk of n3 is older than what n3 has said"),
                             HasSubstr("heard it under boot 3, this is boot 2"),
                             HasSubstr("empty data directory"))));
}

TEST_F(BootsTest, ACopyStartedBesideTheOriginalIsTold) {
  world_.Kill(kN3);
  world_.RollBack(kN3, 1);
  world_.Restart(kN3);
  EXPECT_THAT(world_.CondemnedOf(kN3),
              Optional(HasSubstr("under boot 2, this is boot 2 of another process")));
}

TEST_F(BootsTest, NothingThatAnOlderDiskSaysCounts) {
  world_.Kill(kN3);
  world_.RollBack(kN3, 1);
  world_.Restart(kN3);
  world_.Pass(3s);
  EXPECT_EQ(StateOfN3(), NodeState::kDown) << "not even its heartbeats";
  EXPECT_EQ(world_.OutcomeOf(world_.Put(kN1, world_.KeyOf(kN1), "1")).substr(0, 7), "written");
}

TEST_F(BootsTest, WhatWasHeardIsRememberedAcrossARestart) {
  world_.Kill(kN3);
  world_.Restart(kN1);
  world_.Restart(kN2);
  world_.RollBack(kN3, 1);
  world_.Restart(kN3);
  EXPECT_NE(world_.CondemnedOf(kN3), std::nullopt);
}

TEST_F(BootsTest, FramesWaitUntilTheirBootIsOnTheDisk) {
  world_.Kill(kN2);
  world_.HoldLog(kN1);
  world_.Restart(kN3);
  world_.Pass(2s);
  EXPECT_NE(StateOfN3(), NodeState::kUp) << "n1 has not heard it yet";
  world_.ReleaseLog(kN1);
  world_.Pass(1s);
  EXPECT_EQ(StateOfN3(), NodeState::kUp);
}

TEST_F(BootsTest, WhoSaysThatAnOlderBootSupersedesIsNotBelieved) {
  Frame frame;
  frame.membership.superseded_by = topology::Boot{.counter = 1, .nonce = 9};
  world_.Deliver(kN2, kN1, std::move(frame));
  EXPECT_EQ(world_.CondemnedOf(kN1), std::nullopt);
}

}  // namespace
}  // namespace kvd::node
