// What only the twin can do: lose, fail and rot on demand.

#include "server/storage/memory_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace kvd::storage {
namespace {

using ::testing::SizeIs;

constexpr GroupId kGroup{1};

std::vector<GroupWrite> OneEntry(Index index) {
  return {{.group = kGroup,
           .hard_state = {},
           .entries = {{.index = index, .term = 1, .payload = "x"}}}};
}

Index LastOf(const MemoryLog& log) {
  const auto groups = log.Groups().value();
  return groups.empty() ? 0 : groups.front().last;
}

TEST(MemoryLogTest, WhatIsNotSyncedIsNotReadable) {
  MemoryLog log;
  log.Write(OneEntry(1));
  EXPECT_EQ(LastOf(log), 0U);
  EXPECT_TRUE(log.Sync().ok());
  EXPECT_EQ(LastOf(log), 1U);
}

TEST(MemoryLogTest, ACrashMayKeepOrTearTheBatchInFlight) {
  for (const bool tear : {false, true}) {
    MemoryLog log;
    ASSERT_TRUE(log.Append(OneEntry(1)).ok());
    log.Write(OneEntry(2));
    log.Crash(tear);
    EXPECT_EQ(LastOf(log), tear ? 1U : 2U);
  }
}

TEST(MemoryLogTest, AFailedAppendMakesTheLogUnusableUntilACrash) {
  MemoryLog log;
  ASSERT_TRUE(log.Append(OneEntry(1)).ok());
  log.FailNextAppend(MakeStatus(StatusCode::kInternal, "fsync: EIO"));
  EXPECT_EQ(log.Append(OneEntry(2)).code(), StatusCode::kInternal);
  EXPECT_EQ(log.Append(OneEntry(2)).code(), StatusCode::kInternal);
  EXPECT_EQ(log.TruncatePrefix(kGroup, 1).code(), StatusCode::kInternal);
  EXPECT_EQ(log.Groups().status().code(), StatusCode::kInternal);
  EXPECT_EQ(log.Read(kGroup, 1, 1, 1).status().code(), StatusCode::kInternal);
  log.Crash(/*tear_last_batch=*/false);
  EXPECT_EQ(LastOf(log), 2U);
}

TEST(MemoryLogTest, DamageIsAnErrorUntilOverwritten) {
  MemoryLog log;
  ASSERT_TRUE(log.Append(OneEntry(1)).ok());
  ASSERT_TRUE(log.Append(OneEntry(2)).ok());
  log.DamageEntry(kGroup, 2);
  EXPECT_THAT(log.Read(kGroup, 1, 1, 9).value(), SizeIs(1));
  EXPECT_EQ(log.Read(kGroup, 1, 2, 9).status().code(), StatusCode::kDataLoss);
  log.Crash(/*tear_last_batch=*/true);
  EXPECT_EQ(log.Read(kGroup, 2, 2, 9).status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(log.Append(OneEntry(2)).ok());
  EXPECT_THAT(log.Read(kGroup, 1, 2, 9).value(), SizeIs(2));
}

TEST(MemoryLogTest, TwoBatchesAreNeverInFlight) {
  MemoryLog log;
  log.Write(OneEntry(1));
  EXPECT_DEATH(log.Write(OneEntry(2)), "in flight");
}

}  // namespace
}  // namespace kvd::storage
