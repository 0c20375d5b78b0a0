// Handback hears of suspicions and returns of peer 2, in seconds.
#include "server/heartbeat/handback.h"

#include "tests/unit/server/heartbeat/timeline.h"

namespace kvd::heartbeat {
namespace {

constexpr Instant AtSecond(int64_t second) {
  return At(second * 1000);
}

class HandbackTest : public ::testing::Test {
 protected:
  void Suspect(int64_t second) {
    handback_.Observe({kPeer2, Health::kSuspect, Suspicion::kSilent}, AtSecond(second));
  }
  void Return(int64_t second) {
    handback_.Observe({kPeer2, Health::kAlive, std::nullopt}, AtSecond(second));
  }

  Handback handback_{{}};
};

TEST_F(HandbackTest, PeerNeverSuspectedMayOwnAtOnce) {
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), Instant::min());
  Return(5);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), Instant::min());
}

TEST_F(HandbackTest, SuspectMayNotOwn) {
  Suspect(100);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), Instant::max());
  EXPECT_EQ(handback_.MayOwnAt(kPeer3), Instant::min());
}

TEST_F(HandbackTest, ReturnedPeerOwnsAfterTenSecondsOfHealth) {
  Suspect(100);
  Return(160);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), AtSecond(170));
}

TEST_F(HandbackTest, EachNewSuspicionDoublesTheWaitUpToTenMinutes) {
  int64_t second = 0;
  for (const int64_t wait : {10, 20, 40, 80, 160, 320, 600, 600}) {
    Suspect(second += 10);
    Return(second += 10);
    EXPECT_EQ(handback_.MayOwnAt(kPeer2), AtSecond(second + wait));
  }
}

TEST_F(HandbackTest, RepeatedChangeCountsOnce) {
  Suspect(100);
  Suspect(101);
  Return(110);
  Return(115);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), AtSecond(120));
}

TEST_F(HandbackTest, TenMinutesOfHealthCleanTheRecord) {
  Suspect(0);
  Return(10);
  Suspect(20);
  Return(30);
  Suspect(630);
  Return(640);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), AtSecond(650));
}

TEST_F(HandbackTest, ForgottenPeerIsAsIfNeverSuspected) {
  Suspect(100);
  handback_.Forget(kPeer2);
  EXPECT_EQ(handback_.MayOwnAt(kPeer2), Instant::min());
}

}  // namespace
}  // namespace kvd::heartbeat
