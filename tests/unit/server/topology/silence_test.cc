// Whether silent nodes of a cluster n1..n5 with R = 3 are removed, and who comes back.

#include "server/topology/silence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::VariantWith;
using Why = RemovalHalted::Why;

// n5 has fallen silent. No node has a zone; all disks are half full; a partition has 1 MB.
class JudgeSilenceTest : public ::testing::Test {
 protected:
  JudgeSilenceTest() : topology_(WithoutZones(5)) {
    for (uint32_t n = 1; n <= 5; ++n) disks_[NodeId{n}] = {50'000'000, 100'000'000};
    for (uint32_t p = 0; p < 16; ++p) sizes_[PartitionId{p}] = 1'000'000;
  }

  static Topology WithoutZones(uint8_t nodes) {
    auto cards = CardsOf(nodes);
    for (NodeCard& card : cards) card.zone.clear();
    return FoundTopology(UuidOf(0xcc), TermsOf(nodes), cards);
  }

  [[nodiscard]] RemovalVerdict Judge() const {
    return JudgeSilence(topology_, silences_, disks_, sizes_, rules_);
  }

  Topology topology_;
  Silences silences_ = {{NodeId{5}, minutes(5)}};
  std::map<NodeId, Disk> disks_;
  std::map<PartitionId, uint64_t> sizes_;
  RemovalRules rules_;
};

TEST_F(JudgeSilenceTest, NodeThatIsSilentForLongEnoughIsRemoved) {
  const auto removal = VariantWith<StartRemove>(StartRemove{NodeId{5}, false, "remove_after"});
  EXPECT_THAT(Judge(), removal);
  silences_[NodeId{5}] = minutes(5) - seconds(1);
  EXPECT_THAT(Judge(), VariantWith<NoRemoval>(NoRemoval{}));
}

TEST_F(JudgeSilenceTest, NothingIsRemovedIfNeverIsTheRule) {
  rules_.remove_after = Duration::zero();
  silences_[NodeId{5}] = minutes(500);
  EXPECT_THAT(Judge(), VariantWith<NoRemoval>(NoRemoval{}));
}

TEST_F(JudgeSilenceTest, SecondNodeThatIsDownHaltsIt) {
  silences_[NodeId{2}] = kDownAfter;
  EXPECT_EQ(std::get<RemovalHalted>(Judge()),
            (RemovalHalted{Why::kOthersDown, NodeId{5}, NodeId{2}}));
  silences_[NodeId{2}] = kDownAfter - seconds(1);
  EXPECT_TRUE(std::holds_alternative<StartRemove>(Judge()));
}

TEST_F(JudgeSilenceTest, NodeThatIsBeingRemovedHaltsNothing) {
  Decided cluster(topology_);
  topology_ = cluster.Accept(StartRemove{NodeId{2}, false, "ops"});
  silences_[NodeId{2}] = minutes(9);
  EXPECT_EQ(std::get<StartRemove>(Judge()).node, NodeId{5});
}

TEST_F(JudgeSilenceTest, NodeInAJobIsLeftToIt) {
  Decided cluster(topology_);
  topology_ = cluster.Accept(StartRemove{NodeId{5}, false, "ops"});
  EXPECT_THAT(Judge(), VariantWith<NoRemoval>(NoRemoval{}));
}

TEST_F(JudgeSilenceTest, WholeZoneThatIsDownHaltsIt) {
  topology_ = FoundedBy(5);  // A zone each.
  EXPECT_EQ(std::get<RemovalHalted>(Judge()), (RemovalHalted{Why::kZoneDown, NodeId{5}}));
  topology_.members[0].card.zone = topology_.members[4].card.zone;
  EXPECT_TRUE(std::holds_alternative<StartRemove>(Judge()));
}

TEST_F(JudgeSilenceTest, WhereNobodyCanTakeTheCopiesItWaits) {
  topology_ = WithoutZones(3);
  silences_ = {{NodeId{3}, minutes(5)}};
  EXPECT_EQ(std::get<RemovalHalted>(Judge()), (RemovalHalted{Why::kNoTarget, NodeId{3}}));
}

TEST_F(JudgeSilenceTest, DiskThatWouldBeTooFullHaltsIt) {
  disks_[NodeId{3}].used_bytes = 78'500'000;  // And 80 % is the limit.
  EXPECT_EQ(std::get<RemovalHalted>(Judge()),
            (RemovalHalted{Why::kDiskFull, NodeId{5}, NodeId{3}}));
  disks_.erase(NodeId{3});
  EXPECT_EQ(std::get<RemovalHalted>(Judge()),
            (RemovalHalted{Why::kDiskUnknown, NodeId{5}, NodeId{3}}));
}

TEST_F(JudgeSilenceTest, ReasonNamesTheNodes) {
  EXPECT_EQ(Describe({Why::kOthersDown, NodeId{5}, NodeId{2}}, topology_),
            "n5 is not removed by itself: n2 is down too");
  EXPECT_EQ(Describe({Why::kDiskFull, NodeId{5}, NodeId{3}}, topology_),
            "replicas of n5 cannot be rebuilt: the disk of n3 would be too full");
}

TEST(DownNodesTest, ThirtySecondsOfAgreedSilenceAreDown) {
  EXPECT_EQ(DownNodes({{NodeId{1}, seconds(30)}, {NodeId{2}, seconds(29)}}), std::set{NodeId{1}});
}

NodeCard WipedCardOf(uint8_t number) {
  NodeCard card = CardOf(number);
  card.uuid = UuidOf(static_cast<uint8_t>(number + 0x80));
  return card;
}

TEST(JudgeReturnTest, MemberIsKnownWhateverItsAddress) {
  const Topology topology = FoundedBy(3);
  EXPECT_THAT(JudgeReturn(topology, CardOf(2), {}), VariantWith<Known>(Known{NodeId{2}}));
  NodeCard moved = CardOf(2);
  moved.peer_address = "10.0.0.2:7401";
  EXPECT_THAT(JudgeReturn(topology, moved, {}), VariantWith<NoteCard>(NoteCard{NodeId{2}, moved}));
}

TEST(JudgeReturnTest, WhoNeverWasAMemberMayAskToJoin) {
  EXPECT_THAT(JudgeReturn(FoundedBy(3), CardOf(4), {}), VariantWith<Stranger>(Stranger{}));
}

TEST(JudgeReturnTest, WipedNodeReplacesItsOldSelfOnceThatOneIsDown) {
  const Topology topology = FoundedBy(3);
  EXPECT_THAT(JudgeReturn(topology, WipedCardOf(2), {{NodeId{2}, kDownAfter}}),
              VariantWith<ReplaceWiped>(ReplaceWiped{NodeId{2}, WipedCardOf(2)}));
}

TEST(JudgeReturnTest, NameOfANodeThatIsHeardIsInUse) {
  const Topology topology = FoundedBy(3);
  for (const Silences& silences : {Silences{}, Silences{{NodeId{2}, kDownAfter - seconds(1)}}}) {
    const auto refusal = std::get<Refusal>(JudgeReturn(topology, WipedCardOf(2), silences));
    EXPECT_EQ(refusal.reason, Reason::kNameInUse);
    EXPECT_EQ(refusal.message,
              "name n2 is in use by " + UuidOf(2).ToString() + " at 127.0.0.1:7421");
  }
}

TEST(JudgeReturnTest, WipedNodesReturnOneAtATime) {
  Decided cluster(FoundedBy(3));
  cluster.Accept(ReplaceWiped{NodeId{2}, WipedCardOf(2)});
  const auto refusal =
      std::get<Refusal>(JudgeReturn(cluster.now(), WipedCardOf(3), {{NodeId{3}, minutes(1)}}));
  EXPECT_EQ(refusal.reason, Reason::kJobConflict);
  EXPECT_EQ(refusal.metadata.at("job"), "1");
}

TEST(JudgeReturnTest, RemovedNodeIsToldSo) {
  Decided cluster(FoundedBy(4));
  cluster.Accept(StartLeave{NodeId{4}, false, "ops"});
  cluster.Accept(FinishRemoval{NodeId{4}});
  const auto refusal = std::get<Refusal>(JudgeReturn(cluster.now(), CardOf(4), {}));
  EXPECT_EQ(refusal.reason, Reason::kNodeRemoved);
  EXPECT_THAT(refusal.message, HasSubstr("n4 was removed at epoch 3"));
}

TEST(JudgeReturnTest, UuidOfAnotherNameIsRefused) {
  NodeCard renamed = CardOf(2);
  renamed.name = "n7";
  const auto refusal = std::get<Refusal>(JudgeReturn(FoundedBy(3), renamed, {}));
  EXPECT_EQ(refusal.reason, Reason::kNameInUse);
  EXPECT_EQ(refusal.message, UuidOf(2).ToString() +
                                 " is the UUID of n2 at 127.0.0.1:7421; was a data directory "
                                 "copied?");
}

}  // namespace
}  // namespace kvd::topology
