// Three nodes; a call to n1 for a key of n2 goes over their link and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hash.h"
#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::Pair;

class ForwardingTest : public ::testing::Test {
 protected:
  // The forward that n1 sent last, on a held network.
  [[nodiscard]] const Forward& Sent() {
    for (auto it = world_.sent().rbegin(); it != world_.sent().rend(); ++it) {
      if (it->from == kN1 && !it->frame.forwards.empty()) return it->frame.forwards.back();
    }
    ADD_FAILURE() << "n1 forwarded nothing";
    static const Forward kNothing;
    return kNothing;
  }

  // n2 replies to the forward that n1 sent last.
  void Reply(Result result) {
    const uint64_t id = Sent().id;
    Frame frame;
    frame.replies.push_back({id, std::move(result)});
    world_.Deliver(kN2, kN1, frame);
  }

  // What n2 replies to a forward of n1's.
  Result ReplyTo(Forward forward) {
    world_.HoldNetwork();
    forward.id = 77;
    Frame frame;
    frame.forwards.push_back(std::move(forward));
    world_.Deliver(kN1, kN2, frame);
    for (const auto& sent : world_.sent()) {
      if (sent.from != kN2 || sent.to != kN1 || sent.frame.replies.empty()) continue;
      EXPECT_EQ(sent.frame.replies.front().id, 77U);
      return sent.frame.replies.front().result;
    }
    ADD_FAILURE() << "n2 did not reply";
    return {};
  }

  // A put of n1's to n2 as it should be.
  [[nodiscard]] Forward PutForN2() const {
    const PartitionId partition = PartitionOf(key_, world_.topology().partitions());
    return {.id = 1,
            .remaining = 1s,
            .partition = partition,
            .replica = world_.topology().PreferredOwner(partition).id,
            .operation = {.key = key_, .action = Put{"1"}}};
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(ForwardingTest, EveryNodeServesEveryKey) {
  Version version = 0;
  for (const NodeId from : {kN1, kN2, kN3}) {
    for (const NodeId owner : {kN1, kN2, kN3}) {
      const std::string key = world_.KeyOf(owner, from.value);
      const auto* written = std::get_if<Written>(&world_.ResultOf(world_.Put(from, key, "v")));
      ASSERT_NE(written, nullptr);
      version = written->version;
      for (const NodeId reader : {kN1, kN2, kN3}) {
        EXPECT_EQ(world_.OutcomeOf(world_.Get(reader, key)),
                  "found \"v\" of version " + std::to_string(version));
      }
    }
  }
}

TEST_F(ForwardingTest, AnswerSaysWhoServedItOverHowManyHops) {
  const Answer& answer = *world_.AnswerTo(world_.Put(kN1, key_, "1"));
  EXPECT_EQ(answer.owner, "n2");
  EXPECT_EQ(answer.hops, 1U);
  EXPECT_EQ(answer.partition, PartitionOf(key_, 16));
}

TEST_F(ForwardingTest, ForwardNamesTheOwnersReplicaAndWhatTimeIsLeft) {
  world_.HoldNetwork();
  (void)world_.Put(kN1, key_, "1", 700ms);
  const Forward& sent = Sent();
  EXPECT_EQ(sent.remaining, Duration(700ms));
  EXPECT_EQ(sent.partition, PartitionOf(key_, 16));
  EXPECT_EQ(sent.replica, world_.topology().PreferredOwner(sent.partition).id);
  EXPECT_EQ(sent.operation, (Operation{key_, Put{"1"}}));
}

TEST_F(ForwardingTest, ForwardedWriteIsAnsweredOnlyWhenDurableThere) {
  world_.HoldDisk(kN2);
  const CallId put = world_.Put(kN1, key_, "1");
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
  world_.ReleaseDisk(kN2);
  EXPECT_EQ(world_.OutcomeOf(put), "written 1");
}

TEST_F(ForwardingTest, RefusalsOfTheOwnerReachTheClient) {
  world_.at(kN2).OnDisk(0, /*full=*/true, world_.now());
  const CallId put = world_.Put(kN1, key_, "1");
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kDiskFull);
  EXPECT_THAT(world_.RefusalOf(put).message, HasSubstr("the disk of n2 is full"));
}

// What the owner refuses of a forward.

TEST_F(ForwardingTest, RightForwardIsTaken) {
  EXPECT_EQ(Show(ReplyTo(PutForN2())), "written 1");
}

TEST_F(ForwardingTest, ForwardIsNeverForwardedAgain) {
  Forward forward = PutForN2();
  forward.operation.key = world_.KeyOf(kN3);
  forward.partition = PartitionOf(forward.operation.key, 16);
  const auto& owner = world_.topology().PreferredOwner(forward.partition);
  forward.replica = owner.id;
  const Result result = ReplyTo(forward);
  const auto* refusal = std::get_if<Refusal>(&result);
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->reason, Reason::kNotOwner);
  EXPECT_THAT(refusal->metadata, Contains(Pair("owner", "n3")));
  EXPECT_THAT(refusal->metadata, Contains(Pair("owner_address", "127.0.0.1:7430")));
}

TEST_F(ForwardingTest, AnotherReplicaIsNotOwner) {
  Forward forward = PutForN2();
  forward.replica.value += 100;
  const Result result = ReplyTo(forward);
  ASSERT_TRUE(std::holds_alternative<Refusal>(result));
  EXPECT_EQ(std::get<Refusal>(result).reason, Reason::kNotOwner);
}

TEST_F(ForwardingTest, KeyUnderAnotherPartitionIsRefused) {
  Forward forward = PutForN2();
  forward.partition.value ^= 1U;
  const Result result = ReplyTo(forward);
  ASSERT_TRUE(std::holds_alternative<Refusal>(result));
  EXPECT_EQ(std::get<Refusal>(result).reason, Reason::kBadRequest);
}

TEST_F(ForwardingTest, PartitionThatDoesNotExistIsRefused) {
  Forward forward = PutForN2();
  forward.partition = PartitionId{0xffffffff};
  const Result result = ReplyTo(forward);
  ASSERT_TRUE(std::holds_alternative<Refusal>(result));
  EXPECT_EQ(std::get<Refusal>(result).reason, Reason::kBadRequest);
}

TEST_F(ForwardingTest, PeersAreHeldToTheLimitsToo) {
  Forward forward = PutForN2();
  forward.operation.action = Put{std::string((1U << 20U) + 1, 'v')};
  const Result result = ReplyTo(forward);
  ASSERT_TRUE(std::holds_alternative<Refusal>(result));
  EXPECT_EQ(std::get<Refusal>(result).reason, Reason::kValueTooLarge);
}

TEST_F(ForwardingTest, ForwardWithAllTheTimeInTheWorldStillEnds) {
  world_.HoldDisk(kN2);
  world_.HoldNetwork();
  Forward forward = PutForN2();
  forward.remaining = 365 * 24h;
  Frame frame;
  frame.forwards.push_back(forward);
  world_.Deliver(kN1, kN2, frame);
  EXPECT_LE(world_.at(kN2).NextWakeAt(), world_.now() + 30s);
}

// Replies that a peer should not send.

TEST_F(ForwardingTest, ReplyThatDoesNotFitAWriteLeavesItUnknown) {
  for (const Result& result : {Result(Found{"v", 1}), Result(Absent{})}) {
    world_.HoldNetwork();
    const CallId put = world_.Put(kN1, key_, "1");
    Reply(result);
    EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
    EXPECT_THAT(world_.RefusalOf(put).message,
                HasSubstr("n2 sent an answer that does not fit the operation"));
  }
}

TEST_F(ForwardingTest, ReplyThatDoesNotFitAReadRefusesIt) {
  world_.HoldNetwork();
  const CallId get = world_.Get(kN1, key_);
  Reply(Written{4});
  EXPECT_EQ(world_.RefusalOf(get).reason, Reason::kNoMajority);
  EXPECT_THAT(world_.RefusalOf(get).metadata, Contains(Pair("owner", "n2")));
}

TEST_F(ForwardingTest, RepeatedReplyIsIgnored) {
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "1");
  Reply(Written{1});
  Reply(Written{2});
  EXPECT_EQ(world_.OutcomeOf(put), "written 1");
}

TEST_F(ForwardingTest, LateReplyIsIgnored) {
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "1", 100ms);
  world_.Pass(100ms);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
  Reply(Written{1});  // The world checks that no call is answered twice.
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

TEST_F(ForwardingTest, ReplyOfANodeThatWasNotAskedIsIgnored) {
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "1");
  Frame frame;
  frame.replies.push_back({Sent().id, Written{1}});
  world_.Deliver(kN3, kN1, frame);
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
}

TEST_F(ForwardingTest, ReplyToWhatWasNeverForwardedIsIgnored) {
  world_.HoldDisk(kN1);
  const CallId local = world_.Put(kN1, world_.KeyOf(kN1), "1");
  const uint64_t first = uint64_t{2} << 40U;  // Of the second boot.
  for (uint64_t id = first; id < first + 5; ++id) {
    Frame frame;
    frame.replies.push_back({id, Written{1}});
    world_.Deliver(kN2, kN1, frame);
  }
  EXPECT_THAT(world_.AnswerTo(local), IsNull());
}

// n1 asked, was restarted, and asks again: ids must not start anew.
TEST_F(ForwardingTest, ReplyToAnEarlierRunIsIgnored) {
  world_.HoldNetwork();
  (void)world_.Put(kN1, key_, "1");
  const uint64_t earlier = Sent().id;
  world_.Restart(kN1);
  world_.Link(kN1, kN2);
  const CallId put = world_.Put(kN1, key_, "2");
  EXPECT_GT(Sent().id, earlier);
  Frame frame;
  frame.replies.push_back({earlier, Written{1}});
  world_.Deliver(kN2, kN1, frame);
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
}

// Links that break, owners that are away.

TEST_F(ForwardingTest, BrokenLinkLeavesWritesUnknownAndReadsRefused) {
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "1");
  const CallId del = world_.Delete(kN1, key_);
  const CallId get = world_.Get(kN1, key_);
  world_.Break(kN1, kN2);
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(world_.RefusalOf(put).message,
            "the connection to n2 broke; the write may or may not be applied");
  EXPECT_EQ(world_.RefusalOf(del).reason, Reason::kOutcomeUnknown);
  EXPECT_EQ(world_.RefusalOf(get).reason, Reason::kNoMajority);
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

TEST_F(ForwardingTest, ReplyThatCannotBeSentIsNotSentOnTheNextLink) {
  world_.HoldDisk(kN2);
  (void)world_.Put(kN1, key_, "1");
  world_.Break(kN1, kN2);
  world_.HoldNetwork();
  world_.Link(kN1, kN2);
  world_.ReleaseDisk(kN2);
  EXPECT_TRUE(world_.at(kN2).IsIdle());
  world_.ReleaseNetwork();
  EXPECT_TRUE(world_.at(kN1).IsIdle());
}

TEST_F(ForwardingTest, DisconnectedOwnerIsRefusedWithTheReason) {
  world_.Break(kN1, kN2);
  const Refusal& refusal = world_.RefusalOf(world_.Put(kN1, key_, "1"));
  EXPECT_EQ(refusal.reason, Reason::kNoMajority);
  EXPECT_THAT(refusal.message,
              HasSubstr("has no majority: 0 of 1 replicas up (n2 unreachable: not connected); "
                        "not written"));
  EXPECT_THAT(refusal.metadata, Contains(Pair("owner", "n2")));
}

TEST_F(ForwardingTest, RefusingOwnerIsRefusedAtOnceWithTheReason) {
  world_.Break(kN1, kN2);
  world_.at(kN1).OnRefused(kN2, world_.now());
  world_.Pass(5ms);
  EXPECT_THAT(world_.RefusalOf(world_.Get(kN1, key_)).message,
              HasSubstr("(n2 unreachable: connection refused); not read"));
}

TEST_F(ForwardingTest, SilentOwnerIsRefusedThoughItsLinkStands) {
  world_.Pass(2s);
  world_.Freeze(kN2);
  world_.Pass(700ms);
  EXPECT_THAT(world_.RefusalOf(world_.Get(kN1, key_)).message,
              HasSubstr("(n2 unreachable: silent); not read"));
  EXPECT_EQ(world_.OutcomeOf(world_.Get(kN1, world_.KeyOf(kN3))), "absent")
      << "other owners are served";
}

TEST_F(ForwardingTest, WhatCouldNotBeQueuedIsRefusedAsNotWritten) {
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "1");
  const CallId get = world_.Get(kN1, key_);
  const uint64_t get_id = Sent().id;
  world_.at(kN1).OnNotSent({get_id - 1, get_id, 999}, world_.now());
  world_.Settle();
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOverloaded);
  EXPECT_EQ(world_.RefusalOf(put).message,
            "the way to n2 is full or just broke; not written; try again in 50 ms");
  EXPECT_EQ(world_.RefusalOf(put).retry_after, Duration(50ms));
  EXPECT_EQ(world_.RefusalOf(get).message,
            "the way to n2 is full or just broke; not read; try again in 50 ms");
}

TEST_F(ForwardingTest, StoppingOwnerRefusesForwards) {
  world_.at(kN2).StopAccepting();
  EXPECT_EQ(world_.RefusalOf(world_.Put(kN1, key_, "1")).reason, Reason::kNodeDraining);
}

}  // namespace
}  // namespace kvd::node
