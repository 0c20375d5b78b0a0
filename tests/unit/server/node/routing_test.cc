// Five nodes, three replicas: a node without a replica finds the owner by asking, and follows the
// hints it gets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::StartsWith;

class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    for (const NodeId node : world_.nodes()) {
      const auto is_there = [node](const auto& replica) { return replica.node == node; };
      if (std::ranges::none_of(order_, is_there)) outsider_ = node;
    }
    world_.SetFilter([this](World::Sent& sent) {
      if (sent.from != outsider_) return true;
      for (size_t i = 0; i < sent.frame.forwards.size(); ++i) asked_.push_back(sent.to);
      return true;
    });
  }

  World world_{5};
  const PartitionId partition_{3};
  const std::string key_ = world_.KeyIn(partition_);
  const std::vector<topology::Replica> order_ = world_.topology().ring[partition_.value];
  NodeId outsider_;
  std::vector<NodeId> asked_;  // By the outsider, in order.
};

TEST_F(RoutingTest, NodeWithoutReplicaAsksThePreferredOwner) {
  const CallId put = world_.Put(outsider_, key_, "v");
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
  EXPECT_THAT(asked_, ElementsAre(order_[0].node));
  EXPECT_EQ(world_.AnswerTo(put)->hops, 1U);
}

TEST_F(RoutingTest, HintOfWhoDoesNotOwnIsFollowedAndRemembered) {
  world_.at(order_[0].node).StartDraining(world_.now());
  world_.Pass(200ms);
  const auto owner = world_.ServerOf(partition_);
  ASSERT_TRUE(owner);
  ASSERT_NE(*owner, order_[0].node);
  const CallId put = world_.Put(outsider_, key_, "v");
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
  EXPECT_THAT(asked_, ElementsAre(order_[0].node, *owner));
  asked_.clear();
  EXPECT_THAT(world_.OutcomeOf(world_.Put(outsider_, key_, "w")), StartsWith("written"));
  EXPECT_THAT(asked_, ElementsAre(*owner));
  const auto ring = world_.at(outsider_).ViewRing(world_.now());
  EXPECT_EQ(ring->partitions[partition_.value].owner, owner->value - 1);
  EXPECT_GT(ring->partitions[partition_.value].term, 0U);
}

TEST_F(RoutingTest, WhenTheKnownOwnerDiesTheOthersAreAsked) {
  (void)world_.Increment(outsider_, key_);
  world_.Kill(order_[0].node);
  const CallId increment = world_.Increment(outsider_, key_);
  EXPECT_LE(world_.Await(increment), Duration(1s));
  EXPECT_EQ(world_.OutcomeOf(increment), "incremented to 2");
}

TEST_F(RoutingTest, WhenTheKnownOwnerFreezesTheOthersAreAsked) {
  (void)world_.Increment(outsider_, key_);
  world_.Freeze(order_[0].node);
  const CallId increment = world_.Increment(outsider_, key_);
  const CallId get = world_.Get(outsider_, key_);
  EXPECT_LE(world_.Await(increment), Duration(1s));
  EXPECT_EQ(world_.OutcomeOf(increment), "incremented to 2");
  EXPECT_THAT(world_.InTime(get), StartsWith("found"));
}

TEST_F(RoutingTest, OwnerThatCannotBeReachedFromHereIsWaitedForNotGivenUp) {
  world_.Cut(outsider_, order_[0].node);
  const CallId put = world_.Put(outsider_, key_, "v", 5s);
  world_.Pass(1s);
  world_.Heal();
  EXPECT_THAT(world_.InTime(put), StartsWith("written"));
}

TEST_F(RoutingTest, StaleReadIsAnsweredByAnyReplica) {
  (void)world_.Put(outsider_, key_, "v");
  world_.Pass(200ms);
  world_.Kill(order_[0].node);
  world_.Kill(order_[1].node);
  const CallId get = world_.Call(outsider_, {.key = key_, .action = Get{.stale = true}});
  EXPECT_THAT(world_.InTime(get), StartsWith("found \"v\""));
  EXPECT_EQ(world_.AnswerTo(get)->owner, world_.topology().Find(order_[2].node)->card.name);
}

// The node's own requests start with the youngest base it knows, which for a partition that it does
// not hold is none at all.
TEST_F(RoutingTest, ForgottenRecordsDoNotStopANodeThatKnowsNoBase) {
  constexpr uint64_t kMore = partition::Sessions::kMaxRecords + 10;
  for (uint64_t sequence = 1; sequence <= kMore; ++sequence) {
    const Operation increment{
        .key = key_,
        .action = Increment{.by = 1},
        .request_id = RequestId{.client = 9, .sequence = sequence, .base = sequence}};
    ASSERT_THAT(world_.OutcomeOf(world_.Call(order_[0].node, increment)), StartsWith("incr"));
  }
  EXPECT_EQ(world_.InTime(world_.Increment(outsider_, key_)),
            "incremented to " + std::to_string(kMore + 1));
}

}  // namespace
}  // namespace kvd::node
