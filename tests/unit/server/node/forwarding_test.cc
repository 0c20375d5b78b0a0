// Three nodes; a call to n1 for a key of n2 goes over their link and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/node/world.h"

namespace kvd::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::Pair;
using ::testing::StartsWith;

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
    Frame frame;
    frame.replies.push_back({.id = Sent().id, .result = std::move(result)});
    world_.Deliver(kN2, kN1, std::move(frame));
  }

  // What n2 replies to a forward of n1's.
  ForwardReply ReplyTo(Forward forward) {
    forward.id = 77;
    std::optional<ForwardReply> got;
    world_.SetFilter([&got](World::Sent& sent) {
      for (const ForwardReply& reply : sent.frame.replies) {
        if (sent.from == kN2 && sent.to == kN1 && reply.id == 77) got = reply;
      }
      return true;
    });
    Frame frame;
    frame.forwards.push_back(std::move(forward));
    world_.Deliver(kN1, kN2, std::move(frame));
    world_.SetFilter({});
    EXPECT_TRUE(got) << "n2 did not reply";
    return got.value_or(ForwardReply{});
  }

  // Its refusal.
  Refusal RefusalOfReplyTo(Forward forward) {
    const ForwardReply reply = ReplyTo(std::move(forward));
    const auto* refusal = std::get_if<Refusal>(&reply.result);
    EXPECT_NE(refusal, nullptr) << Show(reply.result);
    return refusal != nullptr ? *refusal : Refusal{};
  }

  // A put of n1's to n2 as it should be.
  [[nodiscard]] Forward PutForN2() const {
    const PartitionId partition = world_.PartitionOfKey(key_);
    return {.id = 1,
            .remaining = 1s,
            .partition = partition,
            .replica = world_.topology().PreferredOwner(partition).id,
            .operation = {.key = key_, .action = Put{.value = "1"}}};
  }

  World world_{3};
  const std::string key_ = world_.KeyOf(kN2);
};

TEST_F(ForwardingTest, EveryNodeServesEveryKey) {
  for (const NodeId from : world_.nodes()) {
    for (const NodeId owner : world_.nodes()) {
      const std::string key = world_.KeyOf(owner, static_cast<int>(from.value));
      const Version version = world_.VersionOf(world_.Put(from, key, "v"));
      for (const NodeId reader : world_.nodes()) {
        EXPECT_EQ(world_.OutcomeOf(world_.Get(reader, key)), FoundAt("v", version));
      }
    }
  }
}

TEST_F(ForwardingTest, AnswerSaysWhoServedItOverHowManyHops) {
  const Answer& forwarded = *world_.AnswerTo(world_.Put(kN1, key_, "1"));
  EXPECT_EQ(forwarded.owner, "n2");
  EXPECT_EQ(forwarded.hops, 1U);
  EXPECT_EQ(forwarded.partition, world_.PartitionOfKey(key_));
  const Answer& local = *world_.AnswerTo(world_.Put(kN2, key_, "1"));
  EXPECT_EQ(local.owner, "n2");
  EXPECT_EQ(local.hops, 0U);
}

TEST_F(ForwardingTest, ForwardNamesTheOwnersReplicaAndWhatTimeIsLeft) {
  world_.HoldNetwork();
  (void)world_.Put(kN1, key_, "1", 700ms);
  const Forward& sent = Sent();
  EXPECT_GT(sent.remaining, Duration(600ms));
  EXPECT_LE(sent.remaining, Duration(700ms));
  EXPECT_EQ(sent.partition, world_.PartitionOfKey(key_));
  EXPECT_EQ(sent.replica, world_.topology().PreferredOwner(sent.partition).id);
  EXPECT_EQ(sent.operation.key, key_);
  EXPECT_EQ(sent.operation.action, (Operation{.key = key_, .action = Put{.value = "1"}}).action);
}

TEST_F(ForwardingTest, WriteGetsAnIdUnderWhichTheNodeMayRetryAReadDoesNot) {
  world_.HoldNetwork();
  (void)world_.Put(kN1, key_, "1");
  ASSERT_TRUE(Sent().operation.request_id);
  EXPECT_EQ(Sent().operation.request_id->sequence, 1U);
  const uint64_t client = Sent().operation.request_id->client;
  (void)world_.Put(kN1, key_, "2");
  EXPECT_EQ(Sent().operation.request_id->client, client);
  EXPECT_LT(Sent().operation.request_id->done_below, Sent().id)
      << "the first put is not answered: its record is still needed";
  (void)world_.Get(kN1, key_);
  EXPECT_FALSE(Sent().operation.request_id);
}

TEST_F(ForwardingTest, IdOfTheClientIsHandedOnAsItIs) {
  world_.HoldNetwork();
  const RequestId id{.client = 9, .sequence = 4, .done_below = 3, .base = 1};
  (void)world_.Call(kN1, {.key = key_, .action = Put{.value = "1"}, .request_id = id});
  EXPECT_EQ(Sent().operation.request_id, id);
}

TEST_F(ForwardingTest, ForwardedWriteIsAnsweredOnlyWhenAppliedThere) {
  world_.HoldDisk(kN2);
  const CallId put = world_.Put(kN1, key_, "1");
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
  world_.ReleaseDisk(kN2);
  EXPECT_THAT(world_.OutcomeOf(put), StartsWith("written"));
}

TEST_F(ForwardingTest, RefusalsOfTheOwnerReachTheClient) {
  world_.SetDiskFull(kN2, true);
  const CallId put = world_.Put(kN1, key_, "1");
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kDiskFull);
  EXPECT_THAT(world_.RefusalOf(put).message, HasSubstr("the disk of n2 is full"));
}

// What the owner refuses of a forward.

TEST_F(ForwardingTest, RightForwardIsTakenAndTheReplyNamesTheOwner) {
  const ForwardReply reply = ReplyTo(PutForN2());
  EXPECT_THAT(Show(reply.result), StartsWith("written"));
  ASSERT_TRUE(reply.owner);
  EXPECT_EQ(reply.owner->node, kN2);
}

TEST_F(ForwardingTest, ForwardIsNeverForwardedAgain) {
  Forward forward = PutForN2();
  forward.operation.key = world_.KeyOf(kN3);
  forward.partition = world_.PartitionOfKey(forward.operation.key);
  forward.replica = world_.topology().PreferredOwner(forward.partition).id;
  const ForwardReply reply = ReplyTo(forward);
  ASSERT_TRUE(reply.owner);
  EXPECT_EQ(reply.owner->node, kN3);
  const Refusal refusal = std::get<Refusal>(reply.result);
  EXPECT_EQ(refusal.reason, Reason::kNotOwner);
  EXPECT_EQ(refusal.message,
            "n2 does not own partition " + std::to_string(forward.partition.value) + "; n3 does");
  EXPECT_THAT(refusal.metadata, Contains(Pair("owner", "n3")));
  EXPECT_THAT(refusal.metadata, Contains(Pair("owner_address", "127.0.0.1:7430")));
  EXPECT_THAT(refusal.metadata, Contains(Pair("term", std::to_string(reply.owner->term))));
}

TEST_F(ForwardingTest, KeyUnderAnotherPartitionIsRefused) {
  Forward forward = PutForN2();
  forward.partition.value ^= 1U;
  EXPECT_EQ(RefusalOfReplyTo(forward).reason, Reason::kBadRequest);
}

TEST_F(ForwardingTest, PartitionThatDoesNotExistIsRefused) {
  Forward forward = PutForN2();
  forward.partition = PartitionId{0xffffffff};
  EXPECT_EQ(RefusalOfReplyTo(forward).reason, Reason::kBadRequest);
}

TEST_F(ForwardingTest, PeersAreHeldToTheLimitsToo) {
  Forward forward = PutForN2();
  forward.operation.action = Put{.value = std::string((1U << 20U) + 1, 'v')};
  EXPECT_EQ(RefusalOfReplyTo(forward).reason, Reason::kValueTooLarge);
}

TEST_F(ForwardingTest, ForwardWithAllTheTimeInTheWorldStillEnds) {
  world_.HoldDisk(kN2);
  Forward forward = PutForN2();
  forward.remaining = 365 * 24h;
  Frame frame;
  frame.forwards.push_back(forward);
  world_.Deliver(kN1, kN2, std::move(frame));
  std::optional<Result> result;
  world_.SetFilter([&result](World::Sent& sent) {
    for (const ForwardReply& reply : sent.frame.replies) result = reply.result;
    return true;
  });
  world_.Pass(30s);
  ASSERT_TRUE(result);
  EXPECT_THAT(Show(*result), StartsWith("OUTCOME_UNKNOWN: no answer from n2 within"));
}

// Replies that a peer should not send.

TEST_F(ForwardingTest, ReplyThatDoesNotFitAWriteLeavesItUnknown) {
  world_.HoldNetwork();
  for (const Result& result : {Result(Found{.value = "v", .version = 1}), Result(Absent{}),
                               Result(Incremented{.value = 1, .version = 1})}) {
    const CallId put = world_.Put(kN1, key_, "1");
    Reply(result);
    EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kOutcomeUnknown);
    EXPECT_THAT(world_.RefusalOf(put).message, HasSubstr("n2 sent an answer that does not fit"));
  }
}

TEST_F(ForwardingTest, ReplyThatDoesNotFitAReadRefusesIt) {
  world_.HoldNetwork();
  const CallId get = world_.Get(kN1, key_);
  Reply(Written{4});
  EXPECT_EQ(world_.OutcomeOf(get), "INTERNAL: n2 sent an answer that does not fit; not read");
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
  frame.replies.push_back({.id = Sent().id, .result = Written{1}});
  world_.Deliver(kN3, kN1, std::move(frame));
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
}

TEST_F(ForwardingTest, ReplyToWhatWasNeverForwardedIsIgnored) {
  world_.HoldDisk(kN1);
  const CallId local = world_.Put(kN1, world_.KeyOf(kN1), "1");
  const uint64_t first = uint64_t{2} << 40U;  // Of the second boot.
  for (uint64_t id = first; id < first + 5; ++id) {
    Frame frame;
    frame.replies.push_back({.id = id, .result = Written{1}});
    world_.Deliver(kN2, kN1, std::move(frame));
  }
  EXPECT_THAT(world_.AnswerTo(local), IsNull());
}

// n1 asked, was restarted, and asks again: ids must not start anew.
TEST_F(ForwardingTest, ReplyToAnEarlierRunIsIgnored) {
  world_.HoldNetwork();
  (void)world_.Put(kN1, key_, "1");
  const Forward earlier = Sent();
  world_.sent().clear();
  world_.ReleaseNetwork();
  world_.Restart(kN1);
  world_.Pass(300ms);
  world_.HoldNetwork();
  const CallId put = world_.Put(kN1, key_, "2");
  EXPECT_GT(Sent().id, earlier.id);
  EXPECT_NE(Sent().operation.request_id->client, earlier.operation.request_id->client);
  Frame frame;
  frame.replies.push_back({.id = earlier.id, .result = Written{1}});
  world_.Deliver(kN2, kN1, std::move(frame));
  EXPECT_THAT(world_.AnswerTo(put), IsNull());
}

// What gets lost is sent again.

TEST_F(ForwardingTest, WhatCouldNotBeQueuedIsTriedAgain) {
  const std::string other = world_.KeyOf(kN2, 1);
  (void)world_.Put(kN1, other, "v");
  world_.HoldNetwork();
  const CallId increment = world_.Increment(kN1, key_);
  const CallId get = world_.Get(kN1, other);
  const uint64_t get_id = Sent().id;
  world_.sent().clear();
  world_.at(kN1).OnNotSent({get_id - 1, get_id, 999}, world_.now());
  world_.ReleaseNetwork();
  world_.Pass(10ms);
  EXPECT_EQ(world_.OutcomeOf(increment), "incremented to 1");
  EXPECT_THAT(world_.OutcomeOf(get), StartsWith("found \"v\""));
}

TEST_F(ForwardingTest, WriteWhoseLinkBrokeIsTriedAgainOnTheNextOneAndAppliedOnce) {
  world_.HoldDisk(kN2);
  const CallId increment = world_.Increment(kN1, key_);
  world_.Break(kN1, kN2);
  EXPECT_THAT(world_.AnswerTo(increment), IsNull());
  world_.Link(kN1, kN2);
  world_.ReleaseDisk(kN2);
  EXPECT_EQ(world_.InTime(increment), "incremented to 1");
  EXPECT_THAT(world_.InTime(world_.Get(kN3, key_)), StartsWith("found \"1\""));
  world_.Pass(100ms);
  for (const NodeId node : world_.nodes()) EXPECT_TRUE(world_.at(node).IsIdle());
}

TEST_F(ForwardingTest, OwnerThatOnlyThisNodeCannotReachIsWaitedForUntilTheTimeIsUp) {
  world_.Break(kN1, kN2);
  const CallId put = world_.Put(kN1, key_, "1", 800ms);
  EXPECT_GE(world_.Await(put), Duration(700ms));
  EXPECT_THAT(world_.OutcomeOf(put),
              HasSubstr("has no owner at the moment, 2 of 3 replicas are up (n2: silent); "
                        "not written"));
  EXPECT_EQ(world_.RefusalOf(put).reason, Reason::kNoMajority);
}

}  // namespace
}  // namespace kvd::node
