// Node n1 of cluster cc... judges envelopes by whom they are for; who sent them is not its matter.

#include "server/topology/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const Uuid kCluster = UuidOf(0xcc);

std::optional<Refusal> Check(const Uuid& cluster, const Uuid& to) {
  return CheckEnvelope(
      {.cluster_id = cluster, .from = UuidOf(2), .from_boot = {}, .to = to, .epoch = Epoch{4}},
      kCluster, CardOf(1));
}

TEST(CheckEnvelopeTest, ForThisClusterAndNodePasses) {
  EXPECT_FALSE(Check(kCluster, UuidOf(1)));
}

TEST(CheckEnvelopeTest, WhatIsNotKnownAgreesWithEverything) {
  EXPECT_FALSE(Check(Uuid{}, Uuid{}));
  EXPECT_FALSE(CheckEnvelope(
      {.cluster_id = kCluster, .from = UuidOf(2), .from_boot = {}, .to = UuidOf(1), .epoch = {}},
      Uuid{}, CardOf(1)));
}

TEST(CheckEnvelopeTest, AnotherClusterIsRefusedNamingBoth) {
  const auto refusal = Check(UuidOf(0xdd), UuidOf(1));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, Reason::kWrongCluster);
  EXPECT_THAT(refusal->message, HasSubstr(kCluster.ToString()));
  EXPECT_THAT(refusal->message, HasSubstr(UuidOf(0xdd).ToString()));
  EXPECT_THAT(refusal->metadata, UnorderedElementsAre(Pair("expected", kCluster.ToString()),
                                                      Pair("actual", UuidOf(0xdd).ToString())));
}

TEST(CheckEnvelopeTest, AnotherNodeIsRefusedNamingBoth) {
  const auto refusal = Check(kCluster, UuidOf(3));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, Reason::kWrongNode);
  EXPECT_THAT(refusal->metadata, UnorderedElementsAre(Pair("expected", UuidOf(1).ToString()),
                                                      Pair("actual", UuidOf(3).ToString())));
}

TEST(CheckEnvelopeTest, ClusterIsJudgedBeforeNode) {
  EXPECT_EQ(Check(UuidOf(0xdd), UuidOf(3))->reason, Reason::kWrongCluster);
}

}  // namespace
}  // namespace kvd::topology
