// The replicas of one node, n1 of three, without a node around them: what each test steps in is
// what peers would say. Times are in milliseconds.

#include "server/node/replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr PartitionId kP4{4};
constexpr PartitionId kP7{7};

constexpr Instant At(int ms) {
  return Instant{std::chrono::milliseconds(ms)};
}

class ReplicasTest : public ::testing::Test {
 protected:
  // Replica i of every partition is on node i; `nodes` have one, in ring order.
  void Add(PartitionId partition, const std::vector<uint32_t>& nodes, int ms) {
    RecoveredReplica found;
    found.partition = partition;
    found.id = ReplicaId{1};
    std::vector<NodeId> order;
    for (const uint32_t node : nodes) {
      order.push_back(NodeId{node});
      found.initial.voters.push_back({.id = ReplicaId{node}, .node = NodeId{node}});
    }
    std::ranges::sort(found.initial.voters);
    found.restored.configuration = found.initial;
    replicas_.Add(found, std::move(order), At(ms));
  }

  // Carries out what is wanted, with a disk that does it at once.
  void Settle(int ms) {
    while (replicas_.HasEffects()) {
      Effects effects;
      const auto frame_to = [this](NodeId peer) -> Frame& { return frames_[peer]; };
      const Replicas::Happened happened = replicas_.Collect(effects, frame_to);
      for (const PartitionId partition : happened.leader_changed) changed_.push_back(partition);
      for (const auto& [partition, read] : happened.reads) reads_.push_back(read.id);
      for (const raft::ReadId id : happened.lost_reads) lost_.push_back(id);
      for (const raft::Write& write : effects.appends) {
        if (!disk_held_) replicas_.OnDurable(write.write.group, write.number, At(ms));
      }
      for (const auto& job : effects.applies) {
        replicas_.OnApplied(job.partition, job.entries.back().index);
      }
    }
  }

  void Say(uint32_t from, PartitionId partition, Term term, decltype(raft::Message::body) body,
           int ms) {
    replicas_.Step(NodeId{from},
                   {.group = GroupOf(partition),
                    .message = {.from = ReplicaId{from},
                                .to = ReplicaId{1},
                                .term = term,
                                .body = std::move(body)}},
                   Instant::min(), At(ms));
    Settle(ms);
  }

  // n1 leads `partition` in term 1, and n2 and n3 have everything.
  void Lead(PartitionId partition, int ms) {
    replicas_.CampaignWhereLeaderless([](NodeId) { return false; }, At(ms));
    replicas_.Advance(At(ms));
    Settle(ms);
    Say(2, partition, 1, raft::VoteReply{.pre = true, .granted = true}, ms);
    Say(2, partition, 1, raft::VoteReply{.granted = true}, ms);
    for (const uint32_t node : {2U, 3U}) {
      Say(node, partition, 1, raft::AppendReply{.accepted = true, .index = 1}, ms);
    }
    frames_.clear();
  }

  // What n1 said to a peer, of one kind.
  template <typename Body>
  [[nodiscard]] size_t CountSaid(NodeId peer) {
    size_t count = 0;
    for (const GroupMessage& message : frames_[peer].raft) {
      count += std::holds_alternative<Body>(message.message.body) ? 1 : 0;
    }
    return count;
  }

  static bool Everyone(NodeId) { return true; }
  static bool Nobody(NodeId) { return false; }

  Replicas replicas_{{.flushes_kept = 2}, kN1};
  bool disk_held_ = false;
  std::map<NodeId, Frame> frames_;
  std::vector<PartitionId> changed_;
  std::vector<raft::ReadId> reads_;
  std::vector<raft::ReadId> lost_;
};

TEST_F(ReplicasTest, OnlyWhatIsHereIsFound) {
  Add(kP4, {1, 2, 3}, 0);
  EXPECT_NE(replicas_.Find(kP4), nullptr);
  EXPECT_EQ(replicas_.Find(kP7), nullptr);
  EXPECT_TRUE(replicas_.Holds(GroupOf(kP4), ReplicaId{1}));
  EXPECT_FALSE(replicas_.Holds(GroupOf(kP4), ReplicaId{2}));
  EXPECT_FALSE(replicas_.Holds(GroupOf(kP7), ReplicaId{1}));
  EXPECT_FALSE(replicas_.Holds(kSystemGroup, ReplicaId{1}));
}

TEST_F(ReplicasTest, MessagesForOtherGroupsAndReplicasChangeNothing) {
  Add(kP4, {1, 2, 3}, 0);
  Settle(0);
  Say(2, kP7, 9, raft::Beat{}, 1);
  const auto step = [this](GroupId group, ReplicaId to) {
    const raft::Message beat{
        .from = ReplicaId{2}, .to = to, .term = 9, .body = raft::Beat{.round = 1}};
    replicas_.Step(kN2, {.group = group, .message = beat}, Instant::min(), At(1));
  };
  step(kSystemGroup, ReplicaId{1});
  step(GroupOf(kP4), ReplicaId{5});
  EXPECT_FALSE(replicas_.HasEffects());
  EXPECT_EQ(replicas_.Find(kP4)->term(), 0U);
}

TEST_F(ReplicasTest, SingleCopyLeadsItselfAtOnce) {
  Add(kP4, {1}, 0);
  EXPECT_LE(replicas_.NextWakeAt(), At(0));
  replicas_.Advance(At(0));
  Settle(0);
  EXPECT_TRUE(replicas_.Find(kP4)->IsServing());
  EXPECT_EQ(replicas_.CountLed(), 1U);
  EXPECT_THAT(changed_, Contains(kP4));
}

TEST_F(ReplicasTest, CampaignWaitsForThoseBeforeInRingOrderWhoAreAlive) {
  Add(kP4, {2, 1, 3}, 0);
  Add(kP7, {2, 3, 1}, 0);
  Settle(0);
  for (const PartitionId partition : {kP4, kP7}) Say(2, partition, 1, raft::Beat{.round = 1}, 100);
  frames_.clear();
  replicas_.OnSuspected(
      kN2, [](NodeId node) { return node == kN3; }, At(200));
  replicas_.Advance(At(200));
  Settle(200);
  EXPECT_EQ(CountSaid<raft::VoteRequest>(kN3), 1U) << "of partition 4, where n1 is next";
  EXPECT_EQ(replicas_.NextWakeAt(), At(250)) << "n3 goes first in partition 7";
  replicas_.Advance(At(250));
  Settle(250);
  EXPECT_EQ(CountSaid<raft::VoteRequest>(kN3), 2U);
}

TEST_F(ReplicasTest, SuspicionOfWhoDoesNotLeadChangesNothing) {
  Add(kP4, {2, 1, 3}, 0);
  Settle(0);
  Say(2, kP4, 1, raft::Beat{.round = 1}, 100);
  frames_.clear();
  replicas_.OnSuspected(kN3, Everyone, At(200));
  replicas_.Advance(At(200));
  Settle(200);
  EXPECT_EQ(CountSaid<raft::VoteRequest>(kN2), 0U);
}

TEST_F(ReplicasTest, LeadersAreCountedAndSoAreGroupsWithoutOne) {
  Add(kP4, {1, 2, 3}, 0);
  Add(kP7, {2, 1, 3}, 0);
  EXPECT_EQ(replicas_.CountLed(), 0U);
  EXPECT_EQ(replicas_.CountLeaderless(Everyone), 2U);
  Say(2, kP7, 1, raft::Beat{.round = 1}, 10);
  EXPECT_EQ(replicas_.CountLeaderless(Everyone), 1U);
  EXPECT_EQ(replicas_.CountLeaderless(Nobody), 2U) << "n2 leads, and is dead";
  Lead(kP4, 20);
  EXPECT_EQ(replicas_.CountLed(), 1U);
  EXPECT_EQ(replicas_.CountLeaderless(Everyone), 0U);
}

TEST_F(ReplicasTest, BeatsAreOfTheGroupsLedOnly) {
  Add(kP7, {2, 1, 3}, 0);
  Say(2, kP7, 1, raft::Beat{.round = 1}, 0);
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  Frame frame;
  replicas_.Beat(kN2, frame);
  ASSERT_THAT(frame.raft, SizeIs(1));
  EXPECT_EQ(frame.raft[0].group, GroupOf(kP4));
  EXPECT_FALSE(frame.reply_now) << "no read waits";
  frame = {};
  replicas_.Beat(NodeId{9}, frame);
  EXPECT_THAT(frame.raft, IsEmpty());
}

TEST_F(ReplicasTest, GroupInWhichNothingHappensBeatsEveryFourthTime) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  const auto beat = [this]() -> std::optional<raft::Beat> {
    Frame frame;
    replicas_.Beat(kN2, frame);
    if (frame.raft.empty()) return std::nullopt;
    return std::get<raft::Beat>(frame.raft[0].message.body);
  };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(beat()) << "until it is answered";
  const auto answer = [this](const raft::Beat& to) {
    Say(2, kP4, 1, raft::BeatReply{.round = to.round, .last = 1}, 20);
  };
  answer(*beat());
  int beats = 0;
  for (int i = 0; i < 40; ++i) {
    const auto one = beat();
    if (!one) continue;
    ++beats;
    answer(*one);
  }
  EXPECT_EQ(beats, 10);
  (void)replicas_.Propose(kP4, "x", At(0));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(beat()) << "until the follower has it";
}

TEST_F(ReplicasTest, GroupThatWasQuietWithAllBeatsEveryTimeWhenALinkBreaks) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  const auto beat = [this](NodeId peer) {
    Frame frame;
    replicas_.Beat(peer, frame);
    if (frame.raft.empty()) return 0;
    const auto round = std::get<raft::Beat>(frame.raft[0].message.body).round;
    Say(peer.value, kP4, 1, raft::BeatReply{.round = round, .last = 1}, 20);
    return 1;
  };
  int beats = 0;
  for (int i = 0; i < 42; ++i) beats += beat(kN2) + beat(kN3);
  EXPECT_LE(beats, 2 + 2 * 11);
  EXPECT_EQ(beat(kN2) + beat(kN3), 0) << "it is quiet now";
  replicas_.OnLinkDown(kN3);
  Frame frame;
  for (int i = 1; i <= 10; ++i) {
    replicas_.Beat(kN3, frame);
    EXPECT_EQ(frame.raft.size(), static_cast<size_t>(i));
  }
}

TEST_F(ReplicasTest, ReadIsConfirmedByAMajorityAndLostWithTheLeadership) {
  Add(kP4, {1, 2, 3}, 0);
  EXPECT_FALSE(replicas_.Read(kP4, raft::ReadId{1})) << "it does not lead";
  Settle(0);
  Lead(kP4, 10);
  EXPECT_TRUE(replicas_.Read(kP4, raft::ReadId{2}));
  Settle(20);
  ASSERT_EQ(CountSaid<raft::Beat>(kN3), 1U) << "at once";
  EXPECT_TRUE(frames_[kN3].reply_now);
  const auto& beat = std::get<raft::Beat>(frames_[kN3].raft.back().message.body);
  EXPECT_THAT(reads_, IsEmpty());
  Say(3, kP4, 1, raft::BeatReply{.round = beat.round, .last = 1}, 30);
  EXPECT_THAT(reads_, ElementsAre(raft::ReadId{2}));
  EXPECT_TRUE(replicas_.Read(kP4, raft::ReadId{3}));
  Say(3, kP4, 5, raft::Beat{.round = 1}, 40);
  EXPECT_THAT(lost_, ElementsAre(raft::ReadId{3}));
}

TEST_F(ReplicasTest, LeadershipIsGivenToTheMostAdvancedWhoMayLead) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  (void)replicas_.Propose(kP4, "x", At(0));
  Settle(20);
  Say(3, kP4, 1, raft::AppendReply{.accepted = true, .index = 2}, 20);
  frames_.clear();
  replicas_.GiveAway(Nobody, At(30));
  Settle(30);
  EXPECT_FALSE(replicas_.Find(kP4)->IsTransferring());
  replicas_.GiveAway(Everyone, At(30));
  Settle(30);
  EXPECT_TRUE(replicas_.Find(kP4)->IsTransferring());
  EXPECT_EQ(CountSaid<raft::TimeoutNow>(kN3), 1U);
  EXPECT_EQ(CountSaid<raft::TimeoutNow>(kN2), 0U);
}

TEST_F(ReplicasTest, LeadershipIsHandedBackToTheFirstInRingOrderWhoMayLead) {
  Add(kP4, {2, 1, 3}, 0);
  Lead(kP4, 10);
  replicas_.HandBack(Nobody, At(20));
  replicas_.HandBack([](NodeId node) { return node == kN3; }, At(20));
  EXPECT_FALSE(replicas_.Find(kP4)->IsTransferring()) << "n3 is behind n1 in ring order";
  replicas_.HandBack(Everyone, At(20));
  Settle(20);
  EXPECT_EQ(CountSaid<raft::TimeoutNow>(kN2), 1U);
}

TEST_F(ReplicasTest, OldestWriteIsTheFirstThatIsNotDurable) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  EXPECT_EQ(replicas_.OldestWrite(), std::nullopt);
  disk_held_ = true;
  replicas_.Advance(At(50));
  (void)replicas_.Propose(kP4, "x", At(0));
  Settle(50);
  replicas_.Advance(At(60));
  (void)replicas_.Propose(kP4, "y", At(0));
  Settle(60);
  EXPECT_EQ(replicas_.OldestWrite(), At(50));
}

TEST_F(ReplicasTest, WhatIsProposedIsTimedUntilItIsCommitted) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  (void)replicas_.Propose(kP4, "x", At(20));
  (void)replicas_.Propose(kP4, "y", At(23));
  Settle(23);
  EXPECT_EQ(replicas_.counts().commits, Durations()) << "only one of three has them";
  replicas_.Advance(At(30));
  Say(2, kP4, 1, raft::AppendReply{.accepted = true, .index = 3}, 30);
  Durations both;
  both.Add(10ms);
  both.Add(7ms);
  EXPECT_EQ(replicas_.counts().commits, both);
}

TEST_F(ReplicasTest, WhoIsDeposedDoesNotTimeWhatAnotherCommits) {
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  (void)replicas_.Propose(kP4, "x", At(20));
  Settle(20);
  Say(2, kP4, 2,
      raft::AppendRequest{.previous_index = 1,
                          .previous_term = 1,
                          .commit = 2,
                          .entries = {{.index = 2, .term = 2, .payload = "z"}}},
      30);
  ASSERT_EQ(replicas_.Find(kP4)->commit(), 2U);
  EXPECT_EQ(replicas_.counts().commits, Durations());
}

TEST_F(ReplicasTest, ElectionsAreCountedByWhatBeganThem) {
  using Elections = decltype(GroupCounts::elections);
  Add(kP4, {1, 2, 3}, 0);
  Lead(kP4, 10);
  EXPECT_EQ(replicas_.counts().elections, (Elections{1, 0, 0})) << "it was told to suspect";
  Say(2, kP4, 5, raft::Beat{.round = 1}, 20);
  Say(2, kP4, 5, raft::TimeoutNow{}, 20);
  EXPECT_EQ(replicas_.counts().elections, (Elections{1, 0, 1})) << "n2 gave its place away";
  Say(2, kP4, 9, raft::Beat{.round = 1}, 30);
  replicas_.Advance(At(2100));
  Settle(2100);
  EXPECT_EQ(replicas_.counts().elections, (Elections{1, 0, 1})) << "a pre-vote is no election";
  Say(3, kP4, 9, raft::VoteReply{.pre = true, .granted = true}, 2100);
  Say(3, kP4, 10, raft::VoteReply{.pre = true, .granted = true}, 2100);
  EXPECT_EQ(replicas_.counts().elections, (Elections{1, 1, 1})) << "nothing was heard of n2";
}

// Followers that are a little behind are still served from the log.
TEST_F(ReplicasTest, LogIsKeptForSoManyFlushes) {
  Add(kP4, {1}, 0);
  replicas_.Advance(At(0));
  Settle(0);
  for (int i = 0; i < 9; ++i) (void)replicas_.Propose(kP4, "x", At(0));
  Settle(10);
  EXPECT_EQ(replicas_.OnFlushed(kP4, 4), 0U);
  EXPECT_EQ(replicas_.OnFlushed(kP4, 8), 0U);
  EXPECT_EQ(replicas_.OnFlushed(kP4, 8), 4U);
  EXPECT_EQ(replicas_.OnFlushed(kP4, 8), 8U);
  EXPECT_EQ(replicas_.OnFlushed(kP4, 8), 0U) << "it is given up";
  EXPECT_EQ(replicas_.Find(kP4)->first(), 9U);
}

// How stale a follower may be: it has applied all that was committed at an instant that its leader
// knows, if the leader's beat says so and nothing of it is still to be applied.

TEST_F(ReplicasTest, FollowerIsAsYoungAsWhatItsLeaderSaysOnceThatIsApplied) {
  Add(kP4, {2, 1, 3}, 0);
  Settle(0);
  EXPECT_EQ(replicas_.AppliedAsOf(kP4), std::nullopt);
  EXPECT_EQ(replicas_.AppliedAsOf(kP7), std::nullopt);
  const auto beat = [this](Index commit, bool current, int settled_ms, int ms) {
    const raft::Message message{
        .from = ReplicaId{2},
        .to = ReplicaId{1},
        .term = 1,
        .body = raft::Beat{.commit = commit, .round = 1, .current = current}};
    replicas_.Step(kN2, {.group = GroupOf(kP4), .message = message}, At(settled_ms), At(ms));
  };
  beat(0, /*current=*/false, 50, 100);
  EXPECT_EQ(replicas_.AppliedAsOf(kP4), std::nullopt) << "the leader itself may lag";
  beat(0, /*current=*/true, 60, 110);
  EXPECT_EQ(replicas_.AppliedAsOf(kP4), At(60));
  Settle(110);
  raft::AppendRequest append;
  append.entries.push_back({.index = 1, .term = 1, .payload = ""});
  Say(2, kP4, 1, std::move(append), 120);
  beat(1, /*current=*/true, 130, 150);
  EXPECT_EQ(replicas_.AppliedAsOf(kP4), At(60)) << "entry 1 is committed, and not applied yet";
  Settle(150);
  EXPECT_EQ(replicas_.AppliedAsOf(kP4), At(130));
}

TEST_F(ReplicasTest, NodeSurelyLedWhenAMajorityOfEachGroupHadSeenIt) {
  Add(kP4, {1, 2, 3}, 0);
  Settle(0);
  const auto nobody = [](NodeId) { return Instant::min(); };
  EXPECT_EQ(replicas_.LedSince(nobody, At(5)), At(5)) << "it leads nothing";
  Lead(kP4, 10);
  EXPECT_EQ(replicas_.LedSince(nobody, At(100)), Instant::min());
  const auto one = [](NodeId node) { return node == kN3 ? At(70) : Instant::min(); };
  EXPECT_EQ(replicas_.LedSince(one, At(100)), At(70));
  const auto both = [](NodeId node) { return node == kN3 ? At(70) : At(80); };
  EXPECT_EQ(replicas_.LedSince(both, At(100)), At(80));
}

TEST_F(ReplicasTest, NextWakeIsTheEarliestOfAll) {
  EXPECT_EQ(replicas_.NextWakeAt(), Instant::max());
  Add(kP4, {1, 2, 3}, 0);
  const Instant one = replicas_.NextWakeAt();
  EXPECT_GE(one, At(1000));
  EXPECT_LT(one, At(2000));
  Add(kP7, {1, 2, 3}, 0);
  EXPECT_LE(replicas_.NextWakeAt(), one);
}

}  // namespace
}  // namespace kvd::node
