// A node on its way into a cluster: what it refuses, hands on and asks for until it has a topology.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/server/node/world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::SizeIs;

constexpr Instant kNow{};

// n1 of three, on a blank disk.
Node::Options Blank(uint8_t nodes) {
  Node::Options options = World(nodes).OptionsOf(kN1);
  options.founding.topology.reset();
  options.founding.binding = {};
  options.founding.fresh_cluster_id = topology::UuidOf(0xcc);
  options.founding.boot = {.counter = 1, .nonce = 1};
  return options;
}

TEST(NodeFoundingTest, CallsAreRefusedUntilFounded) {
  Node node(Blank(3), kNow);
  node.OnCall(CallId{1}, {.key = "a", .action = Get{}}, std::nullopt, kNow);
  const Effects effects = node.TakeEffects();
  ASSERT_THAT(effects.answers, SizeIs(1));
  const auto* refusal = std::get_if<Refusal>(&effects.answers[0].second.result);
  ASSERT_THAT(refusal, NotNull());
  EXPECT_EQ(refusal->reason, Reason::kNodeJoining);
  EXPECT_THAT(refusal->message, HasSubstr("n1 does not serve yet: waiting for n2, n3"));
  EXPECT_TRUE(node.IsIdle());
}

TEST(NodeFoundingTest, SingleNodeServesAsSoonAsItsTopologyIsStored) {
  Node node(Blank(1), kNow);
  EXPECT_TRUE(node.TakeEffects().founding.bind);
  node.OnBound(kNow);
  EXPECT_TRUE(node.TakeEffects().founding.store);
  EXPECT_THAT(node.topology(), IsNull());
  node.OnTopologyStored(kNow);
  ASSERT_THAT(node.topology(), NotNull());
  node.OnCall(CallId{1}, {.key = "a", .action = Put{.value = "1"}}, 1s, kNow);
  // The disk says done to everything: elections of one, then the write itself.
  std::vector<partition::ApplyJob> applies;
  for (int i = 0; i < 5; ++i) {
    node.Advance(kNow);
    const Effects effects = node.TakeEffects();
    for (const raft::Write& write : effects.appends) {
      node.OnDurable(write.write.group, write.number, kNow);
    }
    applies.insert(applies.end(), effects.applies.begin(), effects.applies.end());
  }
  const auto has_payload = [](const partition::ApplyJob& job) {
    return std::ranges::any_of(job.entries,
                               [](const auto& entry) { return !entry.payload.empty(); });
  };
  EXPECT_EQ(std::ranges::count_if(applies, has_payload), 1);
}

TEST(NodeFoundingTest, FounderAsksForTimeToGreet) {
  Node node(Blank(3), kNow);
  (void)node.TakeEffects();
  EXPECT_EQ(node.NextWakeAt(), Instant::max()) << "the binding is not durable";
  node.OnBound(kNow);
  EXPECT_LE(node.NextWakeAt(), kNow);
  node.Advance(kNow);
  EXPECT_THAT(node.TakeEffects().founding.greetings, SizeIs(2));
}

TEST(NodeFoundingTest, GreetingsOfOthersAreAnswered) {
  Node node(Blank(3), kNow);
  (void)node.TakeEffects();
  node.OnBound(kNow);
  (void)node.TakeEffects();
  node.OnHello(
      topology::HelloId{5},
      {.envelope =
           {.cluster_id = {}, .from = topology::UuidOf(2), .from_boot = {}, .to = {}, .epoch = {}},
       .from = topology::CardOf(2),
       .to_name = "n1",
       .terms = topology::TermsOf(3),
       .topology = {}},
      kNow);
  const Effects effects = node.TakeEffects();
  ASSERT_THAT(effects.founding.answers, SizeIs(1));
  EXPECT_EQ(effects.founding.answers[0].id, topology::HelloId{5});
}

TEST(NodeFoundingTest, LinksAreKeptWithAllMembersAndTheLowerIdDials) {
  World world(3);
  Node node(world.OptionsOf(kN2), kNow);
  const auto links = node.TakeEffects().links;
  ASSERT_TRUE(links);
  EXPECT_EQ(links->cluster_id, world.topology().cluster_id);
  ASSERT_THAT(links->targets, SizeIs(2));
  EXPECT_EQ(links->targets[0].id, kN1);
  EXPECT_FALSE(links->targets[0].dial);
  EXPECT_EQ(links->targets[1].id, kN3);
  EXPECT_EQ(links->targets[1].uuid, topology::UuidOf(3));
  EXPECT_TRUE(links->targets[1].dial);
}

TEST(NodeFoundingTest, AddressOfTheFileIsTriedBesideThatOfTheTopology) {
  World world(3);
  Node::Options options = world.OptionsOf(kN1);
  options.founding.peers[0].peer_address = "10.0.0.2:7401";
  Node node(options, kNow);
  const auto target = node.TakeEffects().links->targets[0];
  EXPECT_EQ(target.peer_address, topology::CardOf(2).peer_address);
  EXPECT_EQ(target.other_address, "10.0.0.2:7401");
}

// Two nodes, and one moved: without a link between them nobody could decide that it did.
TEST(NodeFoundingTest, AddressThatAMemberSaysItHasIsTriedBesideThatOfTheTopology) {
  World world(2);
  Node node(world.OptionsOf(kN1), kNow);
  (void)node.TakeEffects();
  topology::NodeCard moved = topology::CardOf(2);
  moved.peer_address = "10.0.0.9:7401";
  const topology::HelloRequest greeting{.envelope = world.EnvelopeOf(kN2, kN1),
                                        .from = moved,
                                        .to_name = "n1",
                                        .terms = world.OptionsOf(kN1).founding.terms,
                                        .topology = {}};
  node.OnHello(topology::HelloId{5}, greeting, kNow);
  const auto links = node.TakeEffects().links;
  ASSERT_TRUE(links);
  EXPECT_EQ(links->targets[0].peer_address, topology::CardOf(2).peer_address);
  EXPECT_EQ(links->targets[0].other_address, "10.0.0.9:7401");
  node.OnHello(topology::HelloId{6}, greeting, kNow);
  EXPECT_FALSE(node.TakeEffects().links) << "nothing changed";
}

// n1 was away while n2 moved: only n1 dials, and it dials where nobody is.
TEST(NodeFoundingTest, MemberThatIsNotHeardIsGreetedNowAndThen) {
  World world(2);
  Node node(world.OptionsOf(kN2), kNow);
  node.OnHelloAnswer("n1",
                     {.envelope = world.EnvelopeOf(kN1, kN2),
                      .from = topology::CardOf(1),
                      .bound = {},
                      .topology = topology::EncodeTopology(world.topology())},
                     kNow);
  (void)node.TakeEffects();
  size_t greetings = 0;
  for (int ms = 0; ms < 10'000; ms += 100) {
    node.Advance(kNow + std::chrono::milliseconds(ms));
    greetings += node.TakeEffects().founding.greetings.size();
  }
  EXPECT_GE(greetings, 4U);
  EXPECT_LE(greetings, 6U);
}

TEST(NodeFoundingTest, FramesBeforeFoundingAreDropped) {
  Node node(Blank(3), kNow);
  (void)node.TakeEffects();
  node.OnFrame(kN2, {}, kNow);
  node.OnLinkUp(kN2, kNow);
  node.OnLinkDown(kN2, kNow);
  node.OnRefused(kN2, kNow);
  EXPECT_THAT(node.TakeEffects().frames, IsEmpty());
}

}  // namespace
}  // namespace kvd::node
