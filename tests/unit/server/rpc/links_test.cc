// Members come, go and move while n2 keeps links: n1 dials it, n3 and n4 are dialled. What the
// other side sees of a link, and what the node is told.

#include "server/rpc/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/unit/server/rpc/links_world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::rpc {
namespace {

using ::kvd::testing::Eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kNowhere[] = "127.0.0.1:1";  // Nobody listens: connections are refused.

class LinksTest : public ::testing::Test {
 protected:
  node::LinkTarget Third() const { return LinksWorld::Target(3, third_.address()); }
  node::LinkTarget Fourth() const { return LinksWorld::Target(4, fourth_.address()); }

  // How the node refuses one who introduces itself so.
  std::string Refused(const Introduction& introduction) {
    const grpc::Status status = DiallingPeer(world_.address(), introduction).AwaitEnd();
    EXPECT_FALSE(status.error_details().empty()) << status.error_message();
    return status.error_details() + ": " + status.error_message();
  }

  LinksWorld world_;  // First: gRPC takes the event loop's hooks before its first server only.
  DialledPeer third_;
  DialledPeer fourth_;
};

TEST_F(LinksTest, AMemberThatComesIsDialled) {
  world_.SetTargets({});
  world_.SetTargets({Third()});
  EXPECT_TRUE(world_.AwaitLinked(3));
  EXPECT_EQ(third_.expected(), topology::UuidOf(3).ToString());
}

TEST_F(LinksTest, AMemberThatGoesIsCutOffAndTheNodeIsTold) {
  world_.SetTargets({Third(), Fourth()});
  ASSERT_TRUE(world_.AwaitLinked(3));
  ASSERT_TRUE(world_.AwaitLinked(4));
  world_.SetTargets({Fourth()});
  EXPECT_TRUE(world_.AwaitLinked(3, false));
  EXPECT_TRUE(Eventually([&] { return third_.ended() == 1; }));
  EXPECT_TRUE(world_.AwaitLinked(4));
}

TEST_F(LinksTest, AMemberThatComesBackIsDialledAgain) {
  world_.SetTargets({Third()});
  ASSERT_TRUE(world_.AwaitLinked(3));
  world_.SetTargets({});
  ASSERT_TRUE(world_.AwaitLinked(3, false));
  world_.SetTargets({Third()});
  EXPECT_TRUE(world_.AwaitLinked(3));
  EXPECT_EQ(third_.begun(), 2);
}

TEST_F(LinksTest, AnUnchangedTargetKeepsItsLink) {
  world_.SetTargets({Third()});
  ASSERT_TRUE(world_.AwaitLinked(3));
  world_.SetTargets({Third(), Fourth()});
  ASSERT_TRUE(world_.AwaitLinked(4));
  world_.SetTargets({Third()});
  ASSERT_TRUE(world_.AwaitLinked(4, false));
  EXPECT_EQ(third_.begun(), 1);
  EXPECT_EQ(third_.ended(), 0);
}

TEST_F(LinksTest, AMemberThatMovedIsDialledAtItsNewAddress) {
  const DialledPeer moved;
  world_.SetTargets({Third()});
  ASSERT_TRUE(world_.AwaitLinked(3));
  world_.SetTargets({LinksWorld::Target(3, moved.address())});
  EXPECT_TRUE(Eventually([&] { return third_.ended() == 1 && moved.begun() == 1; }));
  EXPECT_TRUE(world_.AwaitLinked(3));
}

// Its old address was wrong or is dead: nobody waits for it.
TEST_F(LinksTest, AMemberThatCouldNotBeReachedIsDialledAtItsNewAddress) {
  world_.SetTargets({LinksWorld::Target(3, kNowhere)});
  world_.SetTargets({Third()});
  EXPECT_TRUE(Eventually([&] { return third_.begun() == 1; }));
}

// At the one address is nobody, or somebody else.
TEST_F(LinksTest, AMemberThatMayBeAtTwoAddressesIsFoundAtEither) {
  node::LinkTarget target = LinksWorld::Target(3, kNowhere);
  target.other_address = third_.address();
  world_.SetTargets({target});
  EXPECT_TRUE(world_.AwaitLinked(3));
  fourth_.Refuse({.reason = Reason::kWrongNode, .message = "somebody else"});
  target.peer_address = fourth_.address();
  world_.SetTargets({target});
  EXPECT_TRUE(Eventually([&] { return third_.begun() == 2; }));
}

TEST_F(LinksTest, AnotherUuidIsAnotherNode) {
  world_.SetTargets({Third()});
  ASSERT_TRUE(world_.AwaitLinked(3));
  node::LinkTarget other = Third();
  other.uuid = topology::UuidOf(9);
  world_.SetTargets({other});
  EXPECT_TRUE(Eventually([&] { return third_.begun() == 2 && third_.ended() == 1; }));
  EXPECT_EQ(third_.expected(), topology::UuidOf(9).ToString());
}

TEST_F(LinksTest, AMemberThatDialsIsAcceptedUntilItGoes) {
  world_.SetTargets({LinksWorld::Target(1, fourth_.address())});  // Where it can be asked for.
  DiallingPeer first(world_.address(), world_.IntroductionOf(1));
  ASSERT_TRUE(first.IsAccepted());
  EXPECT_TRUE(world_.AwaitLinked(1));
  world_.SetTargets({});
  EXPECT_EQ(first.AwaitEnd().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(world_.AwaitLinked(1, false));
}

TEST_F(LinksTest, WhoIsNoMemberIsToldSo) {
  world_.SetTargets({Third()});
  EXPECT_THAT(Refused(world_.IntroductionOf(1)),
              AllOf(HasSubstr("WRONG_NODE"),
                    HasSubstr(topology::UuidOf(1).ToString() + " is no member of cluster")));
}

TEST_F(LinksTest, WhoWasRemovedIsToldSo) {
  world_.SetTargets({Third()},
                    {{NodeId{1}, topology::UuidOf(1), topology::NameOfNode(1), Epoch{7}}});
  EXPECT_THAT(Refused(world_.IntroductionOf(1)),
              AllOf(HasSubstr("NODE_REMOVED"), HasSubstr("n1 was removed at epoch 7")));

  // Recovered without it, the cluster has another id than it knows.
  Introduction of_before = world_.IntroductionOf(1);
  of_before.cluster_id = topology::UuidOf(0xdd).ToString();
  EXPECT_THAT(Refused(of_before), HasSubstr("NODE_REMOVED"));
}

TEST_F(LinksTest, WhoDialsBeforeThereIsATopologyIsToldSo) {
  EXPECT_THAT(Refused(world_.IntroductionOf(1)), HasSubstr("NODE_JOINING"));
}

TEST_F(LinksTest, WhoMeansAnotherClusterOrNodeIsToldBothValues) {
  world_.SetTargets({LinksWorld::Target(1, kNowhere)});
  Introduction introduction = world_.IntroductionOf(1);
  introduction.cluster_id = topology::UuidOf(0xdd).ToString();
  EXPECT_THAT(Refused(introduction),
              AllOf(HasSubstr("WRONG_CLUSTER"), HasSubstr(topology::UuidOf(0xcc).ToString()),
                    HasSubstr(topology::UuidOf(0xdd).ToString())));
  introduction = world_.IntroductionOf(1);
  introduction.to = topology::UuidOf(3).ToString();
  EXPECT_THAT(Refused(introduction),
              AllOf(HasSubstr("WRONG_NODE"), HasSubstr(topology::UuidOf(2).ToString()),
                    HasSubstr(topology::UuidOf(3).ToString())));
  EXPECT_THAT(Refused({}), HasSubstr("WRONG_CLUSTER"));
}

TEST_F(LinksTest, ARefusalOfThePeerIsLoggedOnce) {
  third_.Refuse({.reason = Reason::kNodeJoining, .message = "not yet"});
  world_.SetTargets({Third()});
  EXPECT_TRUE(Eventually([&] { return third_.begun() >= 4; }));
  EXPECT_EQ(world_.CountInLog("link refused: not yet"), 1);
}

TEST_F(LinksTest, MembersMayChangeFasterThanLinksOpen) {
  for (int i = 0; i < 100; ++i) {
    world_.SetTargets({Third(), Fourth()});
    world_.SetTargets({Fourth()});
    world_.SetTargets({});
  }
  EXPECT_TRUE(world_.AwaitLinked(3, false));
  world_.SetTargets({Third()});
  EXPECT_TRUE(world_.AwaitLinked(3));
  EXPECT_TRUE(world_.AwaitLinked(4, false));
}

TEST_F(LinksTest, MembersMayChangeWhileLinksStop) {
  std::atomic<bool> stopped = false;
  std::atomic<int> rounds = 0;
  std::thread changes([&] {
    while (!stopped) {
      world_.SetTargets({Third(), Fourth()});
      world_.SetTargets({Fourth()});
      ++rounds;
    }
  });
  EXPECT_TRUE(Eventually([&] { return rounds > 10; }));
  world_.StopLinks();
  stopped = true;
  changes.join();
  world_.SetTargets({Third()});
  EXPECT_THAT(Refused(world_.IntroductionOf(1)), HasSubstr("NODE_DRAINING"));
}

}  // namespace
}  // namespace kvd::rpc
