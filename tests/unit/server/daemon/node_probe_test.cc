// A node that answers when the test lets it, and what a real one says of itself. Where the probe is
// to give up its patience is short, where it is to be answered it is longer than any test.

#include "server/daemon/node_probe.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLong = 1h;

NodeFacts FactsWith(uint32_t replicas) {
  return {.view = {}, .replicas = replicas};
}

class NodeProbeTest : public ::testing::Test {
 protected:
  NodeProbe ProbeWith(Duration patience) {
    return NodeProbe(
        1, [this](uint32_t, NodeProbe::Answer answer) { asked_.push_back(std::move(answer)); },
        patience);
  }

  std::vector<NodeProbe::Answer> asked_;
};

TEST_F(NodeProbeTest, WhatIsAnsweredOnTheSpotIsKnown) {
  NodeProbe probe(
      1, [](uint32_t, const NodeProbe::Answer& answer) { answer(FactsWith(7)); }, kLong);
  EXPECT_EQ(probe.Facts()[0]->replicas, 7U);
  EXPECT_EQ(probe.Facts()[0]->replicas, 7U);
}

TEST_F(NodeProbeTest, AnAnswerIsWaitedFor) {
  std::promise<NodeProbe::Answer> asked;
  NodeProbe probe(
      1, [&](uint32_t, NodeProbe::Answer answer) { asked.set_value(std::move(answer)); }, kLong);
  std::thread node([&] { asked.get_future().get()(FactsWith(7)); });
  EXPECT_EQ(probe.Facts()[0]->replicas, 7U);
  node.join();
}

TEST_F(NodeProbeTest, PatienceEndsAndWhoOwesAnAnswerIsNotAskedAgain) {
  NodeProbe probe = ProbeWith(5ms);
  EXPECT_FALSE(probe.Facts()[0]);
  EXPECT_FALSE(probe.Facts()[0]);
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(NodeProbeTest, ALateAnswerOnlyEndsTheSilence) {
  NodeProbe probe = ProbeWith(5ms);
  EXPECT_FALSE(probe.Facts()[0]);
  asked_[0](FactsWith(1));
  EXPECT_FALSE(probe.Facts()[0]) << "it is asked again, and does not answer";
  EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(NodeProbeTest, AnAnswerMayComeWhenNobodyAsksAnyMore) {
  {
    NodeProbe probe = ProbeWith(5ms);
    EXPECT_FALSE(probe.Facts()[0]);
  }
  asked_[0](FactsWith(1));
}

TEST_F(NodeProbeTest, AShardThatIsStuckHoldsUpNoOther) {
  NodeProbe probe(
      2,
      [this](uint32_t shard, NodeProbe::Answer answer) {
        if (shard == 1) answer(FactsWith(7));
        if (shard == 0) asked_.push_back(std::move(answer));
      },
      5ms);
  for (int round = 0; round < 2; ++round) {
    const auto facts = probe.Facts();
    ASSERT_EQ(facts.size(), 2U);
    EXPECT_FALSE(facts[0]);
    EXPECT_EQ(facts[1]->replicas, 7U);
    EXPECT_EQ(asked_.size(), 1U) << "who owes an answer is not asked again";
  }
}

NodeFacts FactsOfShard(uint64_t seed) {
  NodeFacts facts = FactsWith(static_cast<uint32_t>(seed));
  facts.missing = static_cast<uint32_t>(10 * seed);
  facts.under_replicated = static_cast<uint32_t>(100 * seed);
  facts.view.leaderless = static_cast<uint32_t>(1000 * seed);
  facts.counts = {.forwards = seed,
                  .duplicates = 2 * seed,
                  .groups = {.elections = {seed, 0, 3 * seed}, .commits = {}},
                  .led = static_cast<uint32_t>(4 * seed),
                  .late = seed * 1ms};
  facts.counts.groups.commits.Add(seed * 1ms);
  facts.jobs[{topology::JobKind::kJoin, topology::JobState::kRunning}] = 1;
  return facts;
}

TEST(NodeFactsTest, WhatShardsHoldAndCountAddsUpAndTheLatestOfThemIsTheNodesLateness) {
  const std::optional<NodeFacts> all = Together({FactsOfShard(5), FactsOfShard(2)});
  EXPECT_EQ(all->replicas, 7U);
  EXPECT_EQ(all->missing, 70U);
  EXPECT_EQ(all->under_replicated, 700U);
  EXPECT_EQ(all->view.leaderless, 7000U);
  EXPECT_EQ(all->counts.forwards, 7U);
  EXPECT_EQ(all->counts.duplicates, 14U);
  EXPECT_EQ(all->counts.groups.elections, (std::array<uint64_t, 3>{7, 0, 21}));
  EXPECT_EQ(all->counts.groups.commits.sum, 7ms);
  EXPECT_EQ(all->counts.led, 28U);
  EXPECT_EQ(all->counts.late, 5ms);
  EXPECT_EQ(all->jobs.begin()->second, 1U) << "each shard knows of the same jobs";
}

TEST(NodeFactsTest, OfANodeWithAShardThatSaysNothingNothingIsKnown) {
  EXPECT_FALSE(Together({FactsOfShard(5), std::nullopt}));
  EXPECT_FALSE(Together({std::nullopt, FactsOfShard(5)}));
}

TEST(NodeFactsTest, AFoundedNodeHasEveryReplicaTheRingGivesIt) {
  node::World world(3);
  world.Pass(1s);
  const NodeFacts facts = FactsOf(world.at(node::kN1), world.now());
  EXPECT_EQ(facts.view.self.name, "n1");
  EXPECT_EQ(facts.replicas, 16U);
  EXPECT_EQ(facts.missing, 0U);
  EXPECT_TRUE(facts.jobs.empty());
}

TEST(NodeFactsTest, WhereAReplicaIsOnANodeThatIsDownAPartitionLacksACopy) {
  node::World world(3);
  world.Pass(1s);
  EXPECT_EQ(FactsOf(world.at(node::kN1), world.now()).under_replicated, 0U);
  world.Kill(node::kN3);
  world.Pass(3s);
  EXPECT_EQ(FactsOf(world.at(node::kN1), world.now()).under_replicated, 16U);
}

TEST(NodeFactsTest, BeforeFoundingThereIsNothingToMiss) {
  node::Node::Options options = node::World(3).OptionsOf(node::kN2);
  options.founding.topology.reset();
  options.founding.binding = {};
  const node::Node node(options, Instant{});
  const NodeFacts facts = FactsOf(node, Instant{});
  EXPECT_FALSE(facts.view.waiting_for.empty());
  EXPECT_EQ(facts.replicas + facts.missing, 0U);
}

}  // namespace
}  // namespace kvd::daemon
