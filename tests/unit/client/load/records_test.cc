#include "client/load/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kvd::load {
namespace {

using ::testing::StartsWith;

TEST(RecordFormatTest, KeysHaveThePrefixAndOneSize) {
  const RecordFormat format({});
  EXPECT_EQ(format.Key(42), "bench/000000000000000042");
  EXPECT_EQ(format.Key(42).size(), 24U);
  const RecordFormat large({.prefix = "mine:", .key_bytes = 40});
  EXPECT_EQ(large.Key(0).size(), 40U);
  EXPECT_EQ(large.Key(RecordFormat::kMaxRecords * 100).size(), 40U);
  EXPECT_THAT(large.Key(7), StartsWith("mine:000"));
}

TEST(RecordFormatTest, ValuesHaveTheirSizeAndDiffer) {
  const RecordFormat format({.value_bytes = 100});
  Random random(1);
  std::set<std::string_view> values;
  for (int i = 0; i < 100; ++i) {
    const std::string_view value = format.Value(random);
    EXPECT_EQ(value.size(), 100U);
    values.insert(value);
  }
  EXPECT_GT(values.size(), 90U);
}

TEST(RecordFormatTest, ValuesMayBeEmpty) {
  Random random(1);
  EXPECT_EQ(RecordFormat({.value_bytes = 0}).Value(random), "");
}

// Compression would make small of what repeats.
TEST(RecordFormatTest, ValuesDoNotRepeatThemselves) {
  Random random(1);
  const RecordFormat format({.value_bytes = 10'000});
  const std::string value(format.Value(random));
  std::set<std::string> windows;
  for (size_t at = 0; at + 8 <= value.size(); at += 8) windows.insert(value.substr(at, 8));
  EXPECT_EQ(windows.size(), 1250U);
}

TEST(RecordCountTest, WhatIsBeingInsertedIsNotThereYet) {
  RecordCount records(10);
  EXPECT_EQ(records.BeginInsert(), 10U);
  EXPECT_EQ(records.BeginInsert(), 11U);
  EXPECT_EQ(records.count(), 10U);
  records.EndInsert(10, true);
  EXPECT_EQ(records.count(), 11U);
}

TEST(RecordCountTest, EveryRecordBelowTheCountIsThere) {
  RecordCount records(10);
  for (int i = 0; i < 3; ++i) (void)records.BeginInsert();
  records.EndInsert(12, true);
  records.EndInsert(11, true);
  EXPECT_EQ(records.count(), 10U);
  records.EndInsert(10, true);
  EXPECT_EQ(records.count(), 13U);
}

TEST(RecordCountTest, WhatWasNotInsertedIsInsertedBySomebodyElse) {
  RecordCount records(10);
  const uint64_t record = records.BeginInsert();
  const uint64_t next = records.BeginInsert();
  records.EndInsert(record, false);
  records.EndInsert(next, true);
  EXPECT_EQ(records.count(), 10U);
  EXPECT_EQ(records.BeginInsert(), record);
  records.EndInsert(record, true);
  EXPECT_EQ(records.count(), 12U);
}

}  // namespace
}  // namespace kvd::load
