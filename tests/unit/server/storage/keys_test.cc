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
  EXPECT_EQ(DataKey(PartitionId{2}, 0x0102, "k"), "\0\0\0\2\0\0\0\0\0\0\1\2\2k"s);
  EXPECT_EQ(SessionKey(PartitionId{2}, 0x0102, 0x0304),
            "\0\0\0\2\0\0\0\0\0\0\1\2\1\0\0\0\0\0\0\3\4"s);
}

TEST(KeysTest, OrderByBytesIsOrderByNumber) {
  EXPECT_LT(EntryKey(GroupId{1}, 255), EntryKey(GroupId{1}, 256));
  EXPECT_LT(EntryKey(GroupId{1}, UINT64_MAX), EndOfGroup(GroupId{1}));
  EXPECT_LE(EndOfGroup(GroupId{255}), HardStateKey(GroupId{256}));
  EXPECT_LT(EntryKey(GroupId{UINT32_MAX - 1}, UINT64_MAX), BatchNumberKey());
  EXPECT_LT(DataKey(PartitionId{1}, 255, "\xff"), DataKey(PartitionId{1}, 256, ""));
  EXPECT_LT(DataKey(PartitionId{1}, 1, std::string(99, '\xff')), EndOfValues(PartitionId{1}, 1));
  EXPECT_LT(SessionKey(PartitionId{1}, 1, 255), SessionKey(PartitionId{1}, 1, 256));
  EXPECT_LT(SessionKey(PartitionId{1}, 1, UINT64_MAX), EndOfSessions(PartitionId{1}, 1));
}

TEST(KeysTest, AGroupsRecordsStandInOneRangeBeforeItsEntries) {
  EXPECT_LT(HardStateKey(GroupId{1}), LogStartKey(GroupId{1}));
  EXPECT_LT(LogStartKey(GroupId{1}), EntryKey(GroupId{1}, 0));
}

TEST(KeysTest, AGenerationIsOneRangeOfSessionsThenValues) {
  constexpr PartitionId kOne{1};
  EXPECT_LT(AppliedKey(kOne), BeginOfGeneration(kOne, 1));
  EXPECT_LE(BeginOfGeneration(kOne, 1), SessionKey(kOne, 1, 0));
  EXPECT_LE(EndOfSessions(kOne, 1), DataKey(kOne, 1, ""));
  EXPECT_LT(EndOfValues(kOne, 1), EndOfGeneration(kOne, 1));
  EXPECT_LE(EndOfGeneration(kOne, 1), BeginOfGeneration(kOne, 2));
}

TEST(KeysTest, KeysAreReadBack) {
  EXPECT_EQ(GroupOfLogKey(EntryKey(GroupId{77}, 5)), GroupId{77});
  EXPECT_EQ(GroupOfLogKey(HardStateKey(GroupId{77})), GroupId{77});
  EXPECT_EQ(GroupOfLogKey(BatchNumberKey()), std::nullopt);
  EXPECT_EQ(IndexOfEntryKey(EntryKey(GroupId{77}, 1ULL << 40U)), 1ULL << 40U);
  EXPECT_EQ(IndexOfEntryKey(LogStartKey(GroupId{77})), std::nullopt);
  EXPECT_EQ(UserKey(DataKey(PartitionId{9}, 3, "a\0b"s)), "a\0b"s);
  EXPECT_EQ(ClientOfSessionKey(SessionKey(PartitionId{9}, 3, 1ULL << 40U)), 1ULL << 40U);
  EXPECT_EQ(ClientOfSessionKey(DataKey(PartitionId{9}, 3, "12345678")), std::nullopt);
  EXPECT_EQ(ClientOfSessionKey("short"), std::nullopt);
  EXPECT_EQ(PartitionOfDataKey(AppliedKey(PartitionId{9})), PartitionId{9});
  EXPECT_EQ(PartitionOfDataKey("short"), std::nullopt);
}

TEST(KeysTest, GenerationZeroStopsTheProcess) {
  EXPECT_DEATH((void)DataKey(PartitionId{1}, 0, "k"), "generations count from 1");
}

}  // namespace
}  // namespace kvd::storage
