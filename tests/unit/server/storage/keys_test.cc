#include "server/storage/keys.h"

#include <gtest/gtest.h>

#include <string>

namespace kvd::storage {
namespace {

using namespace std::string_literals;

TEST(KeysTest, BytesOnDiskNeverChange) {
  EXPECT_EQ(AppliedKey(PartitionId{2}), "\0\0\0\2\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(DataKey(PartitionId{2}, 0x0102, "k"), "\0\0\0\2\0\0\0\0\0\0\1\2\2k"s);
  EXPECT_EQ(SessionKey(PartitionId{2}, 0x0102, 0x0304),
            "\0\0\0\2\0\0\0\0\0\0\1\2\1\0\0\0\0\0\0\3\4"s);
}

TEST(KeysTest, OrderByBytesIsOrderByNumber) {
  EXPECT_LT(DataKey(PartitionId{1}, 255, "\xff"), DataKey(PartitionId{1}, 256, ""));
  EXPECT_LT(DataKey(PartitionId{1}, 1, std::string(99, '\xff')), EndOfValues(PartitionId{1}, 1));
  EXPECT_LT(SessionKey(PartitionId{1}, 1, 255), SessionKey(PartitionId{1}, 1, 256));
  EXPECT_LT(SessionKey(PartitionId{1}, 1, UINT64_MAX), EndOfSessions(PartitionId{1}, 1));
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
