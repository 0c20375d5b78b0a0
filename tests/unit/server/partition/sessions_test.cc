// The sessions of one partition. Time is the log's index; requests are named client/sequence.

#include "server/partition/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/storage/memory_store.h"

namespace kvd::partition {
namespace {

using Kind = Decision::Kind;

constexpr PartitionId kPartition{3};
constexpr Decision kWritten{.kind = Kind::kWritten};

RequestId Request(uint64_t client, uint64_t sequence, uint64_t done_below = 0, Index base = 0) {
  return {.client = client, .sequence = sequence, .done_below = done_below, .base = base};
}

class SessionsTest : public ::testing::Test {
 protected:
  // What entry `now` comes to, in a word.
  std::string Ask(const RequestId& id, Index now, const Decision& decision = kWritten) {
    sessions_.Expire(now);
    const auto verdict = sessions_.Judge(id, now);
    if (std::holds_alternative<Sessions::Execute>(verdict)) {
      sessions_.Record(id, now, decision);
      return "executed";
    }
    if (const auto* known = std::get_if<Sessions::Known>(&verdict)) {
      return "known from " + std::to_string(known->index);
    }
    if (const auto* stale = std::get_if<Stale>(&verdict)) {
      return "stale below " + std::to_string(stale->done_below);
    }
    return "too old for " + std::to_string(std::get<BaseTooOld>(verdict).floor);
  }

  // Writes the sessions and reads them back as a restarted node does.
  Sessions Reloaded() {
    storage::StoreBatch batch;
    sessions_.AddChangesTo(batch, kPartition, 1);
    EXPECT_TRUE(store_.Write(batch).ok());
    storage::AppliedRecord applied;
    applied.floor = sessions_.floor();
    return LoadSessions(store_, kPartition, applied).value();
  }

  Sessions sessions_;
  storage::MemoryStore store_;
};

TEST_F(SessionsTest, ARequestIsExecutedOnce) {
  EXPECT_EQ(Ask(Request(1, 1), 10), "executed");
  EXPECT_EQ(Ask(Request(1, 1), 11), "known from 10");
  EXPECT_EQ(Ask(Request(1, 2), 12), "executed");
  EXPECT_EQ(Ask(Request(2, 1), 13), "executed");
  EXPECT_EQ(Ask(Request(1, 1), 14), "known from 10");
}

TEST_F(SessionsTest, SequencesMayComeInAnyOrder) {
  EXPECT_EQ(Ask(Request(1, 5), 1), "executed");
  EXPECT_EQ(Ask(Request(1, 3), 2), "executed");
  EXPECT_EQ(Ask(Request(1, 5), 3), "known from 1");
  EXPECT_EQ(Ask(Request(1, 4), 4), "executed");
}

TEST_F(SessionsTest, TheDecisionIsRemembered) {
  const Decision mismatch{.kind = Kind::kMismatch, .item = 3, .value = 77};
  (void)Ask(Request(1, 1), 10, mismatch);
  const auto verdict = sessions_.Judge(Request(1, 1), 11);
  EXPECT_EQ(std::get<Sessions::Known>(verdict).decision, mismatch);
}

TEST_F(SessionsTest, DoneBelowFreesRecordsAndIsNeverExecuted) {
  (void)Ask(Request(1, 1), 1);
  (void)Ask(Request(1, 2), 2);
  EXPECT_EQ(Ask(Request(1, 3, 3), 3), "executed");
  EXPECT_EQ(sessions_.records(), 1U);
  EXPECT_EQ(Ask(Request(1, 2), 4), "stale below 3");
  EXPECT_EQ(Ask(Request(1, 1, 1), 5), "stale below 3") << "it does not go back";
}

TEST_F(SessionsTest, ARequestThatSaysItIsDoneIsNotExecuted) {
  EXPECT_EQ(Ask(Request(1, 1, 2), 1), "stale below 2");
  EXPECT_EQ(sessions_.clients(), 0U);
}

TEST_F(SessionsTest, ARetryAlsoTellsWhatIsDone) {
  (void)Ask(Request(1, 1), 1);
  (void)Ask(Request(1, 2), 2);
  EXPECT_EQ(Ask(Request(1, 2, 2), 3), "known from 2");
  EXPECT_EQ(sessions_.records(), 1U);
}

TEST_F(SessionsTest, AnUntouchedClientIsForgottenByIndexAlone) {
  (void)Ask(Request(1, 1), 10);
  (void)Ask(Request(1, 1), 20);  // Touches it.
  sessions_.Expire(20 + Sessions::kForgetAfter - 1);
  EXPECT_EQ(sessions_.clients(), 1U);
  EXPECT_EQ(sessions_.floor(), 0U);
  sessions_.Expire(20 + Sessions::kForgetAfter);
  EXPECT_EQ(sessions_.clients(), 0U);
  EXPECT_EQ(sessions_.floor(), 20U);
}

TEST_F(SessionsTest, WhatMayHaveBeenForgottenIsRefused) {
  (void)Ask(Request(1, 1, 0, 9), 10);
  const Index later = 10 + Sessions::kForgetAfter;
  EXPECT_EQ(Ask(Request(1, 1, 0, 9), later), "too old for 10");
  EXPECT_EQ(Ask(Request(2, 1, 0, 9), later + 1), "too old for 10") << "nobody can tell";
  EXPECT_EQ(Ask(Request(2, 1, 0, 10), later + 2), "executed");
}

// Executed at 10, freed at 20, the client forgotten: a copy that was sent before is still known to
// be old.
TEST_F(SessionsTest, WhatWasFreedBeforeItsClientWasForgottenIsRefusedToo) {
  (void)Ask(Request(1, 1, 0, 9), 10);
  (void)Ask(Request(1, 2, 2, 15), 20);
  const Index later = 20 + Sessions::kForgetAfter;
  EXPECT_EQ(Ask(Request(1, 1, 0, 9), later), "too old for 20");
}

TEST_F(SessionsTest, ARecordOutlivesTheFloorAsLongAsItsClient) {
  (void)Ask(Request(1, 1), 10);
  (void)Ask(Request(2, 1), 11);
  const Index later = 10 + Sessions::kForgetAfter;
  EXPECT_EQ(Ask(Request(2, 1), later), "known from 11");
  EXPECT_EQ(sessions_.floor(), 10U);
}

TEST_F(SessionsTest, TooManyRecordsOfAClientCostItTheOldest) {
  const Index many = Sessions::kMaxRecords;
  for (Index index = 1; index <= many; ++index) (void)Ask(Request(1, 1 + many - index), index);
  EXPECT_EQ(sessions_.floor(), 0U);
  EXPECT_EQ(Ask(Request(1, many + 1), many + 1), "executed");
  EXPECT_EQ(sessions_.records(), many);
  EXPECT_EQ(sessions_.floor(), 1U);
  EXPECT_EQ(Ask(Request(1, many), many + 2), "too old for 1") << "it was executed first";
  EXPECT_EQ(Ask(Request(1, 1), many + 3), "known from " + std::to_string(many));
}

TEST_F(SessionsTest, TooManyClientsCostTheLeastRecentlyTouched) {
  const uint64_t many = Sessions::kMaxClients;
  for (uint64_t client = 1; client <= many; ++client) (void)Ask(Request(client, 1), client);
  (void)Ask(Request(1, 1), many + 1);
  EXPECT_EQ(Ask(Request(many + 1, 1), many + 2), "executed");
  EXPECT_EQ(sessions_.clients(), many);
  EXPECT_EQ(sessions_.floor(), 2U);
  EXPECT_EQ(Ask(Request(1, 1), many + 3), "known from 1");
}

TEST_F(SessionsTest, ARestartKnowsTheSame) {
  (void)Ask(Request(1, 1), 1, {.kind = Kind::kIncremented, .value = ~uint64_t{0}});
  (void)Ask(Request(1, 2), 2);
  (void)Ask(Request(7, 4, 4), 3);
  (void)Reloaded();
  (void)Ask(Request(1, 3, 2), 4);
  sessions_.Expire(3 + Sessions::kForgetAfter);  // Forgets client 7.
  sessions_ = Reloaded();
  EXPECT_EQ(sessions_.clients(), 1U);
  EXPECT_EQ(sessions_.records(), 2U);
  EXPECT_EQ(sessions_.floor(), 3U);
  EXPECT_EQ(Ask(Request(1, 1), 5), "stale below 2");
  EXPECT_EQ(Ask(Request(1, 3), 6), "known from 4");
}

TEST_F(SessionsTest, WhatDidNotChangeIsNotWritten) {
  (void)Ask(Request(1, 1), 1);
  (void)Reloaded();
  storage::StoreBatch batch;
  sessions_.AddChangesTo(batch, kPartition, 1);
  EXPECT_TRUE(batch.empty());
}

TEST_F(SessionsTest, ManyClientsAreReloaded) {
  for (uint64_t client = 1; client <= 1000; ++client) (void)Ask(Request(client << 50U, 1), client);
  EXPECT_EQ(Reloaded().clients(), 1000U);
}

std::string StateOf(Sessions& sessions) {
  storage::StoreBatch batch;
  sessions.AddChangesTo(batch, kPartition, 1);
  return std::get<storage::StoreBatch::PutSession>(batch.changes().front()).session.state;
}

// A contract with every store and snapshot there is.
TEST_F(SessionsTest, BytesOnDiskNeverChange) {
  using namespace std::string_literals;
  (void)Ask(Request(1, 5, 4), 9, {.kind = Kind::kMismatch, .item = 2, .value = 3});
  EXPECT_EQ(StateOf(sessions_),
            "\1\4\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\1\0\0\0"
            "\5\0\0\0\0\0\0\0\x9\0\0\0\0\0\0\0\3\2\0\0\0\3\0\0\0\0\0\0\0"s);
}

TEST_F(SessionsTest, DamageIsRefused) {
  (void)Ask(Request(1, 5), 9);
  (void)Ask(Request(1, 6), 10);
  const std::string state = StateOf(sessions_);
  for (size_t size = 0; size < state.size(); ++size) {
    EXPECT_EQ(Sessions().Restore({1, state.substr(0, size)}).code(), StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(Sessions().Restore({1, state + "x"}).code(), StatusCode::kDataLoss);
  std::string newer = state;
  newer[0] = 2;
  EXPECT_EQ(Sessions().Restore({1, newer}).code(), StatusCode::kFailedPrecondition);
  Sessions twice;
  EXPECT_TRUE(twice.Restore({1, state}).ok());
  EXPECT_EQ(twice.Restore({1, state}).code(), StatusCode::kDataLoss);
  EXPECT_EQ(twice.Restore({2, state}).code(), StatusCode::kDataLoss) << "touched by one entry";
}

}  // namespace
}  // namespace kvd::partition
