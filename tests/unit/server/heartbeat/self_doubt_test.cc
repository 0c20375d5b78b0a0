// Before it blames most of the others, the detector doubts itself. One node watches peers 2, 3 and
// 4, which all speak every 100 ms; then its own loop is late, or they fall silent together.
#include "tests/unit/server/heartbeat/timeline.h"

namespace kvd::heartbeat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SelfDoubtTest : public ::testing::Test {
 protected:
  SelfDoubtTest() {
    for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) detector_.Add(peer, At(0));
    HearAll(100, 1000);
  }

  // Every peer speaks each 100 ms, and hears us as often.
  void HearAll(int from_ms, int to_ms) {
    for (int ms = from_ms; ms <= to_ms; ms += 100) {
      for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) Hear(peer, At(ms), Ms(50));
    }
  }
  void Hear(NodeId peer, Instant now, Duration heard_us_ago) {
    detector_.Heard(peer, now);
    detector_.PeerHeardUs(peer, heard_us_ago, now);
  }

  FailureDetector detector_{{}};
};

// SIGSTOP for 20 s, then SIGCONT: the timer fires before the frames in the socket are read, and
// those say, truthfully, that nobody heard us for long.
TEST_F(SelfDoubtTest, NodeThatWasStoppedHearsItsPeersBeforeItSuspectsThem) {
  EXPECT_THAT(detector_.Advance(At(21'000)), IsEmpty());
  for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) Hear(peer, At(21'005), Ms(20'000));
  EXPECT_THAT(detector_.Advance(At(21'005)), IsEmpty());
  for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) Hear(peer, At(21'110), Ms(90));
  EXPECT_THAT(detector_.Advance(At(21'110)), IsEmpty());
  EXPECT_GT(detector_.NextChangeAt(), At(21'300));
}

TEST_F(SelfDoubtTest, FramesReadBeforeTheTimerFiresLeaveTheSilentOnesInDoubt) {
  Hear(kPeer2, At(21'000), Ms(50));
  EXPECT_THAT(detector_.Advance(At(21'000)), IsEmpty());
  Hear(kPeer3, At(21'100), Ms(50));
  EXPECT_THAT(detector_.Advance(At(21'100)), IsEmpty());
  Hear(kPeer2, At(21'200), Ms(50));
  Hear(kPeer3, At(21'200), Ms(50));
  EXPECT_THAT(detector_.Advance(At(21'499)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(21'500)),
              ElementsAre(BecomesSuspect(kPeer4, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, DoubtLastsTwiceAsLongAsTheLoopWasLate) {
  Hear(kPeer3, At(1250), Ms(50));
  Hear(kPeer4, At(1250), Ms(50));
  EXPECT_THAT(detector_.Advance(At(1380)), IsEmpty());  // Asked for 1300: 80 ms late.
  Hear(kPeer3, At(1400), Ms(50));
  Hear(kPeer4, At(1400), Ms(50));
  EXPECT_EQ(detector_.NextChangeAt(), At(1540));
  EXPECT_THAT(detector_.Advance(At(1540)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, BeingLateByLittleIsNotMinded) {
  Hear(kPeer3, At(1200), Ms(50));
  Hear(kPeer4, At(1200), Ms(50));
  EXPECT_THAT(detector_.Advance(At(1350)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, LatenessThatOnlyTheCallerSawCounts) {
  Hear(kPeer3, At(1200), Ms(50));
  Hear(kPeer4, At(1200), Ms(50));
  detector_.LoopWasLate(Ms(100), At(1250));
  EXPECT_THAT(detector_.Advance(At(1300)), IsEmpty());
  EXPECT_EQ(detector_.NextChangeAt(), At(1450));
}

TEST_F(SelfDoubtTest, LoopThatIsAlwaysLateDelaysSuspicionButNeverVetoesIt) {
  std::vector<HealthChange> changes;
  int ms = 1300;
  while (changes.empty() && ms < 10'000) {
    ms += 100;
    Hear(kPeer3, At(ms), Ms(50));
    Hear(kPeer4, At(ms), Ms(50));
    detector_.LoopWasLate(Ms(90), At(ms));
    changes = detector_.Advance(At(ms));
  }
  EXPECT_EQ(ms, 1900);  // The silence was first seen at 1400.
  EXPECT_THAT(changes, ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, MostPeersSilentTogetherAreSuspectedLater) {
  Hear(kPeer4, At(1050), Ms(50));
  EXPECT_THAT(detector_.Advance(At(1300)), IsEmpty());
  EXPECT_THAT(detector_.Advance(At(1350)), IsEmpty());
  EXPECT_EQ(detector_.NextChangeAt(), At(1800));
  EXPECT_THAT(detector_.Advance(At(1800)), SizeIs(2));
  EXPECT_THAT(detector_.Advance(At(1850)), ElementsAre(BecomesSuspect(kPeer4, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, SuspicionFollowsAtOnceWhenTheOthersSpeakAgain) {
  EXPECT_THAT(detector_.Advance(At(1300)), IsEmpty());
  Hear(kPeer3, At(1310), Ms(50));
  EXPECT_THAT(detector_.Advance(At(1310)), IsEmpty());  // Two of three are still silent.
  Hear(kPeer4, At(1320), Ms(50));
  EXPECT_EQ(detector_.NextChangeAt(), At(1320));
  EXPECT_THAT(detector_.Advance(At(1320)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, OneSilentPeerOfThreeIsNotDoubted) {
  HearAll(1100, 1100);
  Hear(kPeer3, At(1300), Ms(50));
  Hear(kPeer4, At(1300), Ms(50));
  EXPECT_THAT(detector_.Advance(At(1400)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, TheOnlyPeerIsNotMostPeers) {
  detector_.Remove(kPeer3);
  detector_.Remove(kPeer4);
  EXPECT_THAT(detector_.Advance(At(1300)), ElementsAre(BecomesSuspect(kPeer2, Suspicion::kSilent)));
}

TEST_F(SelfDoubtTest, IfNobodyHearsUsSuspicionWaitsToo) {
  for (int ms = 1100; ms <= 1700; ms += 100) {
    for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) Hear(peer, At(ms), Ms(ms - 950));
  }
  EXPECT_THAT(detector_.Advance(At(1700)), IsEmpty());
  for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) Hear(peer, At(1800), Ms(60));
  EXPECT_THAT(detector_.Advance(At(1800)), IsEmpty());
}

TEST_F(SelfDoubtTest, RefusalIsNeverDoubted) {
  detector_.LoopWasLate(Ms(5000), At(1000));
  detector_.Refused(kPeer2, At(1010));
  EXPECT_THAT(detector_.Advance(At(1010)),
              ElementsAre(BecomesSuspect(kPeer2, Suspicion::kRefused)));
}

TEST_F(SelfDoubtTest, RefusalEndsTheDoubtAboutASilentPeer) {
  EXPECT_THAT(detector_.Advance(At(1300)), IsEmpty());
  detector_.Refused(kPeer3, At(1310));
  EXPECT_THAT(detector_.Advance(At(1310)),
              ElementsAre(BecomesSuspect(kPeer3, Suspicion::kRefused)));
}

TEST_F(SelfDoubtTest, RemovedPeerLeavesNoDoubtBehind) {
  EXPECT_THAT(detector_.Advance(At(1300)), IsEmpty());
  for (const NodeId peer : {kPeer2, kPeer3, kPeer4}) detector_.Remove(peer);
  EXPECT_EQ(detector_.NextChangeAt(), Instant::max());
  EXPECT_THAT(detector_.Advance(At(5000)), IsEmpty());
}

}  // namespace
}  // namespace kvd::heartbeat
