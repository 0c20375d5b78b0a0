// Requests by hand: times in milliseconds, requests of 100 bytes unless said otherwise.

#include "server/node/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvd::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::NotNull;
using ::testing::SizeIs;

constexpr NodeId kPeer2{2};
constexpr NodeId kPeer3{3};
constexpr PartitionId kPartition4{4};
constexpr PartitionId kPartition7{7};

constexpr Instant At(int ms) {
  return Instant{std::chrono::milliseconds(ms)};
}

// A call that `number` names, due at `ms`.
Request CallDue(uint64_t number, int ms, uint64_t bytes = 100) {
  Request request;
  request.origin = CallId{number};
  request.operation = {.key = "k", .action = Put{.value = "v"}};
  request.bytes = bytes;
  request.deadline = At(ms);
  return request;
}

Request CallFor(PartitionId partition) {
  Request request = CallDue(1, 1000);
  request.partition = partition;
  return request;
}

MATCHER_P(IsCall, number, "") {
  const auto* call = std::get_if<CallId>(&arg.origin);
  return call != nullptr && call->value == static_cast<uint64_t>(number);
}

class RequestsTest : public ::testing::Test {
 protected:
  Ticket AddIn(Stage stage, Request request, NodeId owner = {}) {
    const Ticket ticket = requests_.Add(std::move(request));
    requests_.Move(ticket, stage);
    requests_.Find(ticket)->owner = owner;
    return ticket;
  }

  Requests requests_;
};

TEST_F(RequestsTest, NothingIsEmpty) {
  EXPECT_TRUE(requests_.empty());
  EXPECT_EQ(requests_.bytes(), 0U);
  EXPECT_EQ(requests_.NextDeadline(), Instant::max());
  EXPECT_THAT(requests_.Expire(At(1000)), IsEmpty());
  EXPECT_FALSE(requests_.AnyWaiting());
}

TEST_F(RequestsTest, BytesAreCountedUntilTaken) {
  const Ticket a = requests_.Add(CallDue(1, 10, 100));
  const Ticket b = requests_.Add(CallDue(2, 10, 30));
  EXPECT_NE(a, b);
  EXPECT_EQ(requests_.bytes(), 130U);
  EXPECT_TRUE(requests_.Take(a));
  EXPECT_EQ(requests_.bytes(), 30U);
  EXPECT_FALSE(requests_.Take(a)) << "it is taken once";
  EXPECT_TRUE(requests_.Take(b));
  EXPECT_EQ(requests_.bytes(), 0U);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(RequestsTest, EarliestDeadlineIsNext) {
  requests_.Add(CallDue(1, 30));
  const Ticket early = requests_.Add(CallDue(2, 10));
  EXPECT_EQ(requests_.NextDeadline(), At(10));
  (void)requests_.Take(early);
  EXPECT_EQ(requests_.NextDeadline(), At(30));
}

TEST_F(RequestsTest, ExpiryIsInOrderOfDeadlineAndAtIt) {
  requests_.Add(CallDue(1, 30));
  requests_.Add(CallDue(2, 10));
  requests_.Add(CallDue(3, 20));
  EXPECT_THAT(requests_.Expire(At(9)), IsEmpty());
  EXPECT_THAT(requests_.Expire(At(20)), ElementsAre(IsCall(2), IsCall(3)));
  EXPECT_THAT(requests_.Expire(At(20)), IsEmpty()) << "each expires once";
  EXPECT_EQ(requests_.NextDeadline(), At(30));
}

TEST_F(RequestsTest, WhatTheDiskIsAtIsCountedUntilItIsDone) {
  for (const Stage stage : {Stage::kLog, Stage::kReading}) {
    const Ticket ticket = AddIn(stage, CallDue(1, 10));
    const auto expired = requests_.Expire(At(10));
    ASSERT_THAT(expired, SizeIs(1));
    EXPECT_FALSE(expired[0].answered) << "it is to be answered now";
    EXPECT_EQ(requests_.bytes(), 100U);
    EXPECT_FALSE(requests_.empty());
    EXPECT_THAT(requests_.Expire(At(20)), IsEmpty());
    const auto taken = requests_.Take(ticket);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->answered) << "and not again";
    EXPECT_EQ(requests_.bytes(), 0U);
  }
}

TEST_F(RequestsTest, WhatWaitsOrIsElsewhereIsGoneWhenItExpires) {
  for (const Stage stage : {Stage::kWaiting, Stage::kForwarded}) {
    const Ticket ticket = AddIn(stage, CallDue(1, 10), kPeer2);
    EXPECT_THAT(requests_.Expire(At(10)), ElementsAre(IsCall(1)));
    EXPECT_TRUE(requests_.empty());
    EXPECT_EQ(requests_.bytes(), 0U);
    EXPECT_EQ(requests_.Find(ticket), nullptr);
    EXPECT_FALSE(requests_.AnyWaiting());
  }
}

TEST_F(RequestsTest, BrokenLinkFindsExactlyWhatWentOverIt) {
  requests_.Add(CallDue(1, 10));
  const Ticket a = AddIn(Stage::kForwarded, CallDue(2, 10), kPeer2);
  AddIn(Stage::kForwarded, CallDue(3, 10), kPeer3);
  const Ticket b = AddIn(Stage::kForwarded, CallDue(4, 10), kPeer2);
  AddIn(Stage::kWaiting, CallDue(5, 10), kPeer2);
  EXPECT_THAT(requests_.ForwardedTo(kPeer2), ElementsAre(a, b));
  requests_.Move(a, Stage::kWaiting);
  EXPECT_THAT(requests_.ForwardedTo(kPeer2), ElementsAre(b));
}

TEST_F(RequestsTest, WhatWaitsIsFoundInOrderOfArrivalAndByPartition) {
  const Ticket a = requests_.Add(CallFor(kPartition7));
  const Ticket b = requests_.Add(CallFor(kPartition4));
  const Ticket c = requests_.Add(CallFor(kPartition7));
  EXPECT_TRUE(requests_.AnyWaiting());
  EXPECT_THAT(requests_.Waiting(), ElementsAre(a, b, c));
  EXPECT_THAT(requests_.WaitingFor(kPartition7), ElementsAre(a, c));
  EXPECT_THAT(requests_.WaitingFor(kPartition4), ElementsAre(b));
  EXPECT_THAT(requests_.WaitingFor(PartitionId{5}), IsEmpty());
  requests_.Move(a, Stage::kLog);
  (void)requests_.Take(c);
  EXPECT_THAT(requests_.Waiting(), ElementsAre(b));
  requests_.Move(a, Stage::kWaiting);
  EXPECT_THAT(requests_.Waiting(), ElementsAre(a, b));
}

TEST_F(RequestsTest, TicketsStartAboveWhatIsToldAndNeverRepeat) {
  constexpr uint64_t kLast = uint64_t{3} << 40U;
  Requests requests({}, kLast);
  const Ticket first = requests.Add(CallDue(1, 10));
  EXPECT_EQ(first.value, kLast + 1);
  (void)requests.Take(first);
  EXPECT_GT(requests.Add(CallDue(2, 10)), first);
}

TEST_F(RequestsTest, TicketsOfAShardAreItsOwn) {
  for (uint32_t index = 0; index < 3; ++index) {
    Requests requests({.index = index, .count = 3}, 100);
    for (uint32_t i = 0; i < 4; ++i) {
      EXPECT_EQ(ShardOfNumber(requests.Add(CallDue(i, 10)).value, 3), index);
    }
  }
}

// Who waited longer may be sent later: had it the older sequence, what was sent meanwhile would
// have called it done.
TEST_F(RequestsTest, OwnIdsCountInTheOrderOfTheirUse) {
  const Ticket waits = requests_.Add(CallDue(1, 10));
  const Ticket goes = requests_.Add(CallDue(2, 10));
  const uint64_t first = requests_.UseOwnId(goes);
  const uint64_t done_below = requests_.DoneBelow();
  EXPECT_GT(requests_.UseOwnId(waits), first);
  EXPECT_LE(done_below, first);
}

// What is below the oldest sequence in use is answered, and nobody will send it again.
TEST_F(RequestsTest, DoneIsWhatIsBelowTheOldestOwnId) {
  const Ticket other = requests_.Add(CallDue(1, 10));
  const Ticket own = requests_.Add(CallDue(2, 10));
  const Ticket younger = requests_.Add(CallDue(3, 10));
  const uint64_t first = requests_.UseOwnId(own);
  const uint64_t second = requests_.UseOwnId(younger);
  EXPECT_EQ(requests_.DoneBelow(), first);
  (void)requests_.Take(own);
  EXPECT_EQ(requests_.DoneBelow(), second);
  EXPECT_THAT(requests_.Find(other), NotNull());
  (void)requests_.Take(younger);
  EXPECT_GT(requests_.DoneBelow(), second);
}

TEST(SizeOfTest, GrowsWithKeysAndValuesOfEveryKind) {
  const uint64_t get = SizeOf({.key = "k", .action = Get{}});
  EXPECT_GT(get, 1U);
  EXPECT_EQ(SizeOf({.key = std::string(101, 'k'), .action = Get{}}), get + 100);
  EXPECT_EQ(SizeOf({.key = "k", .action = Put{.value = std::string(100, 'v')}}), get + 100);
  Batch batch;
  batch.items.push_back({.key = "k", .action = Put{.value = std::string(1000, 'v')}});
  batch.items.push_back({.key = "l", .action = Delete{}});
  EXPECT_GT(SizeOf({.key = "k", .action = batch}), get + 1000);
}

}  // namespace
}  // namespace kvd::node
