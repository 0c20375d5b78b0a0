#include "server/topology/boots.h"

#include <gtest/gtest.h>

#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using Heard = Boots::Heard;

const Uuid kCluster = UuidOf(0xcc);
const Uuid kN2 = UuidOf(2);
const Uuid kN3 = UuidOf(3);

// What is kept of `heard` in the end.
std::string RecordOf(const std::vector<std::pair<Uuid, Boot>>& heard) {
  Boots boots(kCluster);
  for (const auto& [node, boot] : heard) (void)boots.Hear(node, boot);
  return boots.TakeRecord().value();
}

TEST(BootsTest, OnlyALaterCountFollowsUponABoot) {
  const Boot latest{.counter = 5, .nonce = 50};
  EXPECT_FALSE(IsSuperseded(latest, latest));
  EXPECT_FALSE(IsSuperseded({.counter = 6, .nonce = 50}, latest));
  EXPECT_TRUE(IsSuperseded({.counter = 4, .nonce = 50}, latest));
  EXPECT_TRUE(IsSuperseded({.counter = 5, .nonce = 51}, latest));
}

TEST(BootsTest, ABootCountsOnceItIsOnTheDisk) {
  Boots boots(kCluster);
  EXPECT_EQ(boots.Hear(kN2, {1, 10}), Heard::kNotYetOnDisk);
  ASSERT_TRUE(boots.TakeRecord());
  EXPECT_EQ(boots.Hear(kN2, {1, 10}), Heard::kNotYetOnDisk);
  boots.OnStored();
  EXPECT_EQ(boots.Hear(kN2, {1, 10}), Heard::kRemembered);
  EXPECT_EQ(boots.TakeRecord(), std::nullopt);
}

TEST(BootsTest, WhatIsHeardDuringAWriteIsInTheNextOne) {
  Boots boots(kCluster);
  (void)boots.Hear(kN2, {1, 10});
  ASSERT_TRUE(boots.TakeRecord());
  EXPECT_EQ(boots.Hear(kN3, {7, 70}), Heard::kNotYetOnDisk);
  EXPECT_EQ(boots.TakeRecord(), std::nullopt) << "one at a time";
  boots.OnStored();
  EXPECT_EQ(boots.Hear(kN3, {7, 70}), Heard::kNotYetOnDisk);
  EXPECT_TRUE(boots.TakeRecord());
}

TEST(BootsTest, AnOlderDiskIsSupersededAlsoAfterARestart) {
  auto boots = Boots::Decode(RecordOf({{kN2, {5, 50}}, {kN3, {1, 10}}}), kCluster).value();
  EXPECT_EQ(boots.Hear(kN2, {5, 50}), Heard::kRemembered);
  EXPECT_EQ(boots.Hear(kN2, {4, 40}), Heard::kSuperseded);
  EXPECT_EQ(boots.Hear(kN2, {5, 51}), Heard::kSuperseded);
  EXPECT_EQ(boots.Find(kN2), (Boot{5, 50})) << "who is refused changes nothing";
  EXPECT_EQ(boots.Hear(kN2, {6, 60}), Heard::kNotYetOnDisk);
}

TEST(BootsTest, ARecordOfAnotherClusterIsForgotten) {
  auto boots = Boots::Decode(RecordOf({{kN2, {5, 50}}}), UuidOf(0xdd)).value();
  EXPECT_EQ(boots.Hear(kN2, {1, 10}), Heard::kNotYetOnDisk);
}

TEST(BootsTest, WhoIsNoMemberIsForgotten) {
  Boots boots(kCluster);
  (void)boots.Hear(kN2, {5, 50});
  (void)boots.Hear(kN3, {5, 50});
  Topology topology;
  topology.members = {{NodeId{3}, CardOf(3)}};
  boots.KeepOnly(topology);
  EXPECT_EQ(boots.Find(kN2), std::nullopt);
  EXPECT_EQ(boots.Find(kN3), (Boot{5, 50}));
}

TEST(BootsTest, ADamagedRecordIsNotRead) {
  const std::string record = RecordOf({{kN2, {5, 50}}});
  for (size_t i = 0; i < record.size(); ++i) {
    std::string damaged = record;
    damaged[i] ^= 1;
    EXPECT_EQ(Boots::Decode(damaged, kCluster).status().code(), StatusCode::kDataLoss) << i;
    EXPECT_EQ(Boots::Decode(record.substr(0, i), kCluster).status().code(), StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace kvd::topology
