// What only the twin can do: lose, fail and rot on demand.

#include "server/storage/memory_store.h"

#include <gtest/gtest.h>

#include <string>

namespace kvd::storage {
namespace {

constexpr PartitionId kPartition{1};

StoreBatch OnePut(const std::string& key) {
  StoreBatch batch;
  batch.Add(StoreBatch::Put{
      .partition = kPartition, .generation = 1, .key = key, .value = {.version = 1, .value = "v"}});
  return batch;
}

bool Holds(const MemoryStore& store, const std::string& key) {
  return store.Get(kPartition, 1, key).value().has_value();
}

TEST(MemoryStoreTest, ACrashMayKeepAnyPrefixOfWhatWasNotFlushed) {
  for (size_t survivors = 0; survivors <= 3; ++survivors) {
    MemoryStore store;
    ASSERT_TRUE(store.Write(OnePut("1")).ok());
    ASSERT_TRUE(store.Write(OnePut("2")).ok());
    store.Crash(survivors);
    EXPECT_EQ(Holds(store, "1"), survivors >= 1);
    EXPECT_EQ(Holds(store, "2"), survivors >= 2);
  }
}

TEST(MemoryStoreTest, AFailedWriteMakesTheStoreUnusableUntilACrash) {
  MemoryStore store;
  ASSERT_TRUE(store.Write(OnePut("1")).ok());
  ASSERT_TRUE(store.Flush().ok());
  store.FailNextWrite(MakeStatus(StatusCode::kResourceExhausted, "disk full"));
  EXPECT_EQ(store.Write(OnePut("2")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(store.Flush().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(store.Get(kPartition, 1, "1").status().code(), StatusCode::kResourceExhausted);
  store.Crash();
  EXPECT_TRUE(Holds(store, "1"));
  EXPECT_FALSE(Holds(store, "2"));
}

TEST(MemoryStoreTest, DamageIsAnErrorUntilOverwritten) {
  MemoryStore store;
  ASSERT_TRUE(store.Write(OnePut("1")).ok());
  store.DamageValue(kPartition, 1, "1");
  EXPECT_EQ(store.Get(kPartition, 1, "1").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(store.Scan(kPartition, 1, "", 9).status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(store.Write(OnePut("1")).ok());
  EXPECT_TRUE(Holds(store, "1"));
}

}  // namespace
}  // namespace kvd::storage
