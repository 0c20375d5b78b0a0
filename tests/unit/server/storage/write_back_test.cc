// What the store behind is told, and when. What readers see is the contract's: see
// store_contract_test.cc.

#include "server/storage/write_back.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "server/storage/memory_store.h"

namespace kvd::storage {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

StoreBatch PutOf(PartitionId partition, const std::string& key, Index index, size_t bytes = 10) {
  StoreBatch batch;
  batch.Add(StoreBatch::Put{.partition = partition,
                            .generation = 1,
                            .key = key,
                            .value = {.version = index, .value = std::string(bytes, 'v')}});
  batch.Add(StoreBatch::PutSession{
      .partition = partition, .generation = 1, .session = {.client = 7, .state = "s"}});
  batch.Add(StoreBatch::SetApplied{.partition = partition, .record = {.index = index, .term = 1}});
  return batch;
}

class WriteBackTest : public ::testing::Test {
 protected:
  // How far the store behind has a partition; 0: not at all.
  Index Behind(uint32_t partition) {
    const auto record = behind_.Applied(PartitionId{partition}, Store::Tier::kLatest);
    return record.ok() && *record ? (*record)->index : 0;
  }
  size_t KeysBehind(uint32_t partition) {
    return behind_.Scan(PartitionId{partition}, 1, "", 100)->size();
  }
  void Put(uint32_t partition, const std::string& key, Index index, size_t bytes = 10) {
    ASSERT_TRUE(store_.Write(PutOf(PartitionId{partition}, key, index, bytes)).ok());
  }

  MemoryStore behind_;
  WriteBackStore store_{behind_, 4000};
};

TEST_F(WriteBackTest, WhatIsWrittenWaitsInMemory) {
  Put(1, "a", 1);
  EXPECT_EQ(Behind(1), 0U);
  EXPECT_THAT(*behind_.Partitions(), IsEmpty());
  EXPECT_EQ((*store_.Get(PartitionId{1}, 1, "a"))->version, 1U);
}

TEST_F(WriteBackTest, WhatWaitsHidesWhatIsBehind) {
  Put(1, "a", 1);
  ASSERT_TRUE(store_.Flush().ok());
  EXPECT_EQ(store_.Peek(PartitionId{1}, 1, "a")->value->version, 1U) << "from behind";
  Put(1, "a", 2);
  EXPECT_EQ(store_.Peek(PartitionId{1}, 1, "a")->value->version, 2U);
  EXPECT_EQ((*store_.Head(PartitionId{1}, 1, "a"))->version, 2U);
  StoreBatch gone;
  gone.Add(StoreBatch::Delete{.partition = PartitionId{1}, .generation = 1, .key = "a"});
  ASSERT_TRUE(store_.Write(std::move(gone)).ok());
  EXPECT_EQ(store_.Peek(PartitionId{1}, 1, "a"), KnownValue{});
  EXPECT_EQ(*store_.Head(PartitionId{1}, 1, "a"), std::nullopt);
}

TEST_F(WriteBackTest, FlushHandsEverythingOnAndMakesItDurable) {
  Put(1, "a", 1);
  Put(2, "b", 5);
  ASSERT_TRUE(store_.Flush().ok());
  for (const auto& [partition, index] : {std::pair(1U, 1U), std::pair(2U, 5U)}) {
    const auto record = behind_.Applied(PartitionId{partition}, Store::Tier::kFlushed);
    ASSERT_TRUE(record.ok() && *record);
    EXPECT_EQ((*record)->index, index);
  }
  EXPECT_THAT(*behind_.ScanSessions(PartitionId{1}, 1, 0, 10), SizeIs(1));
}

TEST_F(WriteBackTest, RecordNeverGoesWithoutTheDataOfItsPartition) {
  for (Index index = 1; index <= 200; ++index) {
    for (const uint32_t partition : {1U, 2U, 3U}) {
      Put(partition, "key" + std::to_string(index), index);
      ASSERT_EQ(KeysBehind(partition), std::min<size_t>(100, Behind(partition)));
    }
  }
  EXPECT_GT(Behind(1), 100U) << "room was made";
}

TEST_F(WriteBackTest, RoomIsMadeByOnePartitionAfterTheOther) {
  Put(1, "a", 1, 1000);
  Put(2, "a", 1, 1000);
  Put(3, "a", 1, 1000);
  EXPECT_EQ(Behind(1) + Behind(2) + Behind(3), 0U);
  Put(3, "b", 2, 1000);
  EXPECT_EQ(Behind(1), 1U);
  EXPECT_EQ(Behind(2) + Behind(3), 0U);
  Put(1, "b", 2, 1000);
  EXPECT_EQ(Behind(2), 1U);
  EXPECT_EQ(Behind(1), 1U) << "its turn comes last";
}

TEST_F(WriteBackTest, WhatIsWrittenAgainTakesNoMoreRoom) {
  for (Index index = 1; index <= 1000; ++index) Put(1, "a", index);
  EXPECT_EQ(Behind(1), 0U);
}

TEST_F(WriteBackTest, ViewHoldsWhatWasWrittenBefore) {
  Put(1, "a", 1);
  const auto view = store_.OpenView(PartitionId{1});
  Put(1, "b", 2);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ((*view)->applied().index, 1U);
  EXPECT_THAT(*(*view)->Scan("", 10), SizeIs(1));
}

TEST_F(WriteBackTest, PutsAreCountedWhereverTheyGo) {
  Put(1, "abc", 1, 10);
  EXPECT_EQ(store_.put_bytes(), 13U);
  Put(1, "abc", 2, 20);
  EXPECT_EQ(store_.put_bytes(), 36U) << "written again, though the disk may see it once";
  StoreBatch gone;
  gone.Add(StoreBatch::Delete{.partition = PartitionId{1}, .generation = 1, .key = "abc"});
  gone.Add(StoreBatch::DropPartition{.partition = PartitionId{2}});
  gone.Add(StoreBatch::Put{
      .partition = PartitionId{1}, .generation = 1, .key = "d", .value = {.value = "e"}});
  ASSERT_TRUE(store_.Write(std::move(gone)).ok());
  EXPECT_EQ(store_.put_bytes(), 38U);
}

}  // namespace
}  // namespace kvd::storage
