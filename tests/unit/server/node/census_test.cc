// Which replicas may come to a node: partition 4, group 5, seen through a node's census.

#include "server/node/census.h"

#include <gtest/gtest.h>

namespace kvd::node {
namespace {

constexpr PartitionId kP4{4};
constexpr GroupId kGroup = GroupOf(kP4);
const raft::Configuration kInitial{
    .voters = {{ReplicaId{1}, NodeId{1}}}, .outgoing = {}, .learners = {}};

Create Make(uint64_t id) {
  return {.group = kGroup, .replica = ReplicaId{id}, .initial = kInitial};
}

NotHere Answer(uint64_t id, bool gone) {
  return {.group = kGroup, .replica = ReplicaId{id}, .gone = gone};
}

class CensusTest : public ::testing::Test {
 protected:
  void Come(uint64_t id) {
    const auto write = census_.Begin(Make(id));
    ASSERT_TRUE(write.has_value());
    ASSERT_TRUE(census_.OnDurable(kGroup, write->number).created.has_value());
  }
  void Go() {
    ASSERT_TRUE(census_.OnDurable(kGroup, census_.End(kP4).number).removed);
    census_.OnDropped(kP4);
  }
  [[nodiscard]] std::optional<NotHere> AnswerFor(uint64_t id) const {
    return census_.AnswerFor(kGroup, ReplicaId{id});
  }

  Census census_;
};

TEST_F(CensusTest, WhatNeverWasIsNotHereAndMayCome) {
  EXPECT_EQ(AnswerFor(7), Answer(7, false));
  const auto write = census_.Begin(Make(7));
  ASSERT_TRUE(write.has_value());
  EXPECT_EQ(write->write.group, kGroup);
  EXPECT_EQ(write->write.create->id, ReplicaId{7});
  EXPECT_EQ(write->write.create->initial, raft::EncodeConfiguration(kInitial));
}

TEST_F(CensusTest, WhatIsComingAnswersByItselfOnceItIsDurable) {
  const auto write = census_.Begin(Make(7));
  EXPECT_EQ(AnswerFor(7), std::nullopt);
  EXPECT_FALSE(census_.Begin(Make(7)).has_value());
  EXPECT_EQ(census_.OnDurable(kGroup, write->number).created, Make(7));
  EXPECT_EQ(census_.OnDurable(kGroup, 1).created, std::nullopt) << "it comes once";
}

TEST_F(CensusTest, ARemovedIdIsGoneAndSoAreThoseBelow) {
  Come(7);
  Go();
  for (const uint64_t id : {1U, 6U, 7U}) {
    EXPECT_EQ(AnswerFor(id), Answer(id, true)) << id;
    EXPECT_FALSE(census_.Begin(Make(id)).has_value()) << id;
  }
  EXPECT_EQ(AnswerFor(8), Answer(8, false));
  Come(8);
}

TEST_F(CensusTest, AnOlderIdThanTheOneHereIsGone) {
  Come(7);
  EXPECT_EQ(AnswerFor(6), Answer(6, true));
  EXPECT_EQ(AnswerFor(8), Answer(8, false));
}

TEST_F(CensusTest, TheNextOneWaitsUntilTheOneBeforeIsRemovedWithItsData) {
  Come(7);
  EXPECT_FALSE(census_.Begin(Make(8)).has_value());
  const raft::Write end = census_.End(kP4);
  EXPECT_EQ(end.write.remove, ReplicaId{7});
  EXPECT_FALSE(census_.Begin(Make(8)).has_value());
  EXPECT_FALSE(census_.OnDurable(kGroup, 3).removed) << "an earlier write of the replica's own";
  EXPECT_TRUE(census_.OnDurable(kGroup, end.number).removed);
  EXPECT_FALSE(census_.Begin(Make(8)).has_value()) << "its data is still there";
  EXPECT_EQ(AnswerFor(7), Answer(7, true));
  census_.OnDropped(kP4);
  EXPECT_TRUE(census_.Begin(Make(8)).has_value());
}

TEST_F(CensusTest, WhatStartUpFoundHolds) {
  census_.FoundTombstone(kP4, ReplicaId{6});
  EXPECT_EQ(AnswerFor(6), Answer(6, true));
  EXPECT_FALSE(census_.Begin(Make(6)).has_value());
  census_.Found(kP4, ReplicaId{9});
  EXPECT_FALSE(census_.Begin(Make(10)).has_value());
  EXPECT_EQ(census_.End(kP4).write.remove, ReplicaId{9});
}

}  // namespace
}  // namespace kvd::node
