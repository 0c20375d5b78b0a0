// Partition 3 on the store's twin: each test is a log, applied in the batches it says.

#include "server/partition/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/partition/mutation.h"
#include "server/storage/memory_store.h"

namespace kvd::partition {
namespace {

using storage::Entry;
using storage::StoredValue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr PartitionId kPartition{3};

class ApplierTest : public ::testing::Test {
 protected:
  Entry Put(const std::string& key, const std::string& value) {
    return {++last_, 1, EncodeMutation(PutMutation{key, value})};
  }
  Entry Delete(const std::string& key) { return {++last_, 1, EncodeMutation(DeleteMutation{key})}; }
  Entry Empty() { return {++last_, 1, ""}; }

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
  EXPECT_THAT(Apply({Put("a", "1")}), ElementsAre(Outcome{.index = 1, .version = 1}));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 1, .value = "1"}));
}

TEST_F(ApplierTest, OverwritingFindsTheKeyAndRaisesTheVersion) {
  (void)Apply({Put("a", "1")});
  EXPECT_THAT(Apply({Put("a", "2")}),
              ElementsAre(Outcome{.index = 2, .found = true, .version = 2}));
  EXPECT_EQ(Get("a"), (StoredValue{.version = 2, .value = "2"}));
}

TEST_F(ApplierTest, DeleteRemovesTheKey) {
  (void)Apply({Put("a", "1")});
  EXPECT_THAT(Apply({Delete("a")}), ElementsAre(Outcome{.index = 2, .found = true, .version = 2}));
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_F(ApplierTest, DeletingAnAbsentKeyWritesNothing) {
  EXPECT_THAT(Apply({Delete("a")}), ElementsAre(Outcome{.index = 1}));
  EXPECT_EQ(OnDisk().index, 1U);
}

TEST_F(ApplierTest, EntryWithoutPayloadOnlyMovesTheRecord) {
  EXPECT_THAT(Apply({Empty(), Put("a", "1")}),
              ElementsAre(Outcome{.index = 1}, Outcome{.index = 2, .version = 2}));
  EXPECT_EQ(OnDisk().index, 2U);
  EXPECT_EQ(OnDisk().keys, 1U);
}

TEST_F(ApplierTest, LaterEntriesOfABatchSeeTheEarlierOnes) {
  EXPECT_THAT(Apply({Put("a", "1"), Put("a", "22"), Delete("a"), Delete("a"), Put("a", "333")}),
              ElementsAre(Outcome{.index = 1, .version = 1},
                          Outcome{.index = 2, .found = true, .version = 2},
                          Outcome{.index = 3, .found = true, .version = 3}, Outcome{.index = 4},
                          Outcome{.index = 5, .version = 5}));
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

TEST_F(ApplierTest, RecordSaysHowFarAndInWhichTerm) {
  (void)Apply({Put("a", "1"), Entry{++last_, 6, EncodeMutation(DeleteMutation{"a"})}});
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
  EXPECT_THAT(restarted.Apply(std::span(&entry, 1), store_, batch).value(),
              ElementsAre(Outcome{.index = 2, .found = true, .version = 2}));
  EXPECT_EQ(restarted.applied().keys, 0U);
}

TEST_F(ApplierTest, EntryThatCannotBeReadAddsNothing) {
  (void)Apply({Put("a", "1")});
  const auto before = applier_.applied();
  storage::StoreBatch batch;
  const std::vector<Entry> entries = {Put("b", "2"), Entry{++last_, 1, "\x01\x01garbage"}};
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
