// What only the store on disk can show: damage, automatic flushes, and a disk that refuses.

#include "server/storage/rocks/rocks_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "server/storage/files.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

constexpr PartitionId kPartition{1};

StoreBatch Batch(Index index, size_t value_bytes) {
  StoreBatch batch;
  batch.Add(StoreBatch::Put{.partition = kPartition,
                            .generation = 1,
                            .key = "key" + std::to_string(index),
                            .value = {.version = index, .value = std::string(value_bytes, 'v')}});
  AppliedRecord record;
  record.index = index;
  batch.Add(StoreBatch::SetApplied{.partition = kPartition, .record = record});
  return batch;
}

TEST(RocksStoreTest, AFullBufferFlushesByItselfAsAConsistentCut) {
  const TempDir dir;
  auto store = OpenRocksStore(dir / "data", {.write_buffer_bytes = 64 << 10,
                                             .compression = Compression::kNone,
                                             .memory = {},
                                             .on_fatal = {}})
                   .value();
  Index index = 0;
  std::optional<AppliedRecord> flushed;
  while (!flushed && index < 10'000) {
    ASSERT_TRUE(store->Write(Batch(++index, 1000)).ok());
    flushed = store->Applied(kPartition, Store::Tier::kFlushed).value();
  }
  ASSERT_TRUE(flushed.has_value());
  std::filesystem::copy(dir / "data", dir / "crashed", std::filesystem::copy_options::recursive);
  const auto crashed = OpenRocksStore(dir / "crashed", {.memory = {}, .on_fatal = {}}).value();
  const Index applied = crashed->Applied(kPartition, Store::Tier::kLatest).value()->index;
  EXPECT_GE(applied, flushed->index);
  EXPECT_EQ(crashed->Scan(kPartition, 1, "", 100'000).value().size(), applied);
}

TEST(RocksStoreTest, ADamagedTableIsAnErrorAndNeverAnAbsence) {
  const TempDir dir;
  {
    const auto store =
        OpenRocksStore(dir / "data",
                       {.compression = Compression::kNone, .memory = {}, .on_fatal = {}})
            .value();
    ASSERT_TRUE(store->Write(Batch(1, 1000)).ok());
  }
  for (const std::string& name : NamesIn(dir / "data")) {
    if (!name.ends_with(".sst")) continue;
    std::string table = ReadFile(dir / ("data/" + name)).value();
    table[500] = static_cast<char>(table[500] ^ 1);  // In the middle of the value.
    ASSERT_TRUE(ReplaceFile(dir / ("data/" + name), table).ok());
  }
  const auto store = OpenRocksStore(dir / "data", {.memory = {}, .on_fatal = {}});
  const Status got = store.ok() ? (*store)->Get(kPartition, 1, "key1").status() : store.status();
  EXPECT_EQ(got.code(), StatusCode::kDataLoss) << got;
}

TEST(RocksStoreTest, WhatHasToBeReadFromTheDiskIsNotPeekedAt) {
  const TempDir dir;
  {
    const auto store = OpenRocksStore(dir / "data", {.memory = {}, .on_fatal = {}}).value();
    ASSERT_TRUE(store->Write(Batch(1, 1000)).ok());
  }
  const auto store = OpenRocksStore(dir / "data", {.memory = {}, .on_fatal = {}}).value();
  EXPECT_EQ(store->Peek(kPartition, 1, "key1"), std::nullopt);
  const auto got = store->Get(kPartition, 1, "key1").value();
  ASSERT_TRUE(got);
  EXPECT_EQ(store->Peek(kPartition, 1, "key1"), KnownValue{got}) << "it is in memory now";
}

TEST(RocksStoreTest, EveryCompressionReadsEveryOther) {
  const TempDir dir;
  Index index = 0;
  for (const Compression compression : {Compression::kNone, Compression::kLz4, Compression::kZstd,
                                        Compression::kSnappy, Compression::kNone}) {
    const auto store =
        OpenRocksStore(dir / "data", {.compression = compression, .memory = {}, .on_fatal = {}})
            .value();
    ASSERT_TRUE(store->Write(Batch(++index, 1000)).ok());
    EXPECT_EQ(store->Scan(kPartition, 1, "", 100).value().size(), index);
  }
}

TEST(RocksStoreTest, MemoryMayBeSharedByDatabases) {
  const TempDir dir;
  const auto memory = MakeSharedMemory(8 << 20, 16 << 20);
  const auto one = OpenRocksStore(dir / "1", {.memory = memory, .on_fatal = {}}).value();
  const auto two = OpenRocksStore(dir / "2", {.memory = memory, .on_fatal = {}}).value();
  ASSERT_TRUE(one->Write(Batch(1, 10)).ok());
  EXPECT_FALSE(two->Get(kPartition, 1, "key1").value().has_value());
}

TEST(RocksStoreTest, AStoreThatMustExistIsNotBegunAnew) {
  const TempDir dir;
  const auto opened =
      OpenRocksStore(dir / "data", {.must_exist = true, .memory = {}, .on_fatal = {}});
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
}

TEST(RocksStoreTest, FlushesAreCounted) {
  const TempDir dir;
  const auto store =
      OpenRocksStore(dir / "data",
                     {.compression = Compression::kNone, .memory = {}, .on_fatal = {}})
          .value();
  EXPECT_EQ(store->figures().flushed_bytes, 0U);
  ASSERT_TRUE(store->Write(Batch(1, 100'000)).ok());
  EXPECT_GT(store->figures().memtable_bytes, 100'000U);
  ASSERT_TRUE(store->Flush().ok());
  const RocksFigures flushed = store->figures();
  EXPECT_GT(flushed.flushed_bytes, 100'000U);
  EXPECT_LT(flushed.flushed_bytes, 120'000U);
  EXPECT_LT(flushed.memtable_bytes, 100'000U);
  EXPECT_EQ(flushed.compaction_written_bytes, 0U);
  EXPECT_EQ(flushed.stalls, 0U);
  EXPECT_EQ(flushed.stalled, Duration::zero());
}

TEST(RocksStoreTest, BlocksThatWereReadAreCached) {
  const TempDir dir;
  const auto store =
      OpenRocksStore(dir / "data",
                     {.compression = Compression::kNone, .memory = {}, .on_fatal = {}})
          .value();
  ASSERT_TRUE(store->Write(Batch(1, 100'000)).ok());
  ASSERT_TRUE(store->Flush().ok());
  const RocksFigures before = store->figures();
  ASSERT_TRUE(store->Get(kPartition, 1, "key1").value().has_value());
  const RocksFigures once = store->figures();
  EXPECT_GT(once.block_cache_bytes, before.block_cache_bytes + 100'000);
  EXPECT_GT(once.block_cache_misses, before.block_cache_misses);
  ASSERT_TRUE(store->Get(kPartition, 1, "key1").value().has_value());
  const RocksFigures twice = store->figures();
  EXPECT_GT(twice.block_cache_hits, once.block_cache_hits);
  EXPECT_EQ(twice.block_cache_misses, once.block_cache_misses);
}

// Flushes come faster than they can be merged, so that the database stops who writes.
TEST(RocksStoreTest, MergesAndStallsAreCounted) {
  const TempDir dir;
  const auto store = OpenRocksStore(dir / "data", {.write_buffer_bytes = 64 << 10,
                                                   .compression = Compression::kNone,
                                                   .memory = {},
                                                   .on_fatal = {}})
                         .value();
  RocksFigures figures;
  for (Index index = 1; index < 1'000'000; ++index) {
    ASSERT_TRUE(store->Write(Batch(index, 10'000)).ok());
    figures = store->figures();
    if (figures.stalls > 0 && figures.stalled > Duration::zero() &&
        figures.compaction_written_bytes > 0) {
      break;
    }
  }
  EXPECT_GT(figures.stalls, 0U);
  EXPECT_GT(figures.stalled, Duration::zero());
  EXPECT_GT(figures.compaction_written_bytes, 0U);
  EXPECT_GE(figures.compaction_read_bytes, figures.compaction_written_bytes / 2);
}

}  // namespace
}  // namespace kvd::storage
