// Partition 3 on the store's twin: each test is a log, applied in the batches it says.

#include "server/partition/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "server/partition/command.h"
#include "server/storage/memory_store.h"

namespace kvd::partition {
namespace {

using storage::Entry;
using storage::StoredValue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr PartitionId kPartition{3};

Outcome Wrote(Index index, Term term = 1) {
  return {.index = index, .term = term, .what = Written{index}, .version = index};
}

// An outcome that says `what` and wrote nothing.
template <typename What>
Outcome Says(Index index, What what) {
  return {.index = index, .term = 1, .what = std::move(what)};
}

class ApplierTest : public ::testing::Test {
 protected:
  Entry Put(const std::string& key, const std::string& value) {
    return {++last_, 1, EncodeCommand({.mutation = PutMutation{key, value}})};
  }
  Entry Delete(const std::string& key) {
    return {++last_, 1, EncodeCommand({.mutation = DeleteMutation{key}})};
  }
  Entry Empty() { return {++last_, 1, ""}; }
  Entry Do(Mutation mutation, std::optional<RequestId> id = std::nullopt) {
    return {++last_, 1, EncodeCommand({.id = id, .mutation = std::move(mutation)})};
  }
  Entry Increment(const std::string& key, int64_t by) { return Do(IncrementMutation{key, by}); }

  // Applies one batch, and expects that it can be.
  std::vector<Outcome> Apply(const std::vector<Entry>& entries) {
    storage::StoreBatch batch;
    auto outcomes = applier_.Apply(entries, store_, batch);
    EXPECT_TRUE(outcomes.ok()) << outcomes.status();
    EXPECT_TRUE(store_.Write(batch).ok());
    return outcomes.value_or(std::vector<Outcome>{});
  }

  [[nodiscard]] std::optional<StoredValue> Get(const std::string& key) const {
    return store_.Get(kPartition, applier_.applied().generation, key).value();
  }

  [[nodiscard]] storage::AppliedRecord OnDisk() const {
    return store_.Applied(kPartition, storage::Store::Tier::kLatest).value().value();
  }

  storage::MemoryStore store_;
  Applier applier_{kPartition, {}};
  Index last_ = 0;
};

TEST_F(ApplierTest, PutWritesTheValueWithItsIndexAsVersion) {
  EXPECT_THAT(Apply({Put("a", "1")}), ElementsAre(Wrote(1)));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 1, .value = "1"}));
}

TEST_F(ApplierTest, OverwritingFindsTheKeyAndRaisesTheVersion) {
  (void)Apply({Put("a", "1")});
  EXPECT_THAT(Apply({Put("a", "2")}), ElementsAre(Wrote(2)));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 2, .value = "2"}));
}

TEST_F(ApplierTest, DeleteRemovesTheKey) {
  (void)Apply({Put("a", "1")});
  EXPECT_THAT(Apply({Delete("a")}), ElementsAre(Wrote(2)));
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_F(ApplierTest, DeletingAnAbsentKeyWritesNothing) {
  EXPECT_THAT(Apply({Delete("a")}), ElementsAre(Says(1, Absent{})));
  EXPECT_EQ(OnDisk().index, 1U);
}

TEST_F(ApplierTest, EntryWithoutPayloadOnlyMovesTheRecord) {
  EXPECT_THAT(Apply({Empty(), Put("a", "1")}), ElementsAre(Says(1, Nothing{}), Wrote(2)));
  EXPECT_EQ(OnDisk().index, 2U);
  EXPECT_EQ(OnDisk().keys, 1U);
}

TEST_F(ApplierTest, LaterEntriesOfABatchSeeTheEarlierOnes) {
  EXPECT_THAT(Apply({Put("a", "1"), Put("a", "22"), Delete("a"), Delete("a"), Put("a", "333")}),
              ElementsAre(Wrote(1), Wrote(2), Wrote(3), Says(4, Absent{}), Wrote(5)));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 5, .value = "333"}));
  EXPECT_EQ(OnDisk().keys, 1U);
  EXPECT_EQ(OnDisk().value_bytes, 4U);
}

TEST_F(ApplierTest, KeysAndBytesAreCounted) {
  (void)Apply({Put("a", "1"), Put("bb", "22")});
  EXPECT_EQ(OnDisk().keys, 2U);
  EXPECT_EQ(OnDisk().value_bytes, 6U);
  (void)Apply({Put("bb", "")});
  EXPECT_EQ(OnDisk().keys, 2U);
  EXPECT_EQ(OnDisk().value_bytes, 4U);
  (void)Apply({Delete("a"), Delete("absent")});
  EXPECT_EQ(OnDisk().keys, 1U);
  EXPECT_EQ(OnDisk().value_bytes, 2U);
  (void)Apply({Delete("bb")});
  EXPECT_EQ(OnDisk().keys, 0U);
  EXPECT_EQ(OnDisk().value_bytes, 0U);
}

TEST_F(ApplierTest, APutIfAbsentWritesOnlyWhatIsNotThere) {
  EXPECT_THAT(Apply({Do(PutMutation{"a", "1", 0}), Do(PutMutation{"a", "2", 0})}),
              ElementsAre(Wrote(1), Says(2, Mismatch{.key = "a", .actual = 1})));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 1, .value = "1"}));
}

TEST_F(ApplierTest, APutIfVersionWritesOnlyOverThatVersion) {
  EXPECT_THAT(Apply({Put("a", "1"), Do(PutMutation{"a", "2", 1}), Do(PutMutation{"a", "3", 1}),
                     Do(PutMutation{"b", "4", 1})}),
              ElementsAre(Wrote(1), Wrote(2), Says(3, Mismatch{.key = "a", .actual = 2}),
                          Says(4, Mismatch{.key = "b", .actual = 0})));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 2, .value = "2"}));
  EXPECT_EQ(Get("b"), std::nullopt);
}

TEST_F(ApplierTest, ADeleteMayHaveACondition) {
  EXPECT_THAT(
      Apply({Put("a", "1"), Do(DeleteMutation{"a", 7}), Do(DeleteMutation{"a", 0}),
             Do(DeleteMutation{"a", 1}), Do(DeleteMutation{"a", 1}), Do(DeleteMutation{"a", 0})}),
      ElementsAre(Wrote(1), Says(2, Mismatch{.key = "a", .actual = 1}),
                  Says(3, Mismatch{.key = "a", .actual = 1}), Wrote(4),
                  Says(5, Mismatch{.key = "a", .actual = 0}), Says(6, Absent{})));
}

TEST_F(ApplierTest, AnIncrementCountsFromZero) {
  const auto counted = [](Index index, int64_t value) {
    return Outcome{.index = index,
                   .term = 1,
                   .what = Incremented{.value = value, .version = index},
                   .version = index};
  };
  EXPECT_THAT(Apply({Increment("n", 5), Increment("n", -7), Increment("n", 0)}),
              ElementsAre(counted(1, 5), counted(2, -2), counted(3, -2)));
  EXPECT_EQ(Get("n"), (StoredValue{.version = 3, .value = "-2"}));
  EXPECT_EQ(OnDisk().keys, 1U);
  EXPECT_EQ(OnDisk().value_bytes, 3U);
}

TEST_F(ApplierTest, AnIncrementOfAnythingElseWritesNothing) {
  for (const char* text : {"", "x", "1x", " 1", "1.0", "+1", "9223372036854775808", "0x10"}) {
    (void)Apply({Put("n", text)});
    const Version version = last_;
    EXPECT_THAT(Apply({Increment("n", 1)}),
                ElementsAre(Says(version + 1, NotANumber{.key = "n", .actual = version})))
        << text;
    EXPECT_EQ(Get("n"), (StoredValue{.version = version, .value = text}));
  }
}

TEST_F(ApplierTest, AnIncrementBeyondTheRangeWritesNothing) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  (void)Apply({Increment("high", kMax), Increment("low", kMin)});
  EXPECT_THAT(Apply({Increment("high", 1), Increment("low", -1)}),
              ElementsAre(Says(3, Overflow{.key = "high", .value = kMax}),
                          Says(4, Overflow{.key = "low", .value = kMin})));
  EXPECT_EQ(Get("high")->version, 1U);
}

TEST_F(ApplierTest, ABatchIsAllUnderOneVersion) {
  (void)Apply({Put("gone", "x")});
  EXPECT_THAT(Apply({Do(BatchMutation{{PutMutation{"a", "1"}, DeleteMutation{"gone"},
                                       PutMutation{"b", "2", 0}, DeleteMutation{"never"}}})}),
              ElementsAre(Wrote(2)));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 2, .value = "1"}));
  EXPECT_EQ(Get("b"), (StoredValue{.version = 2, .value = "2"}));
  EXPECT_EQ(Get("gone"), std::nullopt);
  EXPECT_EQ(OnDisk().keys, 2U);
}

TEST_F(ApplierTest, ABatchIsNothingIfOneConditionFails) {
  (void)Apply({Put("b", "old")});
  EXPECT_THAT(Apply({Do(BatchMutation{
                  {PutMutation{"a", "1"}, PutMutation{"b", "2", 0}, DeleteMutation{"c", 9}}})}),
              ElementsAre(Says(2, Mismatch{.key = "b", .actual = 1})));
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_EQ(Get("b")->value, "old");
}

TEST_F(ApplierTest, AConfigurationIsKeptInTheRecordAndIsNoCommand) {
  const Entry configuration{++last_, 1, "who counts", storage::EntryKind::kConfiguration};
  EXPECT_THAT(Apply({configuration, Put("a", "1")}), ElementsAre(Says(1, Nothing{}), Wrote(2)));
  EXPECT_EQ(OnDisk().configuration, "who counts");
}

TEST_F(ApplierTest, ARetryIsAnsweredAndNotAppliedAgain) {
  const RequestId id{.client = 9, .sequence = 1};
  EXPECT_THAT(Apply({Do(IncrementMutation{"n", 5}, id), Put("n", "0")}), ::testing::SizeIs(2));
  EXPECT_THAT(Apply({Do(IncrementMutation{"n", 5}, id)}),
              ElementsAre(Outcome{.index = 3,
                                  .term = 1,
                                  .duplicate = true,
                                  .what = Incremented{.value = 5, .version = 1},
                                  .version = 1}));
  EXPECT_EQ(Get("n")->value, "0");
}

TEST_F(ApplierTest, ARetryWithinOneBatchIsOneToo) {
  const RequestId id{.client = 9, .sequence = 1};
  (void)Apply({Do(IncrementMutation{"n", 5}, id), Do(IncrementMutation{"n", 5}, id)});
  EXPECT_EQ(Get("n")->value, "5");
}

// The client was told that somebody else holds the lock; meanwhile it was given back.
TEST_F(ApplierTest, ALateCopyOfAFailedConditionDoesNotSucceedLater) {
  const RequestId id{.client = 9, .sequence = 1};
  (void)Apply({Put("lock", "other"), Do(PutMutation{"lock", "me", 0}, id), Delete("lock")});
  EXPECT_THAT(
      Apply({Do(PutMutation{"lock", "me", 0}, id)}),
      ElementsAre(Outcome{
          .index = 4, .term = 1, .duplicate = true, .what = Mismatch{.key = "lock", .actual = 1}}));
  EXPECT_EQ(Get("lock"), std::nullopt);
}

// The client was told that there was nothing to delete.
TEST_F(ApplierTest, ALateCopyOfADeleteThatFoundNothingDeletesNothing) {
  const RequestId id{.client = 9, .sequence = 1};
  (void)Apply({Do(DeleteMutation{"a"}, id), Put("a", "acknowledged")});
  EXPECT_THAT(Apply({Do(DeleteMutation{"a"}, id)}),
              ElementsAre(Outcome{.index = 3, .term = 1, .duplicate = true, .what = Absent{}}));
  EXPECT_EQ(Get("a")->value, "acknowledged");
}

TEST_F(ApplierTest, WhatIsDoneIsNeverExecuted) {
  (void)Apply({Do(PutMutation{"a", "1"}, RequestId{.client = 9, .sequence = 1}),
               Do(PutMutation{"a", "2"}, RequestId{.client = 9, .sequence = 2, .done_below = 2})});
  EXPECT_THAT(Apply({Do(PutMutation{"a", "1"}, RequestId{.client = 9, .sequence = 1})}),
              ElementsAre(Says(3, Stale{.done_below = 2})));
  EXPECT_EQ(Get("a")->value, "2");
}

TEST_F(ApplierTest, TwoRequestsUnderOneIdAreAnsweredWithTheFirstAndHarmNothing) {
  const RequestId id{.client = 9, .sequence = 1};
  (void)Apply(
      {Put("b", "x"), Do(BatchMutation{{PutMutation{"a", "1"}, PutMutation{"b", "2", 0}}}, id)});
  EXPECT_THAT(
      Apply({Do(BatchMutation{}, id)}),
      ElementsAre(Outcome{
          .index = 3, .term = 1, .duplicate = true, .what = Mismatch{.key = "", .actual = 1}}));
}

TEST_F(ApplierTest, SessionsAreWrittenWithTheEffectsAndLoadedBehindTheRecord) {
  const RequestId id{.client = 9, .sequence = 1};
  (void)Apply({Do(PutMutation{"a", "1"}, id), Put("b", "2")});
  Applier restarted(kPartition, OnDisk(), LoadSessions(store_, kPartition, OnDisk()).value());
  storage::StoreBatch batch;
  const Entry retry = Do(PutMutation{"a", "1"}, id);
  const auto outcomes = restarted.Apply(std::span(&retry, 1), store_, batch).value();
  EXPECT_TRUE(outcomes.front().duplicate);
  EXPECT_EQ(outcomes.front().version, 1U);
}

TEST_F(ApplierTest, TheRecordKeepsTheFloor) {
  (void)Apply({Do(PutMutation{"a", "1"}, RequestId{.client = 9, .sequence = 1})});
  std::vector<Entry> many;
  while (last_ < Sessions::kForgetAfter) many.push_back(Empty());
  (void)Apply(many);
  EXPECT_EQ(OnDisk().floor, 0U);
  (void)Apply({Empty()});
  EXPECT_EQ(OnDisk().floor, 1U);
  EXPECT_THAT(Apply({Do(PutMutation{"a", "1"}, RequestId{.client = 9, .sequence = 1})}),
              ElementsAre(Says(Sessions::kForgetAfter + 2, BaseTooOld{.floor = 1})));
  EXPECT_EQ(Get("a")->version, 1U);
}

TEST_F(ApplierTest, RecordSaysHowFarAndInWhichTerm) {
  (void)Apply({Put("a", "1"), Entry{++last_, 6, EncodeCommand({.mutation = DeleteMutation{"a"}})}});
  EXPECT_EQ(OnDisk().index, 2U);
  EXPECT_EQ(OnDisk().term, 6U);
  EXPECT_EQ(applier_.applied(), OnDisk());
}

// However the log is cut into batches: replicas cut it differently.
TEST_F(ApplierTest, BatchesMakeNoDifference) {
  const std::vector<Entry> log = {Put("a", "1"), Put("b", "2"), Delete("a"), Empty(),
                                  Put("a", "3"), Put("b", "4"), Delete("c")};
  const auto together = Apply(log);
  const auto record = OnDisk();

  storage::MemoryStore other;
  Applier one_by_one(kPartition, {});
  std::vector<Outcome> outcomes;
  for (const Entry& entry : log) {
    storage::StoreBatch batch;
    outcomes.push_back(one_by_one.Apply(std::span(&entry, 1), other, batch).value().front());
    ASSERT_TRUE(other.Write(batch).ok());
  }
  EXPECT_EQ(outcomes, together);
  EXPECT_EQ(one_by_one.applied(), record);
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_EQ(other.Get(kPartition, 1, key).value(), Get(key)) << key;
  }
}

TEST_F(ApplierTest, ContinuesFromTheRecordItIsGiven) {
  (void)Apply({Put("a", "1")});
  Applier restarted(kPartition, OnDisk());
  storage::StoreBatch batch;
  const Entry entry = Delete("a");
  EXPECT_THAT(restarted.Apply(std::span(&entry, 1), store_, batch).value(), ElementsAre(Wrote(2)));
  EXPECT_EQ(restarted.applied().keys, 0U);
}

TEST_F(ApplierTest, EntryThatCannotBeReadAddsNothing) {
  (void)Apply({Put("a", "1")});
  const auto before = applier_.applied();
  storage::StoreBatch batch;
  const std::vector<Entry> entries = {Put("b", "2"),
                                      Entry{++last_, 1, std::string("\x01\0\x01garbage", 10)}};
  const auto outcomes = applier_.Apply(entries, store_, batch);
  EXPECT_EQ(outcomes.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Message(outcomes.status()),
            "apply partition 3 index 3: log entry: fields are missing or too many");
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(applier_.applied(), before);
}

TEST_F(ApplierTest, NewerEntryStopsTheReplica) {
  storage::StoreBatch batch;
  const Entry entry{1, 1, "\x09\x01"};
  EXPECT_EQ(applier_.Apply(std::span(&entry, 1), store_, batch).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_TRUE(batch.empty());
}

TEST_F(ApplierTest, DamagedValueStopsTheReplicaRatherThanCountAsAbsent) {
  (void)Apply({Put("a", "1")});
  store_.DamageValue(kPartition, 1, "a");
  storage::StoreBatch batch;
  const Entry entry = Delete("a");
  const auto outcomes = applier_.Apply(std::span(&entry, 1), store_, batch);
  EXPECT_EQ(outcomes.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(outcomes.status()), HasSubstr("apply partition 3 index 2"));
  EXPECT_TRUE(batch.empty());
}

TEST(ApplierDeathTest, GapInTheLogIsABugOfOurs) {
  storage::MemoryStore store;
  Applier applier(kPartition, {});
  storage::StoreBatch batch;
  const Entry entry{2, 1, ""};
  EXPECT_DEATH((void)applier.Apply(std::span(&entry, 1), store, batch), "entry.index ==");
}

}  // namespace
}  // namespace kvd::partition
