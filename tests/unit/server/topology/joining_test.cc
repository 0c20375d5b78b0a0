// Nodes that come to a cluster that exists: for the first time, again, at another address, after it
// went on without them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/topology/founding.h"
#include "tests/unit/server/topology/founding_world.h"

namespace kvd::topology {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::UnorderedElementsAre;

const Uuid kN1sCluster = UuidOf(0xc1);
const Refusal kInUse = {.reason = Reason::kNameInUse, .message = "name n4 is in use"};

// How many of the lines say `what`.
ptrdiff_t Times(const std::vector<std::string>& log, std::string_view what) {
  return std::ranges::count_if(
      log, [&](const std::string& line) { return line.find(what) != std::string::npos; });
}

// n1, n2 and n3 have founded a cluster.
class JoiningTest : public ::testing::Test {
 protected:
  JoiningTest() {
    for (const char* name : {"n1", "n2", "n3"}) world_.Start(name);
    world_.Run();
  }

  // n4 and n5 know no more of the cluster than an address.
  void StartWithJoin(uint8_t number, const std::string& address = CardOf(1).peer_address) {
    world_.Add(number, {});
    world_.options(NameOfNode(number)).join = {address};
    world_.Start(NameOfNode(number));
  }

  // The cards that were announced to any member.
  std::vector<NodeCard> Announced() {
    std::vector<NodeCard> all;
    for (const char* name : {"n1", "n2", "n3"}) {
      for (const NodeCard& card : world_.AnnouncedTo(name)) {
        if (std::ranges::find(all, card) == all.end()) all.push_back(card);
      }
    }
    return all;
  }

  FoundingWorld world_{3};
};

TEST_F(JoiningTest, ANodeThatWasToldToJoinAsksAndIsAnnounced) {
  StartWithJoin(4);
  world_.Run(5);
  EXPECT_THAT(Announced(), ElementsAre(CardOf(4)));
  EXPECT_THAT(world_.TopologyOf("n4"), IsNull());
  EXPECT_EQ(world_.WaitingFor("n4"), "waiting for cluster demo to take n4 in");
  EXPECT_TRUE(world_.DiskBindingOf("n4").cluster_id.is_nil()) << "it is not bound by asking";
}

TEST_F(JoiningTest, ANodeThatIsTakenInBindsItselfAndStoresTheTopology) {
  StartWithJoin(4);
  world_.Run();
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.Run(5);
  ASSERT_THAT(world_.TopologyOf("n4"), NotNull());
  EXPECT_EQ(*world_.TopologyOf("n4"), *world_.TopologyOf("n1"));
  EXPECT_EQ(world_.DiskBindingOf("n4"), (Binding{kN1sCluster, Uuid{}}));
  EXPECT_THAT(world_.LogOf("n4"),
              Contains("n4 is a member of cluster demo, epoch 2, 4 nodes, 16 partitions"));
  EXPECT_EQ(world_.at("n4").NextWakeAt(), Instant::max());
}

TEST_F(JoiningTest, TheTopologyIsStoredOnlyWhenTheBindingIsDurable) {
  StartWithJoin(4);
  world_.Run();
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.HoldDisk("n4");
  world_.Run(5);
  EXPECT_THAT(world_.TopologyOf("n4"), IsNull());
  // Dies with the binding on its disk and nothing else: it joins, and founds nothing.
  world_.Kill("n4");
  world_.ReleaseDisk("n4");
  world_.options("n4").join.clear();
  world_.options("n4").binding = {kN1sCluster, Uuid{}};
  Founding bound(world_.options("n4"));
  bound.Advance(Instant{});
  EXPECT_FALSE(bound.TakeEffects().bind);
  EXPECT_THAT(bound.WaitingFor(), HasSubstr("nobody to ask"));
}

TEST_F(JoiningTest, SeveralMayAskAtOnce) {
  StartWithJoin(4);
  StartWithJoin(5);
  world_.Run(5);
  EXPECT_THAT(Announced(), UnorderedElementsAre(CardOf(4), CardOf(5)));
  world_.Decide(AddMembers{{CardOf(4), CardOf(5)}, "n4"});
  world_.Run(5);
  for (const char* name : {"n4", "n5"}) {
    ASSERT_THAT(world_.TopologyOf(name), NotNull()) << name;
    EXPECT_EQ(world_.TopologyOf(name)->members.size(), 5U);
  }
}

// It lists all of them, and they, who were founded before, not it.
TEST_F(JoiningTest, ANodeWhoseFileListsTheClusterAsksByItself) {
  world_.Add(4, {1, 2, 3});
  world_.Start("n4");
  world_.Run(5);
  EXPECT_THAT(Announced(), ElementsAre(CardOf(4)));
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.Run(5);
  EXPECT_THAT(world_.TopologyOf("n4"), NotNull());
}

// By its file it is the first of all: it has bound itself, and greeted as the founder.
TEST_F(JoiningTest, AFounderThatFindsAClusterGivesItsFoundingUpBeforeItAsks) {
  world_.Add(0, {1, 2, 3});
  NodeCard& card = world_.options("n0").self;
  card.uuid = UuidOf(0xa0);
  world_.Start("n0");
  EXPECT_FALSE(world_.DiskBindingOf("n0").cluster_id.is_nil());
  world_.HoldDisk("n0");
  world_.Run(5);
  EXPECT_THAT(Announced(), IsEmpty()) << "its founding is on its disk still";
  world_.ReleaseDisk("n0");
  EXPECT_EQ(world_.DiskBindingOf("n0"), Binding{});
  world_.Run(5);
  EXPECT_THAT(Announced(), ElementsAre(card));
  EXPECT_EQ(Times(world_.LogOf("n0"), "gave up founding cluster"), 1);
  world_.Decide(AddMembers{{card}, "n0"});
  world_.Run(5);
  ASSERT_THAT(world_.TopologyOf("n0"), NotNull());
  EXPECT_EQ(world_.DiskBindingOf("n0"), (Binding{kN1sCluster, Uuid{}}));
}

// n4 answered n0, which was about to found. n0 has found the cluster, and will found nothing.
TEST_F(JoiningTest, WhoIsBoundByAFounderThatJoinedIsFree) {
  world_.Add(4, {1, 2, 3});
  world_.options("n4").binding = {UuidOf(0xc0), UuidOf(9)};
  Founding n4(world_.options("n4"));
  const auto show = [&] {
    n4.OnHelloAnswer("n1", {.envelope = {},
                            .from = CardOf(1),
                            .bound = {},
                            .topology = EncodeTopology(*world_.TopologyOf("n1"))});
  };
  show();
  EXPECT_THAT(n4.WaitingFor(), AllOf(HasSubstr("n1 belongs to cluster " + kN1sCluster.ToString()),
                                     HasSubstr("bound to " + UuidOf(0xc0).ToString())));
  world_.Decide(AddMembers{{CardOf(9), CardOf(4)}, "n9"});
  show();
  EXPECT_EQ(n4.TakeEffects().bind, (Binding{kN1sCluster, Uuid{}}));
}

// n0 is a member, and n4 is not yet: members refuse who says that it belongs to another cluster.
TEST_F(JoiningTest, WhoIsFreeOfAFounderSaysSoBeforeItAsks) {
  world_.Add(4, {1, 2, 3});
  world_.options("n4").binding = {UuidOf(0xc0), UuidOf(9)};
  world_.Decide(AddMembers{{CardOf(9)}, "n9"});
  Founding n4(world_.options("n4"));
  n4.OnHelloAnswer("n1", {.envelope = {},
                          .from = CardOf(1),
                          .bound = {},
                          .topology = EncodeTopology(*world_.TopologyOf("n1"))});
  EXPECT_EQ(n4.TakeEffects().bind, Binding{});
}

TEST_F(JoiningTest, WhoAsksTakesPartInNoOtherFounding) {
  StartWithJoin(4);
  world_.Run();
  const auto answer = world_.Greet("n4", {.envelope = {.cluster_id = UuidOf(0xee),
                                                       .from = UuidOf(9),
                                                       .from_boot = {},
                                                       .to = {},
                                                       .epoch = {}},
                                          .from = CardOf(9),
                                          .to_name = "n4",
                                          .terms = TermsOf(0),
                                          .found = true,
                                          .topology = {}});
  ASSERT_TRUE(answer && answer->refused);
  EXPECT_THAT(answer->refused->message,
              AllOf(HasSubstr(kN1sCluster.ToString()), HasSubstr(UuidOf(0xee).ToString())));
  EXPECT_TRUE(world_.DiskBindingOf("n4").cluster_id.is_nil());
}

TEST_F(JoiningTest, AWipedNodeAsksUnderItsNewUuid) {
  world_.Wipe("n2");
  world_.Start("n2");
  world_.Run(5);
  EXPECT_THAT(Announced(), ElementsAre(world_.options("n2").self));
  EXPECT_THAT(world_.WaitingFor("n2"),
              HasSubstr("name n2 is in use by " + UuidOf(2).ToString() + " at 127.0.0.1:7421"));
  world_.Decide(ReplaceWiped{NodeId{2}, world_.options("n2").self});
  world_.Run(5);
  EXPECT_THAT(world_.TopologyOf("n2"), NotNull());
}

TEST_F(JoiningTest, WhatTheClusterSaysIsShownAndLoggedOncePerChange) {
  StartWithJoin(4);
  world_.at("n1").SetVerdict(UuidOf(4), kInUse);
  for (const char* name : {"n2", "n3"}) world_.Kill(name);
  world_.Run(20);
  EXPECT_EQ(world_.WaitingFor("n4"), "waiting for cluster demo to take n4 in; " + kInUse.message);
  EXPECT_EQ(Times(world_.LogOf("n4"), kInUse.message), 1);
  world_.at("n1").SetVerdict(UuidOf(4), std::nullopt);
  world_.Run(10);
  EXPECT_EQ(world_.WaitingFor("n4"), "waiting for cluster demo to take n4 in");
  world_.at("n1").SetVerdict(UuidOf(4), kInUse);
  world_.Run(10);
  EXPECT_EQ(Times(world_.LogOf("n4"), kInUse.message), 2);
  EXPECT_THAT(Announced(), ElementsAre(CardOf(4))) << "it goes on asking";
}

TEST_F(JoiningTest, AVerdictIsForgottenAfterAWhile) {
  StartWithJoin(4);
  world_.at("n1").SetVerdict(UuidOf(4), kInUse);
  for (const char* name : {"n2", "n3"}) world_.Kill(name);
  world_.Run(20);
  EXPECT_THAT(world_.WaitingFor("n4"), HasSubstr(kInUse.message));
  world_.Run(620);
  EXPECT_EQ(world_.WaitingFor("n4"), "waiting for cluster demo to take n4 in");
}

TEST_F(JoiningTest, FilesThatDifferAreRefusedNamingBothValues) {
  world_.Add(4, {});
  world_.options("n4").join = {CardOf(1).peer_address};
  world_.options("n4").terms.name = "prod";
  world_.Start("n4");
  world_.Run(5);
  EXPECT_THAT(world_.WaitingFor("n4"), AllOf(HasSubstr("prod"), HasSubstr("demo")));
  EXPECT_THAT(Announced(), IsEmpty());
}

TEST_F(JoiningTest, AnAddressWhereNobodyAnswersIsNamed) {
  StartWithJoin(4, "127.0.0.1:9");
  world_.Run();
  EXPECT_EQ(world_.WaitingFor("n4"),
            "waiting for cluster demo to take n4 in; no answer yet from 127.0.0.1:9");
}

// The addresses of all members come with the first answer.
TEST_F(JoiningTest, AllMembersAreAskedOnceOneOfThemHasAnswered) {
  StartWithJoin(4);
  world_.Run(1);
  (void)Announced();
  world_.Kill("n1");
  world_.Run(10);
  EXPECT_THAT(world_.AnnouncedTo("n2"), Contains(CardOf(4)));
  EXPECT_THAT(world_.AnnouncedTo("n3"), Contains(CardOf(4)));
}

TEST_F(JoiningTest, AMemberOfAnEarlierEpochDoesNotConfuseWhoAsks) {
  StartWithJoin(4);
  world_.Run(3);
  world_.Kill("n2");
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.Start("n2");  // It was away, and knows no n4.
  world_.Run(10);
  EXPECT_THAT(world_.TopologyOf("n4"), NotNull());
}

// Nobody is a member yet: the founding does not count on who asks, and goes on without it.
TEST(JoiningBeforeTheFoundingTest, WhoAsksWaitsUntilTheClusterIsFounded) {
  FoundingWorld world(3);
  world.Start("n1");
  world.Start("n2");
  world.Add(4, {});
  world.options("n4").join = {CardOf(1).peer_address, CardOf(2).peer_address};
  world.Start("n4");
  world.Run(5);
  EXPECT_EQ(world.WaitingFor("n4"), "waiting for cluster demo to take n4 in");
  EXPECT_EQ(world.WaitingFor("n1"), "waiting for n3 to found cluster demo");
  world.Start("n3");
  world.Run(5);
  EXPECT_EQ(world.TopologyOf("n1")->members.size(), 3U);
  EXPECT_THAT(world.AnnouncedTo("n1"), Contains(CardOf(4)));
}

TEST_F(JoiningTest, AMemberThatStartsAgainAnnouncesItselfUntilOneHasAnswered) {
  for (const char* name : {"n1", "n2", "n3"}) world_.Kill(name);
  world_.Start("n3");
  world_.Run(10);
  EXPECT_NE(world_.at("n3").NextWakeAt(), Instant::max());
  world_.Start("n2");
  world_.Run(10);
  EXPECT_EQ(world_.at("n3").NextWakeAt(), Instant::max());
  EXPECT_EQ(world_.at("n2").NextWakeAt(), Instant::max());
  EXPECT_THAT(Announced(), IsEmpty()) << "they are where they were";
}

TEST_F(JoiningTest, AMemberThatMovedIsAnnouncedUntilAMemberKnowsItsCard) {
  world_.Kill("n3");
  NodeCard& card = world_.options("n3").self;
  card.peer_address = "10.0.0.3:7401";
  world_.Start("n3");
  world_.Run(10);
  EXPECT_THAT(world_.AnnouncedTo("n1"), AllOf(Contains(card), Each(card)));
  EXPECT_THAT(world_.AnnouncedTo("n2"), Contains(card));
  world_.Decide(NoteCard{NodeId{3}, card});
  world_.Run(10);
  (void)Announced();
  world_.Run(10);
  EXPECT_THAT(Announced(), IsEmpty());
  EXPECT_EQ(world_.at("n3").NextWakeAt(), Instant::max());
}

TEST_F(JoiningTest, AMemberThatWasAwayIsShownTheLaterTopology) {
  world_.Kill("n3");
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.Start("n3");
  world_.Run(1);
  ASSERT_TRUE(world_.LaterShownTo("n3"));
  EXPECT_EQ(*world_.LaterShownTo("n3"), *world_.TopologyOf("n1"));
}

// n4 was handed a topology that was over by then, and greets whom it does not hear.
TEST_F(JoiningTest, AMemberThatAnnouncesNothingIsShownTheLaterTopologyToo) {
  world_.Run(10);
  const Topology before = *world_.TopologyOf("n3");
  Topology later = before;
  later.epoch.value += 5;
  (void)world_.at("n3").TakeEffects();
  world_.at("n3").OnHelloAnswer("n1", {.envelope = {.cluster_id = later.cluster_id,
                                                    .from = CardOf(1).uuid,
                                                    .from_boot = {},
                                                    .to = {},
                                                    .epoch = later.epoch},
                                       .from = CardOf(1),
                                       .bound = {},
                                       .topology = EncodeTopology(later)});
  EXPECT_EQ(world_.at("n3").TakeEffects().newer, later);
}

// n4 never got anything: it can go at once.
TEST_F(JoiningTest, WhoWasRemovedIsToldSo) {
  StartWithJoin(4);
  world_.Run();
  world_.Decide(AddMembers{{CardOf(4)}, "n4"});
  world_.Run(5);
  world_.Kill("n4");
  const NodeId n4 = world_.TopologyOf("n1")->Find(UuidOf(4))->id;
  world_.Decide(AbortJob{world_.TopologyOf("n1")->FindJobOf(n4)->id});
  world_.Decide(FinishRemoval{n4});
  (void)Announced();
  world_.Start("n4");
  world_.Run(5);
  ASSERT_TRUE(world_.LaterShownTo("n4"));
  EXPECT_THAT(world_.LaterShownTo("n4")->FindRemoved(UuidOf(4)), NotNull());
  EXPECT_EQ(world_.at("n4").NextWakeAt(), Instant::max()) << "there is nobody to ask any more";

  const HelloRequest again = {.envelope = {.cluster_id = kN1sCluster,
                                           .from = UuidOf(4),
                                           .from_boot = {},
                                           .to = {},
                                           .epoch = {}},
                              .from = CardOf(4),
                              .to_name = "n1",
                              .terms = TermsOf(0),
                              .topology = {},
                              .join = true};
  const auto answer = world_.Greet("n1", again);
  ASSERT_TRUE(answer && answer->refused);
  EXPECT_EQ(answer->refused->reason, Reason::kNodeRemoved);
  EXPECT_THAT(Announced(), IsEmpty());
}

}  // namespace
}  // namespace kvd::topology
