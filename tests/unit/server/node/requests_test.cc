// Requests by hand: times in milliseconds, requests of 100 bytes unless said otherwise.

#include "server/node/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr NodeId kPeer2{2};
constexpr NodeId kPeer3{3};

constexpr Instant At(int ms) {
  return Instant{std::chrono::milliseconds(ms)};
}

// A call that `number` names, due at `ms`.
Request CallDue(uint64_t number, int ms, uint64_t bytes = 100) {
  return {
      .origin = CallId{number}, .kind = OperationKind::kPut, .bytes = bytes, .deadline = At(ms)};
}

MATCHER_P(IsCall, number, "") {
  const auto* call = std::get_if<CallId>(&arg.origin);
  return call != nullptr && call->value == static_cast<uint64_t>(number);
}

TEST(RequestsTest, NothingIsEmpty) {
  Requests requests;
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(requests.bytes(), 0U);
  EXPECT_EQ(requests.NextDeadline(), Instant::max());
  EXPECT_THAT(requests.Expire(At(1000)), IsEmpty());
}

TEST(RequestsTest, BytesAreCountedUntilTaken) {
  Requests requests;
  const Ticket a = requests.Add(CallDue(1, 10, 100));
  const Ticket b = requests.Add(CallDue(2, 10, 30));
  EXPECT_NE(a, b);
  EXPECT_EQ(requests.bytes(), 130U);
  EXPECT_TRUE(requests.Take(a));
  EXPECT_EQ(requests.bytes(), 30U);
  EXPECT_FALSE(requests.Take(a)) << "it is taken once";
  EXPECT_TRUE(requests.Take(b));
  EXPECT_EQ(requests.bytes(), 0U);
  EXPECT_TRUE(requests.empty());
}

TEST(RequestsTest, EarliestDeadlineIsNext) {
  Requests requests;
  requests.Add(CallDue(1, 30));
  const Ticket early = requests.Add(CallDue(2, 10));
  EXPECT_EQ(requests.NextDeadline(), At(10));
  (void)requests.Take(early);
  EXPECT_EQ(requests.NextDeadline(), At(30));
}

TEST(RequestsTest, ExpiryIsInOrderOfDeadlineAndAtIt) {
  Requests requests;
  requests.Add(CallDue(1, 30));
  requests.Add(CallDue(2, 10));
  requests.Add(CallDue(3, 20));
  EXPECT_THAT(requests.Expire(At(9)), IsEmpty());
  EXPECT_THAT(requests.Expire(At(20)), ElementsAre(IsCall(2), IsCall(3)));
  EXPECT_THAT(requests.Expire(At(20)), IsEmpty()) << "each expires once";
  EXPECT_EQ(requests.NextDeadline(), At(30));
}

TEST(RequestsTest, DiskWorkThatExpiredIsCountedUntilItIsDone) {
  Requests requests;
  const Ticket ticket = requests.Add(CallDue(1, 10));
  const auto expired = requests.Expire(At(10));
  ASSERT_THAT(expired, SizeIs(1));
  EXPECT_FALSE(expired[0].answered) << "it is to be answered now";
  EXPECT_EQ(requests.bytes(), 100U);
  EXPECT_FALSE(requests.empty());
  const auto taken = requests.Take(ticket);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->answered) << "and not again";
  EXPECT_EQ(requests.bytes(), 0U);
}

TEST(RequestsTest, ForwardedRequestThatExpiredIsGone) {
  Requests requests;
  const Ticket ticket = requests.Add(CallDue(1, 10));
  EXPECT_EQ(requests.MarkForwarded(ticket, kPeer2), At(10));
  EXPECT_THAT(requests.Expire(At(10)), ElementsAre(IsCall(1)));
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(requests.bytes(), 0U);
  EXPECT_FALSE(requests.TakeForwardedTo(ticket, kPeer2));
}

TEST(RequestsTest, OnlyThePeerItWentToTakesAForward) {
  Requests requests;
  const Ticket local = requests.Add(CallDue(1, 10));
  const Ticket forwarded = requests.Add(CallDue(2, 10));
  (void)requests.MarkForwarded(forwarded, kPeer2);
  EXPECT_FALSE(requests.TakeForwardedTo(local, kPeer2));
  EXPECT_FALSE(requests.TakeForwardedTo(forwarded, kPeer3));
  EXPECT_FALSE(requests.TakeForwardedTo(Ticket{99}, kPeer2));
  EXPECT_TRUE(requests.TakeForwardedTo(forwarded, kPeer2));
  EXPECT_FALSE(requests.TakeForwardedTo(forwarded, kPeer2));
}

TEST(RequestsTest, BrokenLinkTakesExactlyWhatWentOverIt) {
  Requests requests;
  requests.Add(CallDue(1, 10));
  (void)requests.MarkForwarded(requests.Add(CallDue(2, 10)), kPeer2);
  (void)requests.MarkForwarded(requests.Add(CallDue(3, 10)), kPeer3);
  (void)requests.MarkForwarded(requests.Add(CallDue(4, 10)), kPeer2);
  EXPECT_THAT(requests.TakeAllForwardedTo(kPeer2), ElementsAre(IsCall(2), IsCall(4)));
  EXPECT_THAT(requests.TakeAllForwardedTo(kPeer2), IsEmpty());
  EXPECT_EQ(requests.bytes(), 200U);
}

}  // namespace
}  // namespace kvd::node
