// What no replica that keeps the rules would say must change nothing and stop nobody. The replica
// under test is 1, a follower of 2 in term 5, with the log 1/1, 2/2, 3/5 of which 2 are committed.
// And: answers of the interface that scenarios do not show.

#include "server/raft/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/server/raft/world.h"

namespace kvd::raft {
namespace {

using test::Members;
using test::Ms;
using ::testing::SizeIs;

constexpr NodeId kNode2{2};
constexpr NodeId kNode3{3};

storage::Entry EntryOf(Index index, Term term, std::string payload = "x") {
  return {.index = index, .term = term, .payload = std::move(payload)};
}

class ReplicaTest : public ::testing::Test {
 protected:
  ReplicaTest() : replica_(Options(), Start(), Instant{}) {
    Step(Beat{.commit = 2, .round = 1});
    EXPECT_EQ(replica_.leader(), Members({2}).front());
    EXPECT_THAT(replica_.TakeEffects().committed, SizeIs(1));
  }

  static Replica::Options Options() {
    return {.group = GroupId{1}, .self = {ReplicaId{1}, NodeId{1}}};
  }

  static Restored Start() {
    return {.hard_state = {.term = 5, .voted_for = ReplicaId{2}},
            .configuration = {.voters = Members({1, 2, 3}), .outgoing = {}, .learners = {}},
            .applied = 1,
            .first = 1,
            .last = 3,
            .terms = {{0, 0}, {1, 1}, {2, 2}, {3, 5}},
            .tail = {EntryOf(2, 2), EntryOf(3, 5)}};
  }

  void Step(decltype(Message::body) body, Term term = 5, NodeId from = kNode2) {
    const Message message{
        .from = ReplicaId{from.value}, .to = ReplicaId{1}, .term = term, .body = std::move(body)};
    replica_.Step(message, from, Instant{});
  }

  void ExpectUntouched() {
    EXPECT_FALSE(replica_.HasEffects());
    EXPECT_EQ(replica_.term(), 5U);
    EXPECT_EQ(replica_.last(), 3U);
    EXPECT_EQ(replica_.commit(), 2U);
    EXPECT_EQ(replica_.leader(), Members({2}).front());
  }

  Replica replica_;
};

TEST_F(ReplicaTest, GapsAndFallingTermsAreIgnored) {
  const auto append = [](std::vector<storage::Entry> entries) {
    return AppendRequest{
        .previous_index = 3, .previous_term = 5, .commit = 3, .entries = std::move(entries)};
  };
  Step(append({EntryOf(5, 5)}));
  Step(append({EntryOf(4, 5), EntryOf(6, 5)}));
  Step(append({EntryOf(4, 5), EntryOf(4, 5)}));
  Step(append({EntryOf(4, 4)}));
  Step(append({EntryOf(4, 6)}));
  Step(append({EntryOf(4, 0)}));
  ExpectUntouched();
}

TEST_F(ReplicaTest, EntryThatIsNoConfigurationIsIgnored) {
  storage::Entry entry = EntryOf(4, 5, "no configuration");
  entry.kind = storage::EntryKind::kConfiguration;
  Step(AppendRequest{.previous_index = 3, .previous_term = 5, .commit = 3, .entries = {entry}});
  ExpectUntouched();
}

TEST_F(ReplicaTest, CommittedEntriesAreNotOverwritten) {
  Step(AppendRequest{.previous_index = 2, .previous_term = 2, .commit = 3, .entries = {}});
  Step(Beat{.commit = 3, .round = 2});
  (void)replica_.TakeEffects();
  EXPECT_EQ(replica_.commit(), 3U);
  Step(AppendRequest{
      .previous_index = 2, .previous_term = 2, .commit = 3, .entries = {EntryOf(3, 5, "y")}});
  EXPECT_EQ(replica_.TermAt(3), 5U);
}

TEST_F(ReplicaTest, DenialOfACommittedEntryChangesNothing) {
  Step(AppendRequest{
      .previous_index = 1, .previous_term = 1, .commit = 0, .entries = {EntryOf(2, 4)}});
  // The answer says what is committed.
  const Effects effects = replica_.TakeEffects();
  ASSERT_THAT(effects.messages, SizeIs(1));
  EXPECT_EQ(std::get<AppendReply>(effects.messages[0].message.body).index, 2U);
  ExpectUntouched();
}

TEST_F(ReplicaTest, CommitBeyondTheMessageIsNotBelieved) {
  Step(AppendRequest{.previous_index = 2, .previous_term = 2, .commit = 900, .entries = {}});
  EXPECT_EQ(replica_.commit(), 2U);
  Step(Beat{.commit = 900, .round = 2});
  EXPECT_EQ(replica_.commit(), 2U);
}

TEST_F(ReplicaTest, SecondLeaderOfATermIsIgnored) {
  Step(Beat{.commit = 3, .round = 2}, 5, kNode3);
  Step(AppendRequest{.previous_index = 3, .previous_term = 5, .commit = 3, .entries = {}}, 5,
       kNode3);
  Step(TimeoutNow{}, 5, kNode3);
  ExpectUntouched();
}

TEST_F(ReplicaTest, MessageForAnotherReplicaIsIgnored) {
  Message message{.from = ReplicaId{2}, .to = ReplicaId{7}, .term = 9, .body = Beat{}};
  replica_.Step(message, kNode2, Instant{});
  message = {.from = ReplicaId{1}, .to = ReplicaId{1}, .term = 9, .body = Beat{}};
  replica_.Step(message, kNode2, Instant{});
  ExpectUntouched();
}

TEST_F(ReplicaTest, StrangersAnswerChangesNothing) {
  Step(AppendReply{.accepted = true, .index = 3}, 9, NodeId{8});
  Step(VoteReply{.granted = false}, 9, NodeId{8});
  Step(BeatReply{.round = 1, .last = 1}, 9, NodeId{8});
  ExpectUntouched();
}

TEST_F(ReplicaTest, SnapshotThatIsNoneIsIgnored) {
  Step(InstallRequest{{.index = 0, .term = 5, .configuration = Start().configuration}});
  Step(InstallRequest{{.index = 9, .term = 6, .configuration = Start().configuration}});
  Step(InstallRequest{{.index = 9, .term = 5, .configuration = {}}});
  ExpectUntouched();
}

// Found by `kvsim --nemesis members --seed 16`: an entry that was committed before the snapshot
// came became durable while it was being installed, and was applied on top of it.
TEST_F(ReplicaTest, NothingIsAppliedWhileASnapshotIsInstalled) {
  Step(AppendRequest{
      .previous_index = 3, .previous_term = 5, .commit = 4, .entries = {EntryOf(4, 5)}});
  const Effects appended = replica_.TakeEffects();
  EXPECT_THAT(appended.committed, SizeIs(1)) << "entry 3, which is durable";
  ASSERT_TRUE(appended.write);
  const SnapshotPoint snapshot{
      .index = 9, .term = 5, .configuration = {Members({1, 2, 3}), {}, {}}};
  Step(InstallRequest{.snapshot = snapshot});
  EXPECT_EQ(replica_.TakeEffects().install, snapshot);
  replica_.OnDurable(appended.write->number, Instant{});
  EXPECT_THAT(replica_.TakeEffects().committed, SizeIs(0));
  replica_.OnInstallFailed();
  EXPECT_THAT(replica_.TakeEffects().committed, SizeIs(1)) << "it is needed after all";
}

TEST_F(ReplicaTest, VoteWithImpossibleLogIsIgnored) {
  Step(VoteRequest{.transfer = true, .last_index = 9, .last_term = 9}, 9, kNode3);
  Step(VoteRequest{.transfer = true, .last_index = 0, .last_term = 2}, 9, kNode3);
  ExpectUntouched();
}

// Anything goes, as long as it is a message: the replica has to survive it.
TEST_F(ReplicaTest, RandomMessagesStopNobody) {
  Random random(7);
  const auto small = [&] { return random.Below(8); };
  for (int i = 0; i < 20'000; ++i) {
    Message message{
        .from = ReplicaId{small()}, .to = ReplicaId{1}, .term = 4 + small(), .body = {}};
    switch (random.Below(8)) {
      case 0:
        message.body = VoteRequest{.pre = random.Chance(500'000),
                                   .transfer = random.Chance(500'000),
                                   .last_index = small(),
                                   .last_term = small()};
        break;
      case 1:
        message.body = VoteReply{.pre = random.Chance(500'000), .granted = random.Chance(500'000)};
        break;
      case 2:
        message.body =
            AppendRequest{.previous_index = small(),
                          .previous_term = small(),
                          .commit = small(),
                          .entries = {EntryOf(small(), small()), EntryOf(small(), small())}};
        break;
      case 3:
        message.body = AppendReply{.accepted = random.Chance(500'000),
                                   .index = random.Next() >> (random.Below(2) * 61),
                                   .hint_index = random.Next() >> (random.Below(2) * 61),
                                   .hint_term = small()};
        break;
      case 4:
        message.body = Beat{.commit = small(), .round = small()};
        break;
      case 5:
        message.body = BeatReply{.round = small(), .last = random.Next() >> (random.Below(2) * 61)};
        break;
      case 6:
        message.body = AppendRequest{.previous_index = 2,
                                     .previous_term = 2,
                                     .commit = small(),
                                     .entries = {EntryOf(3, 2 + small())}};
        break;
      default:
        message.body = TimeoutNow{};
    }
    replica_.Step(message, NodeId{static_cast<uint32_t>(message.from.value)}, Instant{} + Ms(i));
    replica_.Advance(Instant{} + Ms(i));
    const Effects effects = replica_.TakeEffects();
    if (effects.write.has_value()) replica_.OnDurable(effects.write->number, Instant{} + Ms(i));
  }
  EXPECT_GE(replica_.commit(), 2U);
  EXPECT_EQ(replica_.TermAt(2), 2U);
}

TEST_F(ReplicaTest, FollowerLeadsNothing) {
  EXPECT_TRUE(std::holds_alternative<Replica::Refused>(replica_.Propose("a")));
  EXPECT_FALSE(replica_.Read(ReadId{1}));
  EXPECT_EQ(replica_.BeatFor(kNode2), std::nullopt);
  EXPECT_FALSE(replica_.WantsBeat());
  EXPECT_FALSE(replica_.IsServing());
  EXPECT_EQ(replica_.ProgressOf(ReplicaId{2}), std::nullopt);
}

TEST_F(ReplicaTest, WakesBetweenOneAndTwoElectionTimeouts) {
  EXPECT_GE(replica_.NextWakeAt(), Instant{} + Ms(1000));
  EXPECT_LT(replica_.NextWakeAt(), Instant{} + Ms(2000));
  replica_.Advance(replica_.NextWakeAt());
  EXPECT_EQ(replica_.role(), Role::kPreCandidate);
}

TEST_F(ReplicaTest, SuspectedLeaderIsChallengedAfterTheDelayAndAgainSoon) {
  replica_.OnLeaderSuspected(Ms(50), Instant{});
  EXPECT_EQ(replica_.NextWakeAt(), Instant{} + Ms(50));
  replica_.Advance(Instant{} + Ms(50));
  EXPECT_EQ(replica_.role(), Role::kPreCandidate);
  EXPECT_LE(replica_.NextWakeAt(), Instant{} + Ms(250));
}

TEST_F(ReplicaTest, LeaderThatIsHeardIsSuspectedNoMore) {
  replica_.OnLeaderSuspected(Ms(50), Instant{});
  Step(Beat{.commit = 2, .round = 2});
  EXPECT_GE(replica_.NextWakeAt(), Instant{} + Ms(1000));
}

TEST_F(ReplicaTest, LearnerNeverCampaigns) {
  Restored start = Start();
  start.configuration = {.voters = Members({2, 3}), .outgoing = {}, .learners = Members({1})};
  Replica learner(Options(), start, Instant{});
  EXPECT_EQ(learner.NextWakeAt(), Instant::max());
  learner.OnLeaderSuspected(Ms(0), Instant{});
  learner.Advance(Instant{} + Ms(10'000));
  EXPECT_EQ(learner.role(), Role::kFollower);
  EXPECT_FALSE(learner.HasEffects());
}

}  // namespace
}  // namespace kvd::raft
