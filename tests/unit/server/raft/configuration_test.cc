// Configurations of up to five replicas; who counts is asked by their ids.

#include "server/raft/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/server/raft/world.h"

namespace kvd::raft {
namespace {

using test::Members;

auto In(std::set<uint64_t> ids) {
  return [ids = std::move(ids)](ReplicaId id) { return ids.contains(id.value); };
}

auto Reached(std::map<uint64_t, Index> indexes) {
  return [indexes = std::move(indexes)](const Member& member) {
    const auto it = indexes.find(member.id.value);
    return it == indexes.end() ? 0 : it->second;
  };
}

const Configuration kThree{.voters = Members({1, 2, 3}), .outgoing = {}, .learners = Members({9})};
const Configuration kJoint{
    .voters = Members({3, 4, 5}), .outgoing = Members({1, 2, 3}), .learners = {}};

TEST(ConfigurationTest, MajorityIsMoreThanHalf) {
  EXPECT_TRUE(kThree.HasMajority(In({1, 3})));
  EXPECT_FALSE(kThree.HasMajority(In({2})));
  const Configuration two{.voters = Members({1, 2}), .outgoing = {}, .learners = {}};
  EXPECT_FALSE(two.HasMajority(In({1})));
  EXPECT_TRUE(two.HasMajority(In({1, 2})));
}

TEST(ConfigurationTest, NobodyIsNoMajority) {
  EXPECT_FALSE(Configuration{}.HasMajority(In({1})));
  EXPECT_EQ(Configuration{}.MajorityIndex(Reached({{1, 7}})), 0U);
}

TEST(ConfigurationTest, LearnersDoNotCount) {
  EXPECT_FALSE(kThree.HasMajority(In({1, 9})));
  EXPECT_EQ(kThree.MajorityIndex(Reached({{1, 7}, {9, 7}})), 0U);
}

TEST(ConfigurationTest, JointNeedsBothMajorities) {
  EXPECT_FALSE(kJoint.HasMajority(In({3, 4, 5})));
  EXPECT_FALSE(kJoint.HasMajority(In({1, 2, 3})));
  EXPECT_TRUE(kJoint.HasMajority(In({2, 3, 4})));
  EXPECT_EQ(kJoint.MajorityIndex(Reached({{3, 9}, {4, 9}, {5, 9}, {1, 4}})), 4U);
}

TEST(ConfigurationTest, MajorityIndexIsWhatMoreThanHalfHaveReached) {
  EXPECT_EQ(kThree.MajorityIndex(Reached({{1, 5}, {2, 7}, {3, 6}})), 6U);
  const Configuration two{.voters = Members({1, 2}), .outgoing = {}, .learners = {}};
  EXPECT_EQ(two.MajorityIndex(Reached({{1, 5}, {2, 7}})), 5U);
}

TEST(ConfigurationTest, AllNamesEveryMemberOnce) {
  EXPECT_EQ(kJoint.All(), Members({1, 2, 3, 4, 5}));
  EXPECT_EQ(kThree.All(), Members({1, 2, 3, 9}));
}

TEST(ConfigurationTest, BytesCarryTheWhole) {
  for (const Configuration& configuration : {kThree, kJoint}) {
    EXPECT_EQ(*DecodeConfiguration(EncodeConfiguration(configuration)), configuration);
  }
}

TEST(ConfigurationTest, EncodingIsFixed) {
  const Configuration one{.voters = Members({1}), .outgoing = {}, .learners = {}};
  EXPECT_EQ(EncodeConfiguration(one), std::string("\x01"
                                                  "\x01\0\0\0"
                                                  "\x01\0\0\0\0\0\0\0"
                                                  "\x01\0\0\0"
                                                  "\0\0\0\0"
                                                  "\0\0\0\0",
                                                  25));
}

TEST(ConfigurationTest, DamagedBytesAreRefused) {
  const std::string good = EncodeConfiguration(kJoint);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeConfiguration(good.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeConfiguration(good + "x").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeConfiguration(std::string("\x01\xff\xff\xff\xff", 5)).status().code(),
            StatusCode::kDataLoss);
}

TEST(ConfigurationTest, NewerFormatIsRefusedAsSuch) {
  std::string bytes = EncodeConfiguration(kThree);
  bytes[0] = '\x02';
  EXPECT_EQ(DecodeConfiguration(bytes).status().code(), StatusCode::kFailedPrecondition);
}

TEST(ConfigurationTest, WhatIsNoConfigurationIsRefused) {
  Configuration learner_votes = kThree;
  learner_votes.learners = Members({3});
  Configuration unordered = kThree;
  unordered.voters = Members({2, 1});
  Configuration twice = kThree;
  twice.voters = Members({1, 1});
  Configuration two_nodes = kJoint;
  two_nodes.outgoing[2].node = NodeId{8};
  for (const Configuration& bad : {Configuration{}, learner_votes, unordered, twice, two_nodes}) {
    EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(bad)).ok());
  }
}

}  // namespace
}  // namespace kvd::raft
