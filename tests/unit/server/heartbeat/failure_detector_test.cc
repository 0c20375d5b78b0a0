// FailureDetector is graded against a hand-written timeline: each test reads top to bottom as the
// passage of time, at one node watching peers 2 and 3. Its doubts about itself have a file of their
// own, self_doubt_test.cc.
#include "server/heartbeat/failure_detector.h"

#include "common/random.h"
#include "tests/unit/server/heartbeat/timeline.h"

namespace kvd::heartbeat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class FailureDetectorTest : public ::testing::Test {
 protected:
  FailureDetectorTest() {
    detector_.Add(kPeer2, At(0));
    detector_.Add(kPeer3, At(0));
  }

  void HearEvery(NodeId peer, int gap_ms, int until_ms) {
    for (int ms = gap_ms; ms <= until_ms; ms += gap_ms) detector_.Heard(peer, At(ms));
  }

  FailureDetector detector_{{}};
};

TEST_F(FailureDetectorTest, PatienceFollowsThePeersOwnRhythm) {
  HearEvery(kPeer2, 50, 9000);   // Three gaps are 150 ms: the floor holds.
  HearEvery(kPeer3, 150, 9150);  // Three gaps are 450 ms.
  EXPECT_THAT(detector_.Advance(At(9299)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(9300)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
  EXPECT_THAT(detector_.Advance(At(9599)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(9600)), ElementsAre(BecomesSuspect(kPeer3, Suspicion::kSilent)));
}

TEST_F(FailureDetectorTest, PatienceNeverExceedsTheCeiling) {
  HearEvery(kPeer3, 100, 30'000);
  HearEvery(kPeer2, 500, 30'000);  // Three gaps would be 1.5 s.
  HearEvery(kPeer4, 100, 30'000);  // Not watched: no effect.
  detector_.Heard(kPeer3, At(30'500));
  EXPECT_THAT(detector_.Advance(At(30'599)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(30'600)),
              ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(FailureDetectorTest, AnOutageDoesNotTeachPatience) {
  HearEvery(kPeer2, 100, 5000);
  detector_.Heard(kPeer2, At(3'600'000));
  EXPECT_EQ(detector_.Describe(kPeer2)->average_gap, Ms(200));  // 4/5 of 100 + 1/5 of the ceiling.
}

TEST_F(FailureDetectorTest, PeerIsGrantedOneCeilingBeforeItsFirstFrame) {
  EXPECT_THAT(detector_.Advance(At(599)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(600)), SizeIs(2));
}

TEST_F(FailureDetectorTest, SuspectThatSpeaksIsAliveAtOnce) {
  EXPECT_THAT(detector_.Advance(At(600)), SizeIs(2));
  detector_.Heard(kPeer2, At(60'000));
  EXPECT_EQ(detector_.NextChangeAt(), At(60'000));
  EXPECT_THAT(detector_.Advance(At(60'000)), ElementsAre(BecomesAlive(kPeer2)));
}

TEST_F(FailureDetectorTest, NextChangeIsNeverMissed) {
  const Instant next = detector_.NextChangeAt();
  EXPECT_THAT(detector_.Advance(next - Duration{1}), IsEmpty());
  EXPECT_THAT(detector_.Advance(next), Not(IsEmpty()));
}

TEST_F(FailureDetectorTest, WithoutPeersNothingEverChanges) {
  detector_.Remove(kPeer2);
  detector_.Remove(kPeer3);
  EXPECT_EQ(detector_.NextChangeAt(), Instant::max());
  EXPECT_THAT(detector_.Advance(At(1'000'000)), IsEmpty());
}

TEST_F(FailureDetectorTest, RefusedPeerIsSuspectUntilItIsHeard) {
  HearEvery(kPeer2, 100, 1000);
  HearEvery(kPeer3, 100, 1000);
  detector_.Refused(kPeer2, At(1010));
  EXPECT_EQ(detector_.NextChangeAt(), At(1010));
  EXPECT_EQ(detector_.Of(kPeer2), Health::kAlive);  // Nothing changes before it is reported.
  EXPECT_THAT(detector_.Advance(At(1010)),
              ElementsAre(BecomesSuspect(kPeer2, Suspicion::kRefused)));
  detector_.Heard(kPeer2, At(1020));
  EXPECT_THAT(detector_.Advance(At(1020)), ElementsAre(BecomesAlive(kPeer2)));
}

TEST_F(FailureDetectorTest, ChangeIsReportedOnceAndInOrderOfNodes) {
  detector_.Refused(kPeer3, At(10));
  detector_.Refused(kPeer2, At(20));
  EXPECT_THAT(detector_.Advance(At(20)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kRefused),
                                                     BecomesSuspect(kPeer3, Suspicion::kRefused)));
  detector_.Refused(kPeer3, At(30));
  EXPECT_EQ(detector_.NextChangeAt(), Instant::max());
  EXPECT_THAT(detector_.Advance(At(30)), IsEmpty());
}

TEST_F(FailureDetectorTest, PeerThatDoesNotHearUsIsSuspectHoweverWellItIsHeard) {
  HearEvery(kPeer3, 100, 1700);
  for (int ms = 100; ms <= 1600; ms += 100) {
    detector_.Heard(kPeer2, At(ms));
    detector_.PeerHeardUs(kPeer2, Ms(std::max(50, ms - 1000)), At(ms));
    EXPECT_THAT(detector_.Advance(At(ms)), IsEmpty());  // It last heard us at 1000.
  }
  detector_.Heard(kPeer2, At(1700));
  detector_.PeerHeardUs(kPeer2, Ms(700), At(1700));
  EXPECT_THAT(detector_.Advance(At(1700)),
              ElementsAre(BecomesSuspect(kPeer2, Suspicion::kDoesNotHearUs)));

  detector_.Heard(kPeer2, At(1800));  // A frame alone proves only the one direction.
  EXPECT_THAT(detector_.Advance(At(1800)), IsEmpty());
  detector_.PeerHeardUs(kPeer2, Ms(20), At(1800));
  EXPECT_THAT(detector_.Advance(At(1800)), ElementsAre(BecomesAlive(kPeer2)));
}

TEST_F(FailureDetectorTest, PeerThatNeverHeardUsIsGrantedOneCeiling) {
  detector_.Heard(kPeer2, At(500));
  detector_.PeerHeardUs(kPeer2, std::nullopt, At(500));
  detector_.Heard(kPeer3, At(500));
  EXPECT_THAT(detector_.Advance(At(500)), IsEmpty());
  detector_.Heard(kPeer2, At(601));
  detector_.PeerHeardUs(kPeer2, std::nullopt, At(601));
  EXPECT_THAT(detector_.Advance(At(601)),
              ElementsAre(BecomesSuspect(kPeer2, Suspicion::kDoesNotHearUs)));
}

TEST_F(FailureDetectorTest, AbsurdAgesFromTheWireAreHarmless) {
  detector_.Heard(kPeer2, At(100));
  detector_.PeerHeardUs(kPeer2, Duration::max(), At(100));
  detector_.PeerHeardUs(kPeer2, Duration::min(), At(100));
  detector_.PeerHeardUs(kPeer2, std::nullopt, At(700));
  detector_.Heard(kPeer2, At(700));
  EXPECT_EQ(detector_.NextChangeAt(), At(600));  // Peer 3's grace; peer 2 is due later.
}

TEST_F(FailureDetectorTest, DescriptionSaysSinceWhenAndWhy) {
  HearEvery(kPeer2, 100, 1000);
  HearEvery(kPeer3, 100, 1200);
  (void)detector_.Advance(At(1300));
  const auto peer2 = detector_.Describe(kPeer2);
  ASSERT_TRUE(peer2);
  EXPECT_EQ(peer2->health, Health::kSuspect);
  EXPECT_EQ(peer2->why, Suspicion::kSilent);
  EXPECT_EQ(peer2->since, At(1300));
  EXPECT_EQ(peer2->heard_at, At(1000));
  EXPECT_EQ(detector_.Describe(kPeer3)->since, At(0));
  EXPECT_FALSE(detector_.Describe(kPeer4));
}

TEST_F(FailureDetectorTest, UnwatchedPeerIsSuspect) {
  EXPECT_EQ(detector_.Of(kPeer4), Health::kSuspect);
}

TEST_F(FailureDetectorTest, AddingTwiceIsANoOpAndRemovingForgets) {
  detector_.Refused(kPeer2, At(10));
  (void)detector_.Advance(At(10));
  detector_.Add(kPeer2, At(20));
  EXPECT_EQ(detector_.Of(kPeer2), Health::kSuspect);
  detector_.Remove(kPeer2);
  detector_.Remove(kPeer2);
  detector_.Add(kPeer2, At(30));
  EXPECT_EQ(detector_.Of(kPeer2), Health::kAlive);
}

// The agenda is an optimisation: waking only when asked to must show what waking at every
// millisecond shows, at the same millisecond, whatever happens in between.
TEST(FailureDetectorPropertyTest, WakingOnlyWhenAskedMissesNothing) {
  size_t changes = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    FailureDetector eager({});
    FailureDetector lazy({});
    Random random(seed);
    for (uint32_t id = 2; id <= 6; ++id) {
      eager.Add(NodeId{id}, At(0));
      lazy.Add(NodeId{id}, At(0));
    }
    for (int ms = 1; ms <= 4000; ++ms) {
      for (FailureDetector* detector : {&eager, &lazy}) {
        Random same(seed * 10'000 + static_cast<uint64_t>(ms));
        const NodeId peer{static_cast<uint32_t>(same.Between(2, 6))};
        const Duration ago = Ms(static_cast<int64_t>(same.Below(800)));
        if (same.Chance(20'000)) detector->Heard(peer, At(ms));
        if (same.Chance(5'000)) detector->PeerHeardUs(peer, ago, At(ms));
        if (same.Chance(500)) detector->Refused(peer, At(ms));
        if (same.Chance(500)) detector->LoopWasLate(ago, At(ms));
      }
      const auto seen = eager.Advance(At(ms));
      const auto asked =
          lazy.NextChangeAt() <= At(ms) ? lazy.Advance(At(ms)) : std::vector<HealthChange>{};
      changes += seen.size();
      ASSERT_EQ(seen.size(), asked.size()) << "seed " << seed << " at " << ms << " ms";
      for (size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i].peer, asked[i].peer) << "seed " << seed << " at " << ms << " ms";
        ASSERT_EQ(seen[i].to, asked[i].to) << "seed " << seed << " at " << ms << " ms";
      }
    }
  }
  EXPECT_GT(changes, 2000U);  // The timeline was eventful.
}

TEST(FailureDetectorDeathTest, CeilingMustExceedTheFloor) {
  EXPECT_DEATH(FailureDetector({.floor = Ms(600), .ceiling = Ms(600)}), "exceed its floor");
}

TEST(FailureDetectorDeathTest, TimeOfAPeerMustNotRunBackwards) {
  FailureDetector detector({});
  detector.Add(kPeer2, At(0));
  detector.Heard(kPeer2, At(10));
  EXPECT_DEATH(detector.Heard(kPeer2, At(9)), "order of time");
}

}  // namespace
}  // namespace kvd::heartbeat
