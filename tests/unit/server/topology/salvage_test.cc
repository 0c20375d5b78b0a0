// What survivors of a cluster of n1, n2, ... go on as, from what their disks are said to hold.

#include "server/topology/salvage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "server/topology/wish.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Loss = GroupSalvage::Loss;

constexpr NodeId N(uint32_t node) {
  return NodeId{node};
}

constexpr GroupId kGroup{1};  // Of partition 0.

raft::Configuration VotersOf(const std::vector<Replica>& replicas) {
  raft::Configuration configuration;
  for (const Replica& replica : replicas) {
    configuration.voters.push_back({replica.id, replica.node});
  }
  std::ranges::sort(configuration.voters);
  return configuration;
}

// Every copy of a founded cluster, with a log of ten entries of term 3.
std::vector<FoundCopy> CopiesOf(const Topology& topology) {
  std::vector<FoundCopy> copies;
  for (uint32_t group = 0; group <= topology.partitions(); ++group) {
    const auto& wish = group == 0 ? topology.system_voters : topology.ring[group - 1];
    for (const Replica& replica : wish) {
      copies.push_back({.group = GroupId{group},
                        .replica = {replica.id, replica.node},
                        .term = 4,
                        .last_term = 3,
                        .last_index = 10,
                        .configuration = VotersOf(wish)});
    }
  }
  return copies;
}

class SalvageTest : public ::testing::Test {
 protected:
  // Those that the survivors have.
  Salvage PlanFor(const std::set<NodeId>& survivors) const {
    std::vector<FoundCopy> given;
    std::ranges::copy_if(copies_, std::back_inserter(given), [&](const FoundCopy& copy) {
      return survivors.contains(copy.replica.node);
    });
    return PlanSalvage(topology_, survivors, given);
  }

  FoundCopy& CopyOn(NodeId node, GroupId group = kGroup) {
    return *std::ranges::find_if(copies_, [&](const FoundCopy& copy) {
      return copy.group == group && copy.replica.node == node;
    });
  }

  void Found(uint8_t nodes) {
    topology_ = FoundedBy(nodes);
    copies_ = CopiesOf(topology_);
  }

  Topology topology_ = FoundedBy(3);
  std::vector<FoundCopy> copies_ = CopiesOf(topology_);
};

const GroupSalvage& Of(const Salvage& salvage, GroupId group = kGroup) {
  return salvage.groups.at(group.value);
}

TEST_F(SalvageTest, AMajorityOfEveryGroupLosesNothing) {
  EXPECT_TRUE(PlanFor({N(1), N(2)}).LosesNothing());
  EXPECT_FALSE(PlanFor({N(1)}).LosesNothing());
}

TEST_F(SalvageTest, TheHigherTermWinsThenTheHigherIndexThenTheLowerNode) {
  Found(5);
  const auto on = [](uint32_t node, Term term, Index index) {
    FoundCopy copy{.group = kGroup,
                   .replica = {ReplicaId{100 + node}, N(node)},
                   .term = term,
                   .last_term = term,
                   .last_index = index,
                   .configuration = {}};
    for (const uint32_t n : {1U, 2U, 3U, 4U, 5U}) {
      copy.configuration.voters.push_back({ReplicaId{100 + n}, N(n)});
    }
    return copy;
  };
  copies_ = {on(1, 5, 90), on(2, 6, 10)};
  EXPECT_EQ(Of(PlanFor({N(1), N(2)})).replica.node, N(2));
  copies_ = {on(1, 6, 9), on(2, 6, 10)};
  EXPECT_EQ(Of(PlanFor({N(1), N(2)})).replica.node, N(2));
  copies_ = {on(2, 6, 10), on(1, 6, 10)};
  EXPECT_EQ(Of(PlanFor({N(1), N(2)})).replica.node, N(1));
}

TEST_F(SalvageTest, TheBestCopyGoesOnAsTheOnlyVoterAboveAllThatWasSeen) {
  Found(5);
  const NodeId first = topology_.ring[0][0].node;
  const NodeId second = topology_.ring[0][1].node;
  CopyOn(first).last_index = 12;
  CopyOn(second).term = 40;
  const Salvage salvage = PlanFor({first, second});
  const GroupSalvage& group = Of(salvage);
  EXPECT_EQ(group.loss, Loss::kNone);
  EXPECT_EQ(group.replica, CopyOn(first).replica);
  EXPECT_EQ(group.term, 41);
  EXPECT_GE(group.index, Index{1} << 40U);
  EXPECT_EQ(group.voters_given, 2);
}

TEST_F(SalvageTest, OneCopyOfThreeMayLackTheLastWrites) {
  const Salvage salvage = PlanFor({N(1)});
  EXPECT_EQ(salvage.Count(Loss::kLastWrites), 17);
  EXPECT_EQ(Of(salvage).voters_given, 1);
}

TEST_F(SalvageTest, AJointGroupNeedsBothMajorities) {
  raft::Configuration& joint = CopyOn(N(1)).configuration;
  CopyOn(N(1)).last_index = 11;
  joint.outgoing = joint.voters;
  joint.voters = {joint.outgoing.front(), {ReplicaId{900}, N(8)}, {ReplicaId{901}, N(9)}};
  std::ranges::sort(joint.voters);
  EXPECT_EQ(Of(PlanFor({N(1), N(2)})).loss, Loss::kLastWrites);
}

TEST_F(SalvageTest, ALearnerIsNoVoterAndMayBeTheBestCopy) {
  for (const uint32_t node : {1U, 2U, 3U}) {
    raft::Configuration& configuration = CopyOn(N(node)).configuration;
    std::erase_if(configuration.voters, [](const raft::Member& m) { return m.node == N(1); });
    configuration.learners = {CopyOn(N(1)).replica};
  }
  CopyOn(N(1)).last_index = 20;
  const Salvage salvage = PlanFor({N(1), N(2)});
  EXPECT_EQ(Of(salvage).replica.node, N(1));
  EXPECT_EQ(Of(salvage).voters_given, 1);
  EXPECT_EQ(Of(salvage).loss, Loss::kLastWrites);
}

TEST_F(SalvageTest, AGroupWithoutACopyBeginsAnewWithAFreshReplica) {
  Found(9);
  const Salvage salvage = PlanFor({N(1), N(2), N(3)});
  ASSERT_GT(salvage.Count(Loss::kEverything), 0);
  for (const GroupSalvage& group : salvage.groups) {
    if (group.loss != Loss::kEverything) continue;
    EXPECT_FALSE(group.best.has_value());
    EXPECT_GE(group.replica.id, topology_.next_replica);
    EXPECT_TRUE(salvage.topology.Find(group.replica.node) != nullptr);
    EXPECT_GE(group.index, Index{1} << 40U);
    EXPECT_GE(group.term, 1);
  }
}

TEST_F(SalvageTest, TheLostAreRemovedAndTheSurvivorsAreWishedEverything) {
  Found(5);
  const Salvage salvage = PlanFor({N(2), N(4)});
  const Topology& next = salvage.topology;
  ASSERT_THAT(next.members, SizeIs(2));
  ASSERT_THAT(next.removed, SizeIs(3));
  for (const Removed& removed : next.removed) EXPECT_EQ(removed.at, next.epoch);
  EXPECT_NE(next.FindRemoved(UuidOf(3)), nullptr);
  EXPECT_GT(next.epoch.value, topology_.epoch.value + 1000);
  EXPECT_EQ(next.copies, 2);
  EXPECT_EQ(next.replication_wished, 3);
  for (const auto& replicas : next.ring) EXPECT_THAT(replicas, SizeIs(2));
  EXPECT_THAT(next.system_voters, SizeIs(2));
  const auto decoded = DecodeTopology(EncodeTopology(next));
  ASSERT_TRUE(decoded.ok()) << Message(decoded.status());
  EXPECT_EQ(*decoded, next);
}

// Those given that do not go on end: the topology must wish for none of their ids.
TEST_F(SalvageTest, OnlyCopiesThatGoOnKeepTheirIdInTheWish) {
  Found(5);
  const Salvage salvage = PlanFor({N(1), N(2)});
  for (const GroupSalvage& group : salvage.groups) {
    const auto& wish = group.group == kSystemGroup ? salvage.topology.system_voters
                                                   : salvage.topology.ring[group.group.value - 1];
    for (const Replica& replica : wish) {
      const bool goes_on = replica.node == group.replica.node;
      EXPECT_EQ(replica.id == group.replica.id, goes_on);
      EXPECT_TRUE(goes_on || replica.id >= topology_.next_replica);
    }
  }
}

TEST_F(SalvageTest, IdsThatOnlyAConfigurationKnowsAreNotGivenAgain) {
  CopyOn(N(1)).configuration.learners = {{ReplicaId{5000}, N(3)}};
  const Salvage salvage = PlanFor({N(1)});
  EXPECT_GT(salvage.topology.next_replica, ReplicaId{5000});
}

TEST_F(SalvageTest, JobsEndAndWhoeverCameOrWentIsAMember) {
  Decided decided(topology_);
  decided.Accept(AddMembers{
      .cards = {CardOf(4)},
      .asked_by = "",
  });
  topology_ = decided.Accept(StartLeave{.node = N(1), .asked_by = ""});
  const Topology next = PlanFor({N(1), N(4)}).topology;
  ASSERT_THAT(next.jobs, SizeIs(2));
  for (const Job& job : next.jobs) EXPECT_EQ(job.state, JobState::kAborted);
  for (const Member& member : next.members) EXPECT_EQ(member.state, MemberState::kActive);
}

TEST_F(SalvageTest, TheNewIdFollowsFromTheOldOneAndWhoSurvives) {
  const Uuid first = PlanFor({N(1)}).topology.cluster_id;
  EXPECT_EQ(PlanFor({N(1)}).topology.cluster_id, first);
  EXPECT_NE(first, topology_.cluster_id);
  EXPECT_NE(PlanFor({N(2)}).topology.cluster_id, first);
  topology_.cluster_id = first;
  EXPECT_NE(PlanFor({N(1)}).topology.cluster_id, first);
}

// A run that died half-way: one copy goes on already, another is not ended yet.
TEST_F(SalvageTest, PlannedAgainWhatGoesOnAlreadyGoesOn) {
  const Salvage first = PlanFor({N(1), N(2)});
  const GroupSalvage& group = Of(first);
  FoundCopy& rewritten = CopyOn(group.replica.node);
  rewritten.term = rewritten.last_term = group.term;
  rewritten.last_index = group.index;
  rewritten.configuration = {.voters = {group.replica}, .outgoing = {}, .learners = {}};
  const Salvage again = PlanFor({N(1), N(2)});
  EXPECT_EQ(Of(again).replica, group.replica);
  EXPECT_GT(Of(again).term, group.term);
  EXPECT_EQ(again.topology.cluster_id, first.topology.cluster_id);
  EXPECT_EQ(again.topology.epoch, first.topology.epoch);
}

}  // namespace
}  // namespace kvd::topology
