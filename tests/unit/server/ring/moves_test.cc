// Moves between rings of two partitions, written by hand.

#include "server/ring/moves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/ring/placement.h"

namespace kvd::ring {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr NodeId kN1{1};
constexpr NodeId kN2{2};
constexpr NodeId kN3{3};

Ring RingOf(const std::vector<std::vector<NodeId>>& lists) {
  return *Ring::FromLists(lists);
}

std::vector<Member> Nodes(uint32_t count) {
  std::vector<Member> members;
  for (uint32_t id = 1; id <= count; ++id) members.push_back({.id = NodeId{id}, .zone = ""});
  return members;
}

TEST(MovesTest, EqualRingsNeedNone) {
  const Ring ring = RingOf({{kN1, kN2}, {kN2, kN1}});
  EXPECT_THAT(Moves(ring, ring), IsEmpty());
}

TEST(MovesTest, ListAdditionsRemovalsAndTheOwner) {
  const Ring from = RingOf({{kN1, kN2}, {kN2, kN1}});
  const Ring to = RingOf({{kN1, kN2}, {kN3, kN1}});
  EXPECT_THAT(Moves(from, to), ElementsAre(Move{.partition = PartitionId{1},
                                                .added = {kN3},
                                                .removed = {kN2},
                                                .owner = OwnerChange{.from = kN2, .to = kN3}}));
}

TEST(MovesTest, OrderBehindTheOwnerIsNoMove) {
  EXPECT_THAT(Moves(RingOf({{kN1, kN2, kN3}}), RingOf({{kN1, kN3, kN2}})), IsEmpty());
}

TEST(MovesTest, CountSumsOverPartitions) {
  const Ring from = RingOf({{kN1}, {kN2}});
  const Ring to = RingOf({{kN2, kN3}, {kN2, kN3}});
  EXPECT_EQ(Count(Moves(from, to)), (MoveCount{.added = 3, .removed = 1, .owners = 1}));
}

TEST(MinimumMovesTest, JoiningNodeMustTakeItsShare) {
  EXPECT_EQ(MinimumMoves(Place(Nodes(3), 256, 3), Nodes(4), 3), 192U);
}

TEST(MinimumMovesTest, CopiesOfALeavingNodeMustGoSomewhere) {
  EXPECT_EQ(MinimumMoves(Place(Nodes(4), 256, 3), Nodes(3), 3), 192U);
}

TEST(MinimumMovesTest, SameMembersNeedNone) {
  EXPECT_EQ(MinimumMoves(Place(Nodes(5), 256, 3), Nodes(5), 3), 0U);
}

TEST(MinimumMovesTest, CopiesThatShareAZoneMustPart) {
  const std::vector<Member> before{{kN1, "a"}, {kN2, "a"}};
  const std::vector<Member> after{{kN1, "a"}, {kN2, "a"}, {kN3, "b"}};
  EXPECT_EQ(MinimumMoves(Place(before, 256, 2), after, 2), 256U);
}

}  // namespace
}  // namespace kvd::ring
