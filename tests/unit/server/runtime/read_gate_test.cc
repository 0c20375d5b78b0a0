#include "server/runtime/read_gate.h"

#include <gtest/gtest.h>

#include <optional>

namespace kvd::runtime {
namespace {

using storage::Generation;

constexpr PartitionId kP5{5};
constexpr PartitionId kP6{6};

class ReadGateTest : public ::testing::Test {
 protected:
  // The generation that is read; nullopt: none.
  [[nodiscard]] std::optional<Generation> Read(PartitionId partition) const {
    return gate_.Try(partition,
                     [](Generation generation) { return std::optional<Generation>(generation); });
  }

  ReadGate gate_;
};

TEST_F(ReadGateTest, ItIsShutAtFirst) {
  EXPECT_EQ(Read(kP5), std::nullopt);
}

TEST_F(ReadGateTest, WhatIsOpenIsReadInItsGeneration) {
  gate_.Open(kP5, 2);
  gate_.Open(kP6, 7);
  EXPECT_EQ(Read(kP5), 2U);
  EXPECT_EQ(Read(kP6), 7U);
  gate_.Shut(kP5);
  EXPECT_EQ(Read(kP5), std::nullopt);
  EXPECT_EQ(Read(kP6), 7U);
  gate_.Open(kP5, 3);
  EXPECT_EQ(Read(kP5), 3U);
}

TEST_F(ReadGateTest, WhatIsReadWhileItIsShutDoesNotCount) {
  gate_.Open(kP5, 2);
  const auto read = [&](Generation generation) {
    gate_.Shut(kP5);
    return std::optional(generation);
  };
  EXPECT_EQ(gate_.Try(kP5, read), std::nullopt);
}

TEST_F(ReadGateTest, NorIfItIsOpenedAgainMeanwhileInTheSameGeneration) {
  gate_.Open(kP5, 1);
  const auto read = [&](Generation generation) {
    gate_.Shut(kP5);
    gate_.Open(kP5, 1);
    return std::optional(generation);
  };
  EXPECT_EQ(gate_.Try(kP5, read), std::nullopt);
  EXPECT_EQ(Read(kP5), 1U);
}

TEST_F(ReadGateTest, OpeningWhatIsOpenDisturbsNobody) {
  gate_.Open(kP5, 1);
  const auto read = [&](Generation generation) {
    gate_.Open(kP5, 1);
    return std::optional(generation);
  };
  EXPECT_EQ(gate_.Try(kP5, read), 1U);
}

}  // namespace
}  // namespace kvd::runtime
