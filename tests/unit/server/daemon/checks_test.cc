// Node n2 of a cluster of two, seen by itself, whole but for what a test says.

#include "server/daemon/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvd::daemon {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Uuid UuidOf(uint8_t n) {
  return Uuid::FromBytes(std::string(16, static_cast<char>(n))).value();
}

NodeFacts Whole() {
  node::ClusterView view;
  for (const uint8_t n : {uint8_t{1}, uint8_t{2}}) {
    node::NodeView each;
    each.card.uuid = UuidOf(n);
    each.state = node::NodeState::kUp;
    each.load = node::Load{};
    view.nodes.push_back(each);
  }
  view.self = view.nodes[1].card;
  return {.view = view, .replicas = 16};
}

// The names of the checks that fail.
std::vector<std::string> Failing(const std::vector<Check>& checks) {
  std::vector<std::string> names;
  for (const Check& check : checks) {
    if (!check.wrong.empty()) names.emplace_back(check.name);
  }
  return names;
}

std::vector<std::string> NotReady(const NodeFacts& facts) {
  return Failing(CheckReadiness(facts, 1s));
}

TEST(ChecksTest, AWholeNodeIsReady) {
  EXPECT_THAT(NotReady(Whole()), IsEmpty());
  EXPECT_THAT(Failing(CheckLife(Whole(), 1s)), IsEmpty());
}

TEST(ChecksTest, OfANodeThatDoesNotAnswerNothingElseIsSaid) {
  for (const auto& checks : {CheckLife(std::nullopt, 1s), CheckReadiness(std::nullopt, 1s)}) {
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].name, "node");
    EXPECT_THAT(checks[0].wrong, HasSubstr("1000 ms"));
  }
}

TEST(ChecksTest, WhatIsNoMemberYetIsNotReadyAndLives) {
  NodeFacts facts = Whole();
  facts.view.waiting_for = "waiting for n1 to found cluster demo";
  const auto checks = CheckReadiness(facts, 1s);
  EXPECT_THAT(Failing(checks), ElementsAre("member"));
  EXPECT_EQ(checks[1].wrong, facts.view.waiting_for);
  EXPECT_THAT(Failing(CheckLife(facts, 1s)), IsEmpty());
}

TEST(ChecksTest, OnlyTheNodesOwnDrainingCounts) {
  NodeFacts facts = Whole();
  facts.view.nodes[0].state = node::NodeState::kDraining;
  EXPECT_THAT(NotReady(facts), IsEmpty());
  facts.view.nodes[1].state = node::NodeState::kDraining;
  EXPECT_THAT(NotReady(facts), ElementsAre("serving"));
}

TEST(ChecksTest, AnotherNodesAbsenceIsItsOwn) {
  NodeFacts facts = Whole();
  facts.view.nodes[0].state = node::NodeState::kDown;
  EXPECT_THAT(NotReady(facts), IsEmpty());
}

TEST(ChecksTest, AReplicaThatIsToComeIsMissed) {
  NodeFacts facts = Whole();
  facts.missing = 1;
  EXPECT_THAT(NotReady(facts), ElementsAre("replicas"));
}

TEST(ChecksTest, AReplicaWithoutAnOwnerIsNotReady) {
  NodeFacts facts = Whole();
  facts.view.leaderless = 3;
  const auto checks = CheckReadiness(facts, 1s);
  EXPECT_THAT(Failing(checks), ElementsAre("owners"));
  EXPECT_THAT(checks[4].wrong, HasSubstr("3 of 16"));
}

TEST(ChecksTest, WhatIsUnderwayIsNotBehind) {
  NodeFacts facts = Whole();
  facts.view.nodes[0].load->behind = kUnderway + 1;
  facts.view.nodes[1].load->behind = kUnderway;
  EXPECT_THAT(NotReady(facts), IsEmpty());
  ++facts.view.nodes[1].load->behind;
  EXPECT_THAT(NotReady(facts), ElementsAre("caught_up"));
}

TEST(ReportTest, OneFailureIsEnough) {
  const std::vector<Check> checks = {{"node"}, {"owners", "3 of 16"}, {"serving"}};
  const auto report = Report("ready", checks, /*verbose=*/false);
  EXPECT_EQ(report.code, 503);
  EXPECT_EQ(report.body, "owners: 3 of 16\nnot ready\n");
  EXPECT_EQ(Report("ready", checks, /*verbose=*/true).body,
            "node: ok\nowners: 3 of 16\nserving: ok\nnot ready\n");
}

TEST(ReportTest, WithoutAFailureTheWordIsEnough) {
  const auto report = Report("live", {{"node"}}, /*verbose=*/false);
  EXPECT_EQ(report.code, 200);
  EXPECT_EQ(report.body, "live\n");
  EXPECT_EQ(Report("live", {{"node"}}, /*verbose=*/true).body, "node: ok\nlive\n");
}

}  // namespace
}  // namespace kvd::daemon
