// What the system group decides in clusters of n1, n2, ... with R = 3.

#include "server/topology/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using Why = Rejection::Why;

NodeCard WipedCardOf(uint8_t number) {
  NodeCard card = CardOf(number);
  card.uuid = UuidOf(static_cast<uint8_t>(number + 0x80));
  return card;
}

// Every id on the node `node`, and how many.
size_t CopiesOn(const Topology& topology, NodeId node) {
  size_t copies = 0;
  for (const auto& replicas : topology.ring) {
    copies += static_cast<size_t>(std::ranges::count(replicas, node, &Replica::node));
  }
  return copies;
}

TEST(DecisionTest, AcceptedCommandHasTheNextEpochAndARejectedOneNone) {
  Decided cluster(FoundedBy(3));
  EXPECT_EQ(cluster.Accept(AddMembers{{CardOf(4)}, "ops"}).epoch, Epoch{2});
  cluster.Reject(AddMembers{{CardOf(4)}, "ops"});
  EXPECT_EQ(cluster.Accept(AddMembers{{CardOf(5)}, "ops"}).epoch, Epoch{3});
}

TEST(DecisionTest, JobSaysWhoAskedWhenAndForWhom) {
  Decided cluster(FoundedBy(3));
  const Topology& next = cluster.Accept(AddMembers{{CardOf(5), CardOf(4)}, "ops"});
  EXPECT_THAT(next.jobs, ElementsAre(Job{.id = JobId{1},
                                         .kind = JobKind::kJoin,
                                         .state = JobState::kRunning,
                                         .asked_by = "ops",
                                         .asked_at = 1,
                                         .nodes = {NodeId{4}, NodeId{5}},
                                         .copies_to_add = 18}));  // Of 48 copies on 5 nodes.
  EXPECT_EQ(CopiesOn(next, NodeId{4}) + CopiesOn(next, NodeId{5}), 18U);
}

TEST(DecisionTest, OneNodeGrowsToThreeInOneStep) {
  Decided cluster(FoundedBy(1));
  const Topology& next = cluster.Accept(AddMembers{{CardOf(2), CardOf(3)}, "ops"});
  EXPECT_EQ(next.copies, 3U);
  for (const auto& replicas : next.ring) EXPECT_EQ(replicas.size(), 3U);
  EXPECT_EQ(next.Find(NodeId{3})->state, MemberState::kJoining);
}

TEST(DecisionTest, ReplicasThatStayKeepTheirIdsAndNewOnesHaveNewIds) {
  Decided cluster(FoundedBy(3));
  const Topology before = cluster.now();
  const Topology& after = cluster.Accept(AddMembers{{CardOf(4)}, "ops"});
  for (uint32_t p = 0; p < after.partitions(); ++p) {
    for (const Replica& replica : after.ring[p]) {
      const bool was_there = std::ranges::count(before.ring[p], replica) == 1;
      EXPECT_EQ(replica.id < before.next_replica, was_there);
      EXPECT_LT(replica.id, after.next_replica);
    }
  }
}

TEST(DecisionTest, WhoLeavesIsWishedNowhere) {
  Decided cluster(FoundedBy(4));
  const Topology& next = cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  EXPECT_EQ(next.Find(NodeId{2})->state, MemberState::kLeaving);
  EXPECT_EQ(CopiesOn(next, NodeId{2}), 0U);
  EXPECT_EQ(next.copies, 3U);
}

TEST(DecisionTest, FewerCopiesNeedConsent) {
  Decided cluster(FoundedBy(3));
  EXPECT_EQ(cluster.WhyNot(StartLeave{NodeId{2}, false, "ops"}),
            "2 nodes would remain and there are 3 copies; use replace, or accept fewer");
  EXPECT_EQ(cluster.Accept(StartLeave{NodeId{2}, true, "ops"}).copies, 2U);
}

TEST(DecisionTest, LastNodeCannotLeave) {
  Decided cluster(FoundedBy(1));
  EXPECT_EQ(cluster.Reject(StartRemove{NodeId{1}, true, "ops"}).why, Why::kNobodyLeft);
}

TEST(DecisionTest, NameAndUuidAreUsedOnce) {
  Decided cluster(FoundedBy(3));
  EXPECT_EQ(cluster.WhyNot(AddMembers{{WipedCardOf(2)}, "ops"}),
            "name n2 is in use by " + UuidOf(2).ToString() + " at 127.0.0.1:7421");
  NodeCard renamed = CardOf(2);
  renamed.name = "other";
  EXPECT_EQ(cluster.Reject(AddMembers{{renamed}, "ops"}).why, Why::kUuidInUse);
  EXPECT_EQ(cluster.Reject(AddMembers{{CardOf(4), CardOf(4)}, "ops"}).why, Why::kBadCard);
}

TEST(DecisionTest, CardsWithoutIdentityAreRefused) {
  Decided cluster(FoundedBy(3));
  NodeCard card = CardOf(4);
  card.uuid = Uuid{};
  EXPECT_EQ(cluster.Reject(AddMembers{{card}, "ops"}).why, Why::kBadCard);
  card = CardOf(4);
  card.name.clear();
  EXPECT_EQ(cluster.Reject(AddMembers{{card}, "ops"}).why, Why::kBadCard);
  EXPECT_EQ(cluster.Reject(AddMembers{{}, "ops"}).why, Why::kNoMembers);
}

TEST(DecisionTest, RemovedOnlyWhenNothingIsWishedThere) {
  Decided cluster(FoundedBy(4));
  EXPECT_EQ(cluster.Reject(FinishRemoval{NodeId{2}}).why, Why::kWrongState);
  cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  EXPECT_EQ(cluster.Reject(FinishRemoval{NodeId{2}}).why, Why::kStillWished);  // It still votes.
  cluster.Accept(SetVoters{{NodeId{1}, NodeId{3}, NodeId{4}}});
  const Topology& next = cluster.Accept(FinishRemoval{NodeId{2}});
  EXPECT_EQ(next.Find(NodeId{2}), nullptr);
  EXPECT_THAT(next.removed, ElementsAre(Removed{NodeId{2}, UuidOf(2), "n2", next.epoch}));
}

TEST(DecisionTest, RemovedNodeIsToldAndItsNameIsFree) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(StartLeave{NodeId{4}, false, "ops"});
  cluster.Accept(FinishRemoval{NodeId{4}});
  EXPECT_THAT(cluster.WhyNot(AddMembers{{CardOf(4)}, "ops"}),
              HasSubstr("n4 was removed at epoch 3, the cluster is at 3"));
  EXPECT_NE(cluster.Accept(AddMembers{{WipedCardOf(4)}, "ops"}).Find(NodeId{5}), nullptr);
}

TEST(DecisionTest, JobEndsOnlyWhenItsNodesHaveArrivedOrGone) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(AddMembers{{CardOf(4)}, "ops"});
  EXPECT_EQ(cluster.Reject(FinishJob{JobId{1}}),
            (Rejection{.why = Why::kNotDone, .node = NodeId{4}, .job = JobId{1}}));
  cluster.Accept(FinishJoin{NodeId{4}});
  EXPECT_EQ(cluster.Accept(FinishJob{JobId{1}}).FindJob(JobId{1})->state, JobState::kDone);
  EXPECT_EQ(cluster.Reject(FinishJob{JobId{1}}).why, Why::kJobEnded);
}

TEST(DecisionTest, ChangeThatIsUnderWayNamesItsJob) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  EXPECT_EQ(cluster.Reject(StartLeave{NodeId{2}, false, "ops"}),
            (Rejection{.why = Why::kUnderWay, .job = JobId{1}}));
  EXPECT_EQ(cluster.Reject(StartRemove{NodeId{2}, true, "ops"}),
            (Rejection{.why = Why::kBusy, .node = NodeId{2}, .job = JobId{1}}));
  cluster.Accept(AddMembers{{CardOf(5)}, "ops"});
  EXPECT_EQ(cluster.Reject(AddMembers{{CardOf(5)}, "ops"}),
            (Rejection{.why = Why::kUnderWay, .job = JobId{2}}));
  cluster.Accept(StartReplace{NodeId{1}, CardOf(6), "ops"});
  EXPECT_EQ(cluster.Reject(StartReplace{NodeId{1}, CardOf(6), "ops"}),
            (Rejection{.why = Why::kUnderWay, .job = JobId{3}}));
}

TEST(DecisionTest, ReplacementTakesTheCopiesOfTheOld) {
  Decided cluster(FoundedBy(4));
  const Topology before = cluster.now();
  const Topology& next = cluster.Accept(StartReplace{NodeId{2}, CardOf(5), "ops"});
  EXPECT_EQ(CopiesOn(next, NodeId{5}), CopiesOn(before, NodeId{2}));
  EXPECT_EQ(next.jobs.front().copies_to_add, CopiesOn(before, NodeId{2}));
  EXPECT_THAT(next.jobs.front().nodes, ElementsAre(NodeId{2}, NodeId{5}));
}

TEST(DecisionTest, WipedNodeTakesThePlaceAndTheNameOfItsOldSelf) {
  Decided cluster(FoundedBy(3));
  const Topology& next = cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  EXPECT_EQ(next.FindName("n2")->id, NodeId{4});
  EXPECT_EQ(next.Find(NodeId{2})->state, MemberState::kLeaving);
  EXPECT_EQ(CopiesOn(next, NodeId{4}), 16U);
  EXPECT_EQ(next.copies, 3U);
}

// n3 may be down as well, and wait for its turn: no copy must wait for it.
TEST(DecisionTest, NobodyButTheNewOneTakesACopyOfTheOld) {
  for (uint8_t old = 1; old <= 5; ++old) {
    Decided cluster(FoundedBy(5));
    const Topology before = cluster.now();
    const Topology& next = cluster.Accept(ReplaceWiped{NodeId{old}, WipedCardOf(old)});
    for (uint32_t p = 0; p < next.partitions(); ++p) {
      std::set<NodeId> expected;
      for (const Replica& copy : before.ring[p]) {
        expected.insert(copy.node == NodeId{old} ? NodeId{6} : copy.node);
      }
      std::set<NodeId> found;
      for (const Replica& copy : next.ring[p]) found.insert(copy.node);
      EXPECT_EQ(found, expected);
    }
  }
}

TEST(DecisionTest, WipedNodesAreReplacedOneAtATime) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  EXPECT_EQ(cluster.Reject(ReplaceWiped{NodeId{3}, WipedCardOf(3)}).job, JobId{1});
}

TEST(DecisionTest, NodeThatIsWipedAgainGoesOnInTheSameJob) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  NodeCard again = CardOf(2);
  again.uuid = UuidOf(0xaa);
  const Topology& next = cluster.Accept(ReplaceWiped{NodeId{4}, again});
  EXPECT_EQ(CopiesOn(next, NodeId{5}), 16U);
  EXPECT_EQ(next.FindName("n2")->id, NodeId{5});
  EXPECT_THAT(next.jobs,
              ElementsAre(Field(&Job::nodes, ElementsAre(NodeId{2}, NodeId{4}, NodeId{5}))));
}

TEST(DecisionTest, NodeThatIsWipedWhileItJoinsGoesOnInTheSameJob) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(AddMembers{{CardOf(4)}, "ops"});
  const size_t wished = CopiesOn(cluster.now(), NodeId{4});
  cluster.Accept(ReplaceWiped{NodeId{4}, WipedCardOf(4)});
  EXPECT_EQ(CopiesOn(cluster.now(), NodeId{5}), wished);
  cluster.Accept(FinishRemoval{NodeId{4}});
  cluster.Accept(FinishJoin{NodeId{5}});
  EXPECT_EQ(cluster.Accept(FinishJob{JobId{1}}).FindName("n4")->id, NodeId{5});
}

// Found by `kvsim --nemesis members --seed 315`: the replacement waited for the node that had
// joined, and the next self of that one for the replacement.
TEST(DecisionTest, NodeThatIsWipedWhileItJoinsDoesNotWaitForAReplacement) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  cluster.Accept(AddMembers{{CardOf(5)}, "ops"});
  const Topology& next = cluster.Accept(ReplaceWiped{NodeId{5}, WipedCardOf(5)});
  EXPECT_THAT(next.FindJob(JobId{2})->nodes, ElementsAre(NodeId{5}, NodeId{6}));
}

// It would be waited for in vain, and its next self would wait for the job.
TEST(DecisionTest, NodeThatIsWipedWhileItsLeaveIsAbortedGoesOnInTheSameJob) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  cluster.Accept(AbortJob{JobId{1}});
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  cluster.Accept(SetVoters{{NodeId{1}, NodeId{3}, NodeId{4}}});
  cluster.Accept(FinishRemoval{NodeId{2}});
  cluster.Accept(FinishJoin{NodeId{5}});
  EXPECT_EQ(cluster.Accept(FinishJob{JobId{1}}).FindJob(JobId{1})->state, JobState::kAborted);
}

TEST(DecisionTest, NodeThatIsWipedWhileItLeavesIsWaitedFor) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  EXPECT_EQ(cluster.Reject(ReplaceWiped{NodeId{2}, WipedCardOf(2)}).job, JobId{1});
}

TEST(DecisionTest, WipedNodeKeepsItsName) {
  Decided cluster(FoundedBy(3));
  EXPECT_EQ(cluster.Reject(ReplaceWiped{NodeId{2}, CardOf(4)}).why, Why::kBadCard);
  EXPECT_EQ(cluster.Reject(ReplaceWiped{NodeId{2}, CardOf(2)}).why, Why::kUuidInUse);
}

TEST(DecisionTest, AbortedJoinLeavesAgain) {
  Decided cluster(FoundedBy(3));
  const Topology before = cluster.now();
  cluster.Accept(AddMembers{{CardOf(4)}, "ops"});
  const Topology& next = cluster.Accept(AbortJob{JobId{1}});
  EXPECT_EQ(CopiesOn(next, NodeId{4}), 0U);
  EXPECT_EQ(next.FindJob(JobId{1})->state, JobState::kAborting);
  EXPECT_EQ(cluster.Reject(FinishJob{JobId{1}}).why, Why::kNotDone);
  cluster.Accept(FinishRemoval{NodeId{4}});
  EXPECT_EQ(cluster.Accept(FinishJob{JobId{1}}).FindJob(JobId{1})->state, JobState::kAborted);
}

TEST(DecisionTest, AbortedLeaveTakesItsCopiesBack) {
  Decided cluster(FoundedBy(4));
  const size_t before = CopiesOn(cluster.now(), NodeId{2});
  cluster.Accept(StartLeave{NodeId{2}, false, "ops"});
  const Topology& next = cluster.Accept(AbortJob{JobId{1}});
  EXPECT_EQ(next.Find(NodeId{2})->state, MemberState::kActive);
  EXPECT_EQ(CopiesOn(next, NodeId{2}), before);
  EXPECT_EQ(cluster.Reject(AbortJob{JobId{1}}).why, Why::kUnderWay);
}

TEST(DecisionTest, WhatCannotBeUndoneIsNotAborted) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  EXPECT_EQ(cluster.Reject(AbortJob{JobId{1}}).why, Why::kNoWayBack);
  EXPECT_EQ(cluster.Reject(AbortJob{JobId{9}}).why, Why::kNoSuchJob);
}

TEST(DecisionTest, NewCardIsNotedWithoutAMove) {
  Decided cluster(FoundedBy(3));
  const Topology before = cluster.now();
  NodeCard card = CardOf(2);
  card.peer_address = "10.0.0.2:7401";
  const Topology& next = cluster.Accept(NoteCard{NodeId{2}, card});
  EXPECT_EQ(next.Find(NodeId{2})->card, card);
  EXPECT_EQ(next.ring, before.ring);
  EXPECT_EQ(cluster.Reject(NoteCard{NodeId{2}, card}).why, Why::kNothingToDo);
  EXPECT_EQ(cluster.Reject(NoteCard{NodeId{2}, CardOf(3)}).why, Why::kBadCard);
}

TEST(DecisionTest, RebalanceFollowsTheZones) {
  Decided cluster(FoundedBy(6));
  EXPECT_EQ(cluster.Reject(StartRebalance{"ops"}).why, Why::kNothingToDo);
  for (uint8_t n = 1; n <= 6; ++n) {
    NodeCard card = CardOf(n);
    card.zone = n % 2 == 0 ? "a" : n == 1 ? "b" : "c";
    cluster.Accept(NoteCard{NodeId{n}, card});
  }
  const Topology& next = cluster.Accept(StartRebalance{"ops"});
  EXPECT_EQ(CopiesOn(next, NodeId{1}), 16U);  // Alone in its zone.
  EXPECT_EQ(cluster.Reject(StartRebalance{"ops"}).why, Why::kUnderWay);
  EXPECT_EQ(cluster.Reject(AbortJob{JobId{1}}).why, Why::kNoWayBack);
}

TEST(DecisionTest, VotersAreMembersWhoStay) {
  Decided cluster(FoundedBy(5));
  EXPECT_EQ(cluster.Reject(SetVoters{{}}).why, Why::kNoMembers);
  EXPECT_EQ(cluster.Reject(SetVoters{{NodeId{2}, NodeId{1}}}).why, Why::kNoMembers);
  EXPECT_EQ(cluster.Reject(SetVoters{{NodeId{1}, NodeId{9}}}).node, NodeId{9});
  EXPECT_EQ(cluster.Reject(SetVoters{{NodeId{1}, NodeId{2}, NodeId{3}}}).why, Why::kNothingToDo);
  cluster.Accept(StartLeave{NodeId{4}, false, "ops"});
  EXPECT_EQ(cluster.Reject(SetVoters{{NodeId{4}}}).why, Why::kWrongState);
  const ReplicaId kept = cluster.now().system_voters[0].id;
  const Topology& next = cluster.Accept(SetVoters{{NodeId{1}, NodeId{3}, NodeId{5}}});
  EXPECT_EQ(next.system_voters[0], (Replica{kept, NodeId{1}}));
}

TEST(DecisionTest, OnlyTheLatestEndedJobsAreRemembered) {
  Decided cluster(FoundedBy(3));
  for (uint8_t n = 4; n < 24; ++n) {
    cluster.Accept(AddMembers{{CardOf(n)}, "ops"});
    cluster.Accept(FinishJoin{NodeId{n}});
    cluster.Accept(FinishJob{cluster.now().jobs.back().id});
  }
  EXPECT_EQ(cluster.now().jobs.size(), 16U);
  EXPECT_EQ(cluster.now().jobs.front().id, JobId{5});
}

TEST(DecisionTest, NobodyWhoIsNotThereCanBeChanged) {
  Decided cluster(FoundedBy(3));
  const NodeId nobody{9};
  for (const Command& command :
       {Command(StartLeave{nobody, true, ""}), Command(StartRemove{nobody, true, ""}),
        Command(StartReplace{nobody, CardOf(4), ""}), Command(ReplaceWiped{nobody, CardOf(4)}),
        Command(NoteCard{nobody, CardOf(4)}), Command(FinishJoin{nobody}),
        Command(FinishRemoval{nobody})}) {
    EXPECT_EQ(cluster.Reject(command).why, Why::kNoSuchNode) << command.index();
  }
}

TEST(ExplainTest, EveryRejectionIsASentenceWithAReason) {
  const Topology now = FoundedBy(3);
  for (int why = 0; why <= static_cast<int>(Why::kNothingToDo); ++why) {
    if (static_cast<Why>(why) == Why::kRemovedBefore) continue;  // Needs somebody removed.
    const Refusal refusal = Explain({static_cast<Why>(why), NodeId{1}, JobId{2}}, now);
    EXPECT_NE(refusal.reason, Reason::kInternal) << why;
    EXPECT_FALSE(refusal.message.empty()) << why;
  }
}

}  // namespace
}  // namespace kvd::topology
