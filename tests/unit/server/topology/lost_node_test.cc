// A cluster was recovered without n2, which comes back with its old disk: it knows the cluster that
// was, and the others know that they go on without it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/topology/founding.h"
#include "server/topology/salvage.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Founding::Options OptionsOf(uint8_t number, const Topology& topology) {
  Founding::Options options;
  options.self = CardOf(number);
  options.terms = TermsOf(3);
  options.topology = topology;
  options.binding = {.cluster_id = topology.cluster_id, .founder = {}};
  return options;
}

class LostNodeTest : public ::testing::Test {
 protected:
  // What n1 says to n2.
  HelloResponse Greet() {
    lost_.Advance(Instant{} + std::chrono::seconds(1));
    for (const auto& greeting : lost_.TakeEffects().greetings) {
      if (greeting.name == "n1") survivor_.OnHello(HelloId{1}, greeting.request);
    }
    const FoundingEffects effects = survivor_.TakeEffects();
    EXPECT_THAT(effects.answers, SizeIs(1));
    return effects.answers.front().response;
  }

  const Topology before_ = FoundedBy(3);
  const Topology after_ = PlanSalvage(before_, {NodeId{1}}, {}).topology;
  Founding survivor_{OptionsOf(1, after_)};
  Founding lost_{OptionsOf(2, before_)};
};

TEST_F(LostNodeTest, IsToldThatItWasRemovedThoughTheClusterHasAnotherId) {
  const HelloResponse answer = Greet();
  ASSERT_TRUE(answer.refused);
  EXPECT_EQ(answer.refused->reason, Reason::kNodeRemoved);
  EXPECT_THAT(answer.refused->message, HasSubstr("n2 was removed at epoch"));
}

TEST_F(LostNodeTest, TakesTheWordOfTheClusterThatRemovedIt) {
  lost_.OnHelloAnswer("n1", Greet());
  const auto newer = lost_.TakeEffects().newer;
  ASSERT_TRUE(newer.has_value());
  EXPECT_EQ(*newer, after_);
}

TEST_F(LostNodeTest, TakesNobodysWordWhoDoesNotNameIt) {
  HelloResponse answer = Greet();
  Topology stranger = after_;
  stranger.removed.clear();
  answer.topology = EncodeTopology(stranger);
  lost_.OnHelloAnswer("n1", answer);
  EXPECT_FALSE(lost_.TakeEffects().newer.has_value());
}

// A survivor's directory as it was before, started by mistake.
TEST_F(LostNodeTest, ASurvivorOfBeforeIsOfAnotherCluster) {
  const Founding::Options options = OptionsOf(1, before_);
  HelloRequest request;
  request.envelope.cluster_id = before_.cluster_id;
  request.envelope.from = options.self.uuid;
  request.from = options.self;
  request.terms = options.terms;
  survivor_.OnHello(HelloId{1}, request);
  const FoundingEffects effects = survivor_.TakeEffects();
  ASSERT_THAT(effects.answers, SizeIs(1));
  EXPECT_EQ(effects.answers.front().response.refused->reason, Reason::kWrongCluster);
}

}  // namespace
}  // namespace kvd::topology
