// Which node a key is sent to, from what is known of the ring.

#include "client/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hash.h"

namespace kvd::client {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kPartitions = 4;

// Two nodes, which own every other partition.
Ring TwoNodes() {
  Ring ring;
  ring.nodes = {{.name = "n1", .address = "10.0.0.1:7400", .zone = {}},
                {.name = "n2", .address = "10.0.0.2:7400", .zone = {}}};
  for (uint32_t p = 0; p < kPartitions; ++p) {
    ring.partitions.push_back({.replicas = {p % 2}, .owner = p % 2});
  }
  return ring;
}

std::string KeyIn(uint32_t partition) {
  for (int i = 0;; ++i) {
    std::string key = "key-" + std::to_string(i);
    if (PartitionOf(key, kPartitions).value == partition) return key;
  }
}

TEST(RoutesTest, NothingIsKnownAtFirst) {
  Routes routes;
  EXPECT_TRUE(routes.empty());
  EXPECT_EQ(routes.AddressOf("k"), nullptr);
  EXPECT_FALSE(routes.Learn(PartitionId{0}, "n1"));
}

TEST(RoutesTest, AKeyBelongsToTheOwnerOfItsPartition) {
  Routes routes;
  routes.Learn(TwoNodes());
  EXPECT_THAT(routes.Addresses(), ElementsAre("10.0.0.1:7400", "10.0.0.2:7400"));
  for (uint32_t p = 0; p < kPartitions; ++p) {
    ASSERT_NE(routes.AddressOf(KeyIn(p)), nullptr);
    EXPECT_EQ(*routes.AddressOf(KeyIn(p)), routes.Addresses()[p % 2]);
  }
}

TEST(RoutesTest, AnAnswerMovesItsPartitionAlone) {
  Routes routes;
  routes.Learn(TwoNodes());
  EXPECT_TRUE(routes.Learn(PartitionId{2}, "n2"));
  EXPECT_EQ(*routes.AddressOf(KeyIn(2)), "10.0.0.2:7400");
  EXPECT_EQ(*routes.AddressOf(KeyIn(0)), "10.0.0.1:7400");
}

TEST(RoutesTest, AnOwnerThatIsNotInTheRingIsNotBelieved) {
  Routes routes;
  routes.Learn(TwoNodes());
  EXPECT_FALSE(routes.Learn(PartitionId{2}, "n3"));
  EXPECT_FALSE(routes.Learn(PartitionId{99}, "n1"));
  EXPECT_EQ(*routes.AddressOf(KeyIn(2)), "10.0.0.1:7400");
}

}  // namespace
}  // namespace kvd::client
