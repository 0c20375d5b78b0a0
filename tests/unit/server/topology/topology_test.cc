// What founding makes of the cards of n1..n5, and how it is compared with a cluster file.

#include "server/topology/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/server/topology/cards.h"

namespace kvd::topology {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Uuid kCluster = UuidOf(0xcc);

Topology Founded(uint8_t nodes) {
  return FoundTopology(kCluster, TermsOf(nodes), CardsOf(nodes));
}

TEST(FoundTopologyTest, MembersAreNumberedInOrderOfName) {
  const Topology topology = FoundTopology(kCluster, TermsOf(3), {CardOf(3), CardOf(1), CardOf(2)});
  ASSERT_EQ(topology.members.size(), 3U);
  for (uint8_t n = 1; n <= 3; ++n) {
    EXPECT_EQ(topology.members[n - 1U], (Member{NodeId{n}, CardOf(n)}));
  }
}

TEST(FoundTopologyTest, OrderOfTheCardsMakesNoDifference) {
  auto backwards = CardsOf(5);
  std::ranges::reverse(backwards);
  EXPECT_EQ(FoundTopology(kCluster, TermsOf(5), backwards), Founded(5));
}

TEST(FoundTopologyTest, IsEpochOneOfTheTerms) {
  const Topology topology = Founded(3);
  EXPECT_EQ(topology.cluster_id, kCluster);
  EXPECT_EQ(topology.cluster_name, "demo");
  EXPECT_EQ(topology.epoch, Epoch{1});
  EXPECT_EQ(topology.feature_level, kFeatureLevel);
  EXPECT_EQ(topology.partitions(), 16U);
  EXPECT_EQ(topology.replication_wished, 3U);
}

TEST(FoundTopologyTest, CopiesAreThoseWishedAsFarAsThereAreNodes) {
  for (const uint8_t nodes : std::initializer_list<uint8_t>{1, 2, 3, 5}) {
    const Topology topology = Founded(nodes);
    const uint32_t copies = std::min<uint32_t>(nodes, 3);
    EXPECT_EQ(topology.replication_wished, 3U);
    EXPECT_EQ(topology.copies, copies);
    for (const auto& replicas : topology.ring) EXPECT_EQ(replicas.size(), copies);
  }
}

TEST(FoundTopologyTest, ReplicaIdsAreNeverShared) {
  std::set<ReplicaId> ids;
  for (const auto& replicas : Founded(5).ring) {
    for (const Replica& replica : replicas) {
      EXPECT_GT(replica.id, ReplicaId{0});
      EXPECT_TRUE(ids.insert(replica.id).second) << replica.id;
    }
  }
}

TEST(FoundTopologyTest, SystemGroupIsSpreadOverZones) {
  std::vector<NodeCard> cards = CardsOf(5);
  for (NodeCard& card : cards) card.zone = card.name == "n5" ? "b" : "a";
  const Topology topology = FoundTopology(kCluster, TermsOf(5), cards);
  std::vector<NodeId> voters;
  for (const Replica& voter : topology.system_voters) voters.push_back(voter.node);
  EXPECT_THAT(voters, ElementsAre(NodeId{1}, NodeId{2}, NodeId{5}));
}

TEST(FoundTopologyTest, NextIdsAreAboveAllThatAreUsed) {
  const Topology topology = Founded(5);
  EXPECT_EQ(topology.next_node, NodeId{6});
  EXPECT_EQ(topology.next_replica, ReplicaId{16 * 3 + 3 + 1});  // Of partitions and voters.
  EXPECT_EQ(topology.next_job, JobId{1});
}

TEST(FoundTopologyTest, OwnersAreBalanced) {
  const Topology topology = Founded(5);
  std::map<NodeId, int> owned;
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    owned[topology.PreferredOwner(PartitionId{p}).node] += 1;
  }
  ASSERT_EQ(owned.size(), 5U);
  for (const auto& [node, partitions] : owned) {
    EXPECT_GE(partitions, 3) << node;
    EXPECT_LE(partitions, 4) << node;
  }
}

TEST(TopologyTest, MembersAreFoundByIdUuidAndName) {
  const Topology topology = Founded(3);
  for (uint8_t n = 1; n <= 3; ++n) {
    const Member* member = &topology.members[n - 1U];
    EXPECT_EQ(topology.Find(NodeId{n}), member);
    EXPECT_EQ(topology.Find(UuidOf(n)), member);
    EXPECT_EQ(topology.FindName(NameOfNode(n)), member);
  }
}

TEST(TopologyTest, StrangersAreNotFound) {
  const Topology topology = Founded(3);
  EXPECT_EQ(topology.Find(NodeId{0}), nullptr);
  EXPECT_EQ(topology.Find(NodeId{4}), nullptr);
  EXPECT_EQ(topology.Find(UuidOf(4)), nullptr);
  EXPECT_EQ(topology.FindName("n4"), nullptr);
}

TEST(CheckTermsTest, FileOfTheFoundedClusterAgrees) {
  EXPECT_TRUE(CheckTerms(TermsOf(3), Founded(3)).ok());
}

TEST(CheckTermsTest, NodesMayChangeAfterFounding) {
  EXPECT_TRUE(CheckTerms(TermsOf(5), Founded(3)).ok());
}

// What the check says of a file with one difference.
std::string Said(const ClusterTerms& terms) {
  const Status status = CheckTerms(terms, Founded(3));
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  return Message(status);
}

TEST(CheckTermsTest, DifferencesAreRefusedNamingBothValues) {
  ClusterTerms terms = TermsOf(3);
  terms.name = "prod";
  EXPECT_THAT(Said(terms), AllOf(HasSubstr("cluster.name"), HasSubstr("prod"), HasSubstr("demo")));
  terms = TermsOf(3);
  terms.partitions = 64;
  EXPECT_THAT(Said(terms),
              AllOf(HasSubstr("cluster.partitions"), HasSubstr("64"), HasSubstr("16")));
  terms = TermsOf(3);
  terms.replication = 5;
  EXPECT_EQ(Said(terms),
            "cluster.replication is 5 in the cluster file and 3 in the founded cluster; it is "
            "fixed at founding: correct the file");
}

}  // namespace
}  // namespace kvd::topology
