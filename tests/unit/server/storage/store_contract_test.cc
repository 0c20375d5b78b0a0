// What every Store promises, on the twin in memory and on RocksDB.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/storage/store.h"
#include "tests/unit/server/storage/worlds.h"

namespace kvd::storage {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Tier = Store::Tier;

constexpr PartitionId kPartition{3};
constexpr PartitionId kNext{4};

template <typename World>
class StoreContractTest : public ::testing::Test {
 public:  // Chained calls leave the reach of "protected".
  Store& store() { return world_.store(); }

  StoreContractTest& Put(const std::string& key, Version version, const std::string& value,
                         Generation generation = 1, PartitionId partition = kPartition) {
    batch_.Add(StoreBatch::Put{.partition = partition,
                               .generation = generation,
                               .key = key,
                               .value = {.version = version, .value = value}});
    return *this;
  }
  StoreContractTest& Delete(const std::string& key) {
    batch_.Add(StoreBatch::Delete{.partition = kPartition, .generation = 1, .key = key});
    return *this;
  }
  StoreContractTest& Drop(Generation generation) {
    batch_.Add(StoreBatch::DropGeneration{.partition = kPartition, .generation = generation});
    return *this;
  }
  StoreContractTest& SetApplied(Index index) {
    batch_.Add(StoreBatch::SetApplied{.partition = kPartition, .record = Record(index)});
    return *this;
  }

  // Writes what was added since the last Write().
  void Write() {
    const Status written = store().Write(batch_);
    ASSERT_TRUE(written.ok()) << written;
    batch_ = {};
  }
  void Flush() {
    const Status flushed = store().Flush();
    ASSERT_TRUE(flushed.ok()) << flushed;
  }

  std::optional<std::string> Get(const std::string& key, Generation generation = 1,
                                 PartitionId partition = kPartition) {
    const auto value = store().Get(partition, generation, key).value();
    if (!value) return std::nullopt;
    return value->value;
  }

  std::vector<std::string> Scan(const std::string& from, size_t max_keys = 100) {
    std::vector<std::string> keys;
    const auto found = store().Scan(kPartition, 1, from, max_keys);
    for (const StoredKey& key : found.value()) keys.push_back(key.key);
    return keys;
  }

  std::optional<AppliedRecord> Applied(Tier tier) {
    return store().Applied(kPartition, tier).value();
  }

  static AppliedRecord Record(Index index) {
    return {.index = index,
            .term = 2,
            .generation = 1,
            .keys = index,
            .value_bytes = 10 * index,
            .configuration = "of\0" + std::to_string(index)};
  }

  World world_;
  StoreBatch batch_;
};

using Worlds = ::testing::Types<MemoryStoreWorld, RocksStoreWorld>;
TYPED_TEST_SUITE(StoreContractTest, Worlds);

TYPED_TEST(StoreContractTest, ANewStoreIsEmpty) {
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_THAT(this->Scan(""), IsEmpty());
  EXPECT_EQ(this->Applied(Tier::kLatest), std::nullopt);
  EXPECT_EQ(this->Applied(Tier::kFlushed), std::nullopt);
}

TYPED_TEST(StoreContractTest, WhatWasWrittenIsReadAtOnce) {
  this->Put("a", 7, "one").Put("b", 8, "").Write();
  EXPECT_EQ(this->store().Get(kPartition, 1, "a").value(),
            (StoredValue{.version = 7, .value = "one"}));
  EXPECT_EQ(this->store().Get(kPartition, 1, "b").value(),
            (StoredValue{.version = 8, .value = ""}));
}

TYPED_TEST(StoreContractTest, LaterChangesOfABatchWin) {
  this->Put("a", 1, "old").Delete("a").Put("b", 1, "old").Put("b", 2, "new").Write();
  this->Put("c", 3, "old").Drop(1).Put("c", 4, "new").Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("b"), std::nullopt);
  EXPECT_EQ(this->Get("c"), "new");
}

TYPED_TEST(StoreContractTest, DeletingAnAbsentKeyIsANoOp) {
  this->Delete("a").Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
}

TYPED_TEST(StoreContractTest, PartitionsAndGenerationsDoNotSeeEachOther) {
  this->Put("a", 1, "here").Put("a", 2, "later", 2).Put("a", 3, "there", 1, kNext).Write();
  this->Drop(1).Write();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("a", 2), "later");
  EXPECT_EQ(this->Get("a", 1, kNext), "there");
}

TYPED_TEST(StoreContractTest, DroppingAGenerationKeepsTheAppliedRecord) {
  this->Put("a", 1, "x").SetApplied(5).Write();
  this->Drop(1).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(5));
}

TYPED_TEST(StoreContractTest, ScanGoesInByteOrderFromItsStart) {
  this->Put("b", 1, "").Put("\xff", 1, "").Put("", 1, "").Put("a\0b"s, 1, "").Put("a", 1, "");
  this->Put("other", 1, "", 2).Put("other", 1, "", 1, kNext).SetApplied(1).Write();
  EXPECT_THAT(this->Scan(""), ElementsAre("", "a", "a\0b"s, "b", "\xff"));
  EXPECT_THAT(this->Scan("a\0"s), ElementsAre("a\0b"s, "b", "\xff"));
  EXPECT_THAT(this->Scan("b", 1), ElementsAre("b"));
  EXPECT_THAT(this->Scan("", 0), IsEmpty());
}

TYPED_TEST(StoreContractTest, KeysAndValuesAreAnyBytes) {
  std::string all(256, '\0');
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  this->Put(all, 1, all).Put(std::string(4096, '\xff'), 2, std::string(4 << 20, 'v')).Write();
  this->Flush();
  this->world_.Crash();
  EXPECT_EQ(this->Get(all), all);
  EXPECT_EQ(this->Get(std::string(4096, '\xff')), std::string(4 << 20, 'v'));
}

TYPED_TEST(StoreContractTest, ACrashLeavesTheLastFlush) {
  this->Put("a", 1, "flushed").SetApplied(1).Write();
  this->Flush();
  this->Put("a", 2, "lost").Put("b", 2, "lost").SetApplied(2).Write();
  this->world_.Crash();
  EXPECT_EQ(this->Get("a"), "flushed");
  EXPECT_EQ(this->Get("b"), std::nullopt);
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
}

TYPED_TEST(StoreContractTest, TheFlushedTierIsWhatACrashWouldLeave) {
  this->SetApplied(1).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
  EXPECT_EQ(this->Applied(Tier::kFlushed), std::nullopt);
  this->Flush();
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
  this->SetApplied(2).Write();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(2));
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
  this->world_.Crash();
  EXPECT_EQ(this->Applied(Tier::kLatest), this->Record(1));
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
}

TYPED_TEST(StoreContractTest, ACleanStopKeepsEverything) {
  this->Put("a", 1, "kept").SetApplied(1).Write();
  this->world_.StopCleanly();
  EXPECT_EQ(this->Get("a"), "kept");
  EXPECT_EQ(this->Applied(Tier::kFlushed), this->Record(1));
}

TYPED_TEST(StoreContractTest, ADroppedGenerationStaysDroppedAfterACrash) {
  this->Put("a", 1, "x").Put("a", 2, "y", 2).Write();
  this->Flush();
  this->Drop(1).Write();
  this->Flush();
  this->world_.Crash();
  EXPECT_EQ(this->Get("a"), std::nullopt);
  EXPECT_EQ(this->Get("a", 2), "y");
}

}  // namespace
}  // namespace kvd::storage
