// Golden vectors: the hash is a contract with every disk and every client. Made with xxhsum -H3.
#include "common/hash.h"

#include <gtest/gtest.h>

namespace kvd {
namespace {

TEST(HashTest, VectorsNeverChange) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2U);
  EXPECT_EQ(Hash64("a"), 0xe6c632b61e964e1fU);
  EXPECT_EQ(Hash64("abc"), 0x78af5f94892f3950U);
  EXPECT_EQ(Checksum32("abc"), 0x892f3950U);
}

TEST(HashTest, PartitionIsTheTopBitsOfTheHash) {
  EXPECT_EQ(PartitionOf("abc", 256), PartitionId{0x78});
  EXPECT_EQ(PartitionOf("abc", 16), PartitionId{0x7});
  EXPECT_EQ(PartitionOf("abc", 16384), PartitionId{0x78afU >> 2U});
  EXPECT_EQ(PartitionOf("abc", 1), PartitionId{0});
}

TEST(HashTest, DoublingThePartitionsSplitsEachArcInTwo) {
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    EXPECT_EQ(PartitionOf(key, 512).value / 2, PartitionOf(key, 256).value);
  }
}

TEST(HashDeathTest, PartitionsMustBeAPowerOfTwo) {
  EXPECT_DEATH((void)PartitionOf("a", 100), "power of two");
}

}  // namespace
}  // namespace kvd
