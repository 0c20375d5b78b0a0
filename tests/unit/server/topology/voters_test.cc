// Who votes in the system group, as clusters of n1, n2, ... grow, shrink and lose nodes.

#include "server/topology/voters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

// Nodes 1, 2, ... in the zones given.
std::vector<Member> MembersIn(const std::vector<std::string>& zones) {
  std::vector<Member> members;
  for (uint8_t n = 1; n <= zones.size(); ++n) {
    members.push_back({NodeId{n}, CardOf(n)});
    members.back().card.zone = zones[n - 1U];
  }
  return members;
}

std::vector<uint32_t> Chosen(const std::vector<Member>& members, const std::set<NodeId>& present,
                             const std::set<NodeId>& down) {
  std::vector<uint32_t> numbers;
  for (const NodeId node : ChooseVoters(members, present, down)) numbers.push_back(node.value);
  return numbers;
}

TEST(VotersTest, AllUpToThreeNodesVoteThreeBelowSevenFiveFromSeven) {
  const std::map<size_t, size_t> expected = {{1, 1}, {2, 2}, {3, 3}, {4, 3},
                                             {6, 3}, {7, 5}, {8, 5}, {1000, 5}};
  for (const auto& [nodes, voters] : expected) EXPECT_EQ(VotersFor(nodes), voters) << nodes;
}

TEST(VotersTest, VotersAreSpreadOverZones) {
  EXPECT_THAT(Chosen(MembersIn({"a", "a", "a", "b", "c"}), {}, {}), ElementsAre(1, 4, 5));
  EXPECT_THAT(Chosen(MembersIn({"a", "a", "b", "b"}), {}, {}), ElementsAre(1, 2, 3));
}

TEST(VotersTest, NodesWithoutAZoneAreZonesOfTheirOwn) {
  EXPECT_THAT(Chosen(MembersIn({"a", "a", "", ""}), {}, {}), ElementsAre(1, 3, 4));
}

TEST(VotersTest, WhoVotesKeepsTheVoteIfTheZonesPermit) {
  const auto members = MembersIn({"a", "a", "b", "b", "c"});
  EXPECT_THAT(Chosen(members, {NodeId{2}, NodeId{4}, NodeId{5}}, {}), ElementsAre(2, 4, 5));
  EXPECT_THAT(Chosen(members, {NodeId{1}, NodeId{2}, NodeId{3}}, {}), ElementsAre(1, 3, 5));
}

TEST(VotersTest, SilentVoterIsReplacedWhileAnotherCanBeHad) {
  const auto members = MembersIn({"a", "b", "c", "d"});
  const std::set<NodeId> present = {NodeId{1}, NodeId{2}, NodeId{3}};
  EXPECT_THAT(Chosen(members, present, {NodeId{2}}), ElementsAre(1, 3, 4));
  EXPECT_THAT(Chosen(members, present, {NodeId{2}, NodeId{4}}), ElementsAre(1, 2, 3));
}

TEST(VotersTest, SilentNodeIsNeverVotedInForItsZone) {
  const auto members = MembersIn({"a", "a", "b", "c", "a"});
  const std::set<NodeId> down = {NodeId{2}, NodeId{3}, NodeId{4}};
  EXPECT_THAT(Chosen(members, {NodeId{1}, NodeId{2}, NodeId{5}}, down), ElementsAre(1, 2, 5));
}

TEST(VotersTest, OnlyActiveMembersVote) {
  auto members = MembersIn({"a", "b", "c", "d"});
  members[0].state = MemberState::kLeaving;
  members[1].state = MemberState::kJoining;
  EXPECT_THAT(Chosen(members, {NodeId{1}, NodeId{2}}, {}), ElementsAre(3, 4));
}

TEST(VotersDueTest, NothingIsDueWhileTheRightOnesVote) {
  const Topology topology = FoundTopology(UuidOf(0xcc), TermsOf(5), CardsOf(5));
  EXPECT_EQ(VotersDue(topology, {}), std::nullopt);
  EXPECT_EQ(VotersDue(topology, {NodeId{4}}), std::nullopt);
}

TEST(VotersDueTest, SilentVoterIsToBeReplaced) {
  const Topology topology = FoundTopology(UuidOf(0xcc), TermsOf(5), CardsOf(5));
  EXPECT_THAT(VotersDue(topology, {NodeId{2}}),
              Optional(ElementsAre(NodeId{1}, NodeId{3}, NodeId{4})));
}

TEST(VotersDueTest, WhoLeavesVotesOnUntilSomebodyElseIsActive) {
  Topology topology = FoundTopology(UuidOf(0xcc), TermsOf(2), CardsOf(2));
  topology.system_voters = {topology.system_voters[0]};
  topology.members[0].state = MemberState::kLeaving;
  topology.members[1].state = MemberState::kJoining;
  EXPECT_EQ(VotersDue(topology, {}), std::nullopt);
  topology.members[1].state = MemberState::kActive;
  EXPECT_THAT(VotersDue(topology, {}), Optional(ElementsAre(NodeId{2})));
}

}  // namespace
}  // namespace kvd::topology
