// n1's view of n2 and n3, as a timeline in milliseconds. Both start unlinked and unheard.

#include "server/node/peers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr NodeId kSelf{1};
constexpr NodeId kPeer2{2};
constexpr NodeId kPeer3{3};

constexpr Instant At(int ms) {
  return Instant{std::chrono::milliseconds(ms)};
}

class PeersTest : public ::testing::Test {
 protected:
  // `peer` speaks every 100 ms in (from, until], and hears us well.
  void Talk(NodeId peer, int from_ms, int until_ms, bool draining = false) {
    for (int ms = from_ms + 100; ms <= until_ms; ms += 100) {
      const Heartbeat beat{.heard_ago = 10ms,
                           .load = {.keys = 5, .disk_bytes = 6, .uptime = 7s, .version = "0.1"},
                           .draining = draining,
                           .unfit = false};
      Hear(peer, beat, At(ms));
      AdvanceTo(ms);
    }
  }

  void Hear(NodeId peer, const std::optional<Heartbeat>& beat, Instant at) {
    EXPECT_FALSE(peers_.OnFrame(peer, {.counter = 1, .nonce = 1}, beat, at));
  }

  void AdvanceTo(int ms) {
    for (LogLine& line : peers_.Advance(At(ms)).log) lines_.push_back(std::move(line));
  }

  // Lets time pass in steps of 10 ms.
  void Silence(int from_ms, int until_ms) {
    for (int ms = from_ms; ms <= until_ms; ms += 10) AdvanceTo(ms);
  }

  [[nodiscard]] NodeView View(NodeId peer, int ms) const {
    NodeView view;
    peers_.Describe(peer, At(ms), view);
    return view;
  }

  Peers peers_{
      {},
      {},
      topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(3), topology::CardsOf(3)),
      kSelf,
      At(0)};
  std::vector<LogLine> lines_;
};

TEST_F(PeersTest, AreAllMembersButThisNode) {
  EXPECT_THAT(peers_.ids(), ElementsAre(kPeer2, kPeer3));
}

TEST_F(PeersTest, WithoutLinkIsNotReachable) {
  Talk(kPeer2, 0, 500);
  EXPECT_FALSE(peers_.IsReachable(kPeer2));
  EXPECT_EQ(peers_.WhyUnreachable(kPeer2), "not connected");
}

TEST_F(PeersTest, LinkedAndHeardIsReachable) {
  peers_.OnLinkUp(kPeer2);
  Talk(kPeer2, 0, 500);
  EXPECT_TRUE(peers_.IsReachable(kPeer2));
  peers_.OnLinkDown(kPeer2);
  EXPECT_FALSE(peers_.IsReachable(kPeer2));
}

TEST_F(PeersTest, ThisNodeAndStrangersAreNotReachable) {
  peers_.OnLinkUp(kSelf);
  peers_.OnLinkUp(NodeId{9});
  Hear(NodeId{9}, std::nullopt, At(1));
  EXPECT_FALSE(peers_.IsReachable(kSelf));
  EXPECT_FALSE(peers_.IsReachable(NodeId{9}));
  EXPECT_EQ(View(NodeId{9}, 10).state, NodeState::kJoining)
      << "nothing is known, nothing filled in";
}

TEST_F(PeersTest, TalkingPeerIsUpAndToldOfItself) {
  peers_.OnLinkUp(kPeer2);
  Talk(kPeer2, 0, 500);
  const NodeView view = View(kPeer2, 500);
  EXPECT_EQ(view.state, NodeState::kUp);
  EXPECT_EQ(view.silent, Duration(0));
  EXPECT_EQ(view.silent_reason, "");
  ASSERT_TRUE(view.load);
  EXPECT_EQ(view.load->keys, 5U);
  EXPECT_EQ(view.load->version, "0.1");
}

TEST_F(PeersTest, DrainingPeerSaysSo) {
  peers_.OnLinkUp(kPeer2);
  Talk(kPeer2, 0, 500, /*draining=*/true);
  EXPECT_EQ(View(kPeer2, 500).state, NodeState::kDraining);
  EXPECT_TRUE(peers_.IsReachable(kPeer2)) << "it still serves";
}

TEST_F(PeersTest, SilentPeerIsSuspectThenDown) {
  peers_.OnLinkUp(kPeer2);
  Talk(kPeer2, 0, 1000);
  Silence(1010, 1700);
  EXPECT_FALSE(peers_.IsReachable(kPeer2));
  EXPECT_EQ(peers_.WhyUnreachable(kPeer2), "silent");
  NodeView view = View(kPeer2, 1700);
  EXPECT_EQ(view.state, NodeState::kSuspect);
  EXPECT_EQ(view.silent, Duration(700ms));
  EXPECT_EQ(view.silent_reason, "silent");
  view = View(kPeer2, 3000);
  EXPECT_EQ(view.state, NodeState::kDown);
  EXPECT_EQ(view.silent, Duration(2s));
}

TEST_F(PeersTest, RefusingPeerIsDownAtOnce) {
  peers_.OnLinkUp(kPeer2);
  Talk(kPeer2, 0, 1000);
  peers_.OnLinkDown(kPeer2);
  peers_.OnRefused(kPeer2, At(1005));
  Silence(1010, 1010);
  EXPECT_EQ(View(kPeer2, 1010).state, NodeState::kDown);
  EXPECT_EQ(View(kPeer2, 1010).silent_reason, "connection refused");
}

TEST_F(PeersTest, PeerThatDoesNotHearUsIsSuspect) {
  peers_.OnLinkUp(kPeer2);
  for (int ms = 100; ms <= 2000; ms += 100) {
    Hear(kPeer2, Heartbeat{}, At(ms));  // heard_ago unset: never.
    (void)peers_.Advance(At(ms));
  }
  EXPECT_EQ(peers_.WhyUnreachable(kPeer2), "does not hear us");
  EXPECT_FALSE(peers_.IsReachable(kPeer2));
}

TEST_F(PeersTest, PeerThatWasNeverMetIsSuspectNotUp) {
  EXPECT_EQ(View(kPeer2, 50).state, NodeState::kSuspect);
  EXPECT_EQ(View(kPeer2, 50).silent_reason, "not connected");
}

TEST_F(PeersTest, AnyFrameIsASignOfLife) {
  peers_.OnLinkUp(kPeer2);
  for (int ms = 100; ms <= 2000; ms += 100) {
    Hear(kPeer2, std::nullopt, At(ms));
    (void)peers_.Advance(At(ms));
  }
  EXPECT_TRUE(peers_.IsReachable(kPeer2));
}

TEST_F(PeersTest, SuspicionAndItsEndAreLoggedOnceWithTheReason) {
  Talk(kPeer2, 0, 1000);
  Talk(kPeer3, 900, 1000);
  lines_.clear();
  for (int ms = 1010; ms <= 1700; ms += 10) {
    if (ms % 100 == 0) Hear(kPeer3, std::nullopt, At(ms));
    AdvanceTo(ms);
  }
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].level, LogLevel::kWarn);
  EXPECT_EQ(lines_[0].message, "peer suspected, silent");
  EXPECT_EQ(lines_[0].fields[0], (std::pair<std::string, std::string>{"peer", "n2"}));
  EXPECT_EQ(lines_[0].fields[1].first, "silent_ms");
  lines_.clear();
  Hear(kPeer2, std::nullopt, At(1710));
  AdvanceTo(1710);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].message, "peer is heard again");
}

TEST_F(PeersTest, KnowWhenEachWasHeard) {
  EXPECT_EQ(peers_.HeardAgo(kPeer2, At(50)), std::nullopt);
  Hear(kPeer2, std::nullopt, At(100));
  EXPECT_EQ(peers_.HeardAgo(kPeer2, At(130)), Duration(30ms));
  EXPECT_EQ(peers_.HeardAgo(NodeId{9}, At(130)), std::nullopt);
}

TEST_F(PeersTest, PeerIsFitToLeadOnlyIfItSaysSo) {
  EXPECT_FALSE(peers_.IsFit(kPeer2)) << "it has said nothing";
  Hear(kPeer2, Heartbeat{}, At(100));
  EXPECT_TRUE(peers_.IsFit(kPeer2));
  Hear(kPeer2, std::nullopt, At(150));
  EXPECT_TRUE(peers_.IsFit(kPeer2)) << "a frame without a heartbeat changes nothing";
  Heartbeat draining;
  draining.draining = true;
  Hear(kPeer2, draining, At(200));
  EXPECT_FALSE(peers_.IsFit(kPeer2));
  Heartbeat unfit;
  unfit.unfit = true;
  Hear(kPeer2, unfit, At(300));
  EXPECT_FALSE(peers_.IsFit(kPeer2));
  EXPECT_FALSE(peers_.IsFit(NodeId{9}));
}

TEST_F(PeersTest, OfAPeerInShardsEachTellsItsPart) {
  peers_.OnLinkUp(kPeer2);
  const auto hear = [&](node::Shard shard, uint64_t keys, bool unfit) {
    Heartbeat heartbeat;
    heartbeat.shard = shard;
    heartbeat.load.keys = keys;
    heartbeat.behind = keys;
    heartbeat.unfit = unfit;
    Hear(kPeer2, heartbeat, At(10));
  };
  hear({.index = 0, .count = 2}, 5, false);
  hear({.index = 1, .count = 2}, 7, true);
  EXPECT_EQ(View(kPeer2, 10).load->keys, 12U);
  EXPECT_EQ(peers_.Behind(), 12U);
  EXPECT_FALSE(peers_.IsFit(kPeer2)) << "one shard is unfit";
  hear({.index = 1, .count = 2}, 8, false);
  EXPECT_EQ(View(kPeer2, 10).load->keys, 13U) << "the latest of each counts";
  EXPECT_TRUE(peers_.IsFit(kPeer2));
}

TEST_F(PeersTest, WhatItsShardsToldBeforeItWasRestartedIsForgotten) {
  const auto hear = [&](node::Shard shard, uint64_t counter, bool unfit) {
    Heartbeat heartbeat;
    heartbeat.shard = shard;
    heartbeat.load.keys = 5;
    heartbeat.unfit = unfit;
    (void)peers_.OnFrame(kPeer2, {.counter = counter, .nonce = 1}, heartbeat, At(10));
  };
  hear({.index = 0, .count = 3}, 1, true);
  hear({.index = 2, .count = 3}, 1, true);
  hear({.index = 1, .count = 2}, 2, false);
  EXPECT_TRUE(peers_.IsFit(kPeer2)) << "what its other shard tells may not come to this one";
  EXPECT_EQ(View(kPeer2, 10).load->keys, 5U);
}

TEST_F(PeersTest, PeerHeardUnderAnotherBootWasRestarted) {
  const auto hear = [this](NodeId peer, uint64_t counter, uint64_t nonce) {
    return peers_.OnFrame(peer, {.counter = counter, .nonce = nonce}, std::nullopt, At(100));
  };
  EXPECT_FALSE(hear(kPeer2, 1, 5)) << "the first time";
  EXPECT_FALSE(hear(kPeer2, 1, 5));
  EXPECT_FALSE(hear(kPeer3, 2, 5)) << "another peer";
  EXPECT_TRUE(hear(kPeer2, 2, 5));
  EXPECT_FALSE(hear(kPeer2, 2, 5));
  EXPECT_TRUE(hear(kPeer2, 2, 6));
  EXPECT_FALSE(hear(NodeId{9}, 1, 1));
  EXPECT_FALSE(hear(NodeId{9}, 2, 1));
}

TEST_F(PeersTest, ChangesOfHealthAreReportedOnce) {
  Talk(kPeer2, 0, 1000);
  Talk(kPeer3, 0, 1000);
  std::vector<heartbeat::HealthChange> changes;
  for (int ms = 1010; ms <= 2000; ms += 10) {
    for (const auto& change : peers_.Advance(At(ms)).health) changes.push_back(change);
  }
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].to, heartbeat::Health::kSuspect);
  EXPECT_EQ(changes[1].to, heartbeat::Health::kSuspect);
}

// The rhythm.

TEST_F(PeersTest, BeatsOncePerInterval) {
  EXPECT_TRUE(peers_.IsTimeToBeat(At(0)));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(0)));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(99)));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(100)));
}

TEST_F(PeersTest, ANodeThatIsAwakeBeatsUpToHalfAnIntervalEarly) {
  (void)peers_.IsTimeToBeat(At(0));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(49), /*awake=*/true));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(50)));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(50), /*awake=*/true));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(149)));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(150)));
}

TEST_F(PeersTest, SmallDelaysDoNotAddUp) {
  (void)peers_.IsTimeToBeat(At(0));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(110)));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(200)));
}

TEST_F(PeersTest, MissedBeatsAreNotMadeUpFor) {
  (void)peers_.IsTimeToBeat(At(0));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(1050)));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(1050)));
  EXPECT_FALSE(peers_.IsTimeToBeat(At(1149)));
  EXPECT_TRUE(peers_.IsTimeToBeat(At(1150)));
}

TEST_F(PeersTest, NextWakeIsTheBeatOrTheNextSuspicion) {
  EXPECT_EQ(peers_.NextWakeAt(), At(0));
  (void)peers_.IsTimeToBeat(At(0));
  EXPECT_EQ(peers_.NextWakeAt(), At(100));
}

TEST(SinglePeerlessNodeTest, NeverWakes) {
  const Peers peers(
      {}, {},
      topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(1), topology::CardsOf(1)),
      kSelf, At(0));
  EXPECT_EQ(peers.NextWakeAt(), Instant::max());
  EXPECT_THAT(peers.ids(), IsEmpty());
}

TEST_F(PeersTest, EverySuspicionIsCountedWithItsPeer) {
  for (const int from : {0, 5000}) {
    Talk(kPeer2, from, from + 1000);
    Silence(from + 1000, from + 3000);
  }
  EXPECT_EQ(View(kPeer2, 8000).suspicions, 2U);
  EXPECT_EQ(View(kPeer3, 8000).suspicions, 1U) << "it was never heard";
}

TEST_F(PeersTest, AGapIsAsLongAsFramesAreApart) {
  Talk(kPeer2, 0, 5000);
  EXPECT_EQ(View(kPeer2, 5000).average_gap, 100ms);
}

TEST_F(PeersTest, HeartbeatsThatAreLateAreSaidToBe) {
  ASSERT_TRUE(peers_.IsTimeToBeat(At(0)));
  ASSERT_TRUE(peers_.IsTimeToBeat(At(130)));
  ASSERT_TRUE(peers_.IsTimeToBeat(At(205)));
  EXPECT_EQ(peers_.Late(At(205)), 30ms);
}

TEST_F(PeersTest, WhereNobodyWaitsForAHeartbeatNoneIsLate) {
  const auto topology_of = [](uint8_t nodes) {
    return topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(nodes),
                                   topology::CardsOf(nodes));
  };
  Peers peers({}, {}, topology_of(1), kSelf, At(0));
  ASSERT_TRUE(peers.IsTimeToBeat(At(0)));
  ASSERT_TRUE(peers.IsTimeToBeat(At(9000)));
  EXPECT_EQ(peers.Late(At(9000)), 0ms);
  peers.SetMembers(topology_of(3), kSelf, At(20'000));
  ASSERT_TRUE(peers.IsTimeToBeat(At(20'000)));
  EXPECT_EQ(peers.Late(At(20'000)), 0ms);
}

}  // namespace
}  // namespace kvd::node
