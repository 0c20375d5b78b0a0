// What the links carry: heartbeats out, and what comes in judged before it is believed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/server/node/world.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class FramesTest : public ::testing::Test {
 protected:
  // n1 gets, on its link with `peer`, a put under this envelope. Returns what it logged.
  std::vector<LogLine> Deliver(NodeId peer, const topology::Envelope& envelope) {
    (void)world_.TakeLogOf(kN1);
    Frame frame;
    frame.envelope = envelope;
    const std::string key = world_.KeyOf(kN1);
    const PartitionId partition = world_.PartitionOfKey(key);
    frame.forwards.push_back({.id = 1,
                              .remaining = 1s,
                              .partition = partition,
                              .replica = world_.topology().PreferredOwner(partition).id,
                              .operation = {.key = key, .action = Put{.value = "1"}}});
    world_.at(kN1).OnFrame(peer, std::move(frame), world_.now());
    world_.Settle();
    return world_.TakeLogOf(kN1);
  }

  [[nodiscard]] bool WasWritten() {
    return std::holds_alternative<Found>(world_.ResultOf(world_.Get(kN1, world_.KeyOf(kN1))));
  }

  World world_{3};
};

TEST_F(FramesTest, RightEnvelopeIsTaken) {
  EXPECT_THAT(Deliver(kN2, world_.EnvelopeOf(kN2, kN1)), IsEmpty());
  EXPECT_TRUE(WasWritten());
}

TEST_F(FramesTest, EpochThatDiffersRefusesNothing) {
  topology::Envelope envelope = world_.EnvelopeOf(kN2, kN1);
  envelope.epoch = Epoch{99};
  EXPECT_THAT(Deliver(kN2, envelope), IsEmpty());
  EXPECT_TRUE(WasWritten());
}

TEST_F(FramesTest, FrameOfAnotherClusterIsDroppedAndLogged) {
  topology::Envelope envelope = world_.EnvelopeOf(kN2, kN1);
  envelope.cluster_id = topology::UuidOf(0xdd);
  const auto lines = Deliver(kN2, envelope);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].level, LogLevel::kWarn);
  EXPECT_EQ(lines[0].message, "peer frame dropped, it is not for this node");
  EXPECT_THAT(lines[0].fields,
              ElementsAre(Pair("peer", "n2"), Pair("from", topology::UuidOf(2).ToString())));
  EXPECT_FALSE(WasWritten());
}

TEST_F(FramesTest, FrameForAnotherNodeIsDroppedAndLogged) {
  EXPECT_THAT(Deliver(kN2, world_.EnvelopeOf(kN2, kN3)), SizeIs(1));
  EXPECT_FALSE(WasWritten());
}

TEST_F(FramesTest, FrameOfAnotherSenderThanTheLinksIsDroppedAndLogged) {
  const auto lines = Deliver(kN2, world_.EnvelopeOf(kN3, kN1));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].message, "peer frame dropped, unknown sender");
  EXPECT_FALSE(WasWritten());
}

TEST_F(FramesTest, FrameOfAStrangerIsDroppedAndLogged) {
  topology::Envelope envelope = world_.EnvelopeOf(kN2, kN1);
  envelope.from = topology::UuidOf(9);
  EXPECT_THAT(Deliver(NodeId{9}, envelope), SizeIs(1));
  EXPECT_FALSE(WasWritten());
}

TEST_F(FramesTest, DroppedFrameIsNoSignOfLife) {
  world_.Pass(1s);
  world_.Freeze(kN2);
  topology::Envelope envelope = world_.EnvelopeOf(kN2, kN1);
  envelope.cluster_id = topology::UuidOf(0xdd);
  for (int i = 0; i < 20; ++i) {
    world_.Pass(100ms);
    Frame frame;
    frame.envelope = envelope;
    frame.heartbeat.emplace().heard_ago = 1ms;
    world_.at(kN1).OnFrame(kN2, std::move(frame), world_.now());
  }
  EXPECT_EQ(world_.at(kN1).ViewCluster(world_.now()).nodes[1].state, NodeState::kDown);
}

// Outgoing.

TEST_F(FramesTest, EveryPeerHearsAHeartbeatPerInterval) {
  int beats = 0;
  world_.SetFilter([&beats](World::Sent& sent) {
    if (sent.from == kN1 && sent.to == kN3) beats += sent.frame.heartbeat ? 1 : 0;
    return true;
  });
  world_.Pass(500ms);
  EXPECT_EQ(beats, 5);
}

TEST_F(FramesTest, FramesNameClusterSenderBootAndAddressee) {
  world_.HoldNetwork();
  world_.Pass(200ms);
  ASSERT_FALSE(world_.sent().empty());
  for (const auto& sent : world_.sent()) {
    EXPECT_EQ(sent.frame.envelope, world_.EnvelopeOf(sent.from, sent.to));
    EXPECT_EQ(sent.frame.envelope.from_boot, (topology::Boot{.counter = 2, .nonce = 1}));
  }
}

TEST_F(FramesTest, NewLinkIsSpokenOnAtOnce) {
  world_.Break(kN1, kN2);
  world_.HoldNetwork();
  world_.Link(kN1, kN2);
  const auto is_greeting = [](const World::Sent& sent) {
    return sent.from == kN1 && sent.to == kN2 && sent.frame.heartbeat;
  };
  EXPECT_EQ(std::ranges::count_if(world_.sent(), is_greeting), 1);
}

TEST_F(FramesTest, ForwardsOfOneMomentAreOneFrame) {
  world_.HoldNetwork();
  Node& node = world_.at(kN1);
  for (uint64_t call = 100; call < 103; ++call) {
    node.OnCall(CallId{call}, {.key = world_.KeyOf(kN2), .action = Get{}}, std::nullopt,
                world_.now());
  }
  world_.Settle();
  ASSERT_THAT(world_.sent(), SizeIs(1));
  EXPECT_THAT(world_.sent()[0].frame.forwards, SizeIs(3));
}

TEST_F(FramesTest, PeersAreToldOfDrainingAtOnce) {
  world_.at(kN1).StartDraining(world_.now());
  world_.Settle();
  EXPECT_EQ(world_.at(kN2).ViewCluster(world_.now()).nodes[0].state, NodeState::kDraining);
  EXPECT_EQ(world_.at(kN1).ViewCluster(world_.now()).nodes[0].state, NodeState::kDraining);
}

}  // namespace
}  // namespace kvd::node
