#include "server/storage/keys.h"

#include <gtest/gtest.h>

#include <string>

namespace kvd::storage {
namespace {

using namespace std::string_literals;

TEST(KeysTest, BytesOnDiskNeverChange) {
  EXPECT_EQ(HardStateKey(GroupId{1}), "\0\0\0\1\0"s);
  EXPECT_EQ(LogStartKey(GroupId{1}), "\0\0\0\1\1"s);
  EXPECT_EQ(EntryKey(GroupId{0x01020304}, 0x05060708090a0b0c), "\1\2\3\4\2\5\6\7\x8\x9\xa\xb\xc"s);
  EXPECT_EQ(BatchNumberKey(), "\xff\xff\xff\xff"s);
  EXPECT_EQ(AppliedKey(PartitionId{2}), "\0\0\0\2\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(DataKey(PartitionId{2}, 0x0102, "k"), "\0\0\0\2\0\0\0\0\0\0\1\2k"s);
}

TEST(KeysTest, OrderByBytesIsOrderByNumber) {
  EXPECT_LT(EntryKey(GroupId{1}, 255), EntryKey(GroupId{1}, 256));
  EXPECT_LT(EntryKey(GroupId{1}, UINT64_MAX), EndOfGroup(GroupId{1}));
  EXPECT_LE(EndOfGroup(GroupId{255}), HardStateKey(GroupId{256}));
  EXPECT_LT(EntryKey(GroupId{UINT32_MAX - 1}, UINT64_MAX), BatchNumberKey());
  EXPECT_LT(DataKey(PartitionId{1}, 255, "\xff"), DataKey(PartitionId{1}, 256, ""));
  EXPECT_LT(DataKey(PartitionId{1}, 1, std::string(99, '\xff')),
            EndOfGeneration(PartitionId{1}, 1));
}

TEST(KeysTest, AGroupsRecordsStandInOneRangeBeforeItsEntries) {
  EXPECT_LT(HardStateKey(GroupId{1}), LogStartKey(GroupId{1}));
  EXPECT_LT(LogStartKey(GroupId{1}), EntryKey(GroupId{1}, 0));
}

TEST(KeysTest, KeysAreReadBack) {
  EXPECT_EQ(GroupOfLogKey(EntryKey(GroupId{77}, 5)), GroupId{77});
  EXPECT_EQ(GroupOfLogKey(HardStateKey(GroupId{77})), GroupId{77});
  EXPECT_EQ(GroupOfLogKey(BatchNumberKey()), std::nullopt);
  EXPECT_EQ(IndexOfEntryKey(EntryKey(GroupId{77}, 1ULL << 40U)), 1ULL << 40U);
  EXPECT_EQ(IndexOfEntryKey(LogStartKey(GroupId{77})), std::nullopt);
  EXPECT_EQ(UserKey(DataKey(PartitionId{9}, 3, "a\0b"s)), "a\0b"s);
}

TEST(KeysTest, GenerationZeroStopsTheProcess) {
  EXPECT_DEATH((void)DataKey(PartitionId{1}, 0, "k"), "generations count from 1");
}

}  // namespace
}  // namespace kvd::storage
