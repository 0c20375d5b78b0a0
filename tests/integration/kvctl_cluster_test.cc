// kvctl's commands on the cluster: status, ring, nodes, ping, wait, version.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "common/hash.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(KvctlClusterTest, StatusShowsAHealthyClusterOnOneScreen) {
  const Cluster cluster;
  for (int node = 1; node <= 3; ++node) {
    const Finished status = cluster.KvctlAt(node, {"status"});
    EXPECT_EQ(status.code, 0) << status;
    EXPECT_THAT(status.out, StartsWith("cluster demo   healthy   3/3 nodes up   epoch 1   256 "
                                       "partitions x 3 replicas   no jobs\n"));
    EXPECT_THAT(status.out, HasSubstr("BEHIND"));
    EXPECT_THAT(status.out, ContainsRegex("\nn1 +up +" + cluster.address(1) + " +- +8[56] +256 "));
    EXPECT_THAT(status.out, ContainsRegex("\nn2 +up +" + cluster.address(2) + " +- +8[56] +256 "));
    EXPECT_THAT(status.out, ContainsRegex("\nn3 +up +" + cluster.address(3) + " +- +8[56] +256 "));
    EXPECT_THAT(status.out, Not(HasSubstr("\x1b"))) << "colour without a terminal";
    EXPECT_EQ(status.err, "");
  }
  EXPECT_EQ(cluster.KvctlAt(2, {"status", "-o", "json"}).out,
            "{\"cluster\":\"demo\",\"state\":\"healthy\",\"epoch\":1,\"partitions\":256,"
            "\"replication\":3,\"replication_wished\":3,\"nodes_up\":3,\"nodes\":3,\"jobs\":0,"
            "\"partitions_unavailable\":0,\"answered_by\":\"n2\",\"problems\":[]}\n");
}

TEST(KvctlClusterTest, NodesAreAnObjectEachInOrderOfName) {
  const Cluster cluster;
  const Finished nodes = cluster.Kvctl({"nodes", "-o", "json"});
  EXPECT_EQ(nodes.code, 0) << nodes;
  const auto lines = LinesOf(nodes.out);
  ASSERT_EQ(lines.size(), 3U);
  for (int node = 1; node <= 3; ++node) {
    const auto object = json::parse(lines[static_cast<size_t>(node - 1)]);
    EXPECT_EQ(object.at("name"), NodeName(node));
    EXPECT_EQ(object.at("state"), "up");
    EXPECT_EQ(object.at("address"), cluster.address(node));
    EXPECT_EQ(object.at("peer_address"), cluster.peer_address(node));
    EXPECT_THAT(object.at("owned").get<int>(), AnyOf(85, 86));
    EXPECT_EQ(object.at("uuid").get<std::string>().size(), 36U);
    EXPECT_THAT(object.at("version").get<std::string>(), StartsWith("0."));
  }
}

TEST(KvctlClusterTest, EveryNodeDrawsTheSameRing) {
  const Cluster cluster;
  const Finished ring = cluster.KvctlAt(1, {"ring"});
  EXPECT_EQ(ring.code, 0) << ring;
  EXPECT_EQ(cluster.KvctlAt(2, {"ring"}).out, ring.out);
  EXPECT_EQ(cluster.KvctlAt(3, {"ring"}).out, ring.out);
  const auto lines = LinesOf(ring.out);
  ASSERT_EQ(lines.size(), 6U) << ring.out;
  EXPECT_EQ(lines[0], "cluster demo   epoch 1   256 partitions   3 nodes   3 replicas each");
  std::string letters;
  for (size_t i = 1; i <= 4; ++i) letters += lines[i].substr(4);
  for (const char letter : {'A', 'B', 'C'}) {
    EXPECT_THAT(std::ranges::count(letters, letter), AnyOf(85, 86)) << letter;
  }
  EXPECT_THAT(
      lines[5],
      ContainsRegex("^A n1  8[56] owned 256 replicas    B n2  8[56] owned 256    C n3  8[56] "));

  // As json it is the same, partition by partition.
  const auto objects = LinesOf(cluster.Kvctl({"ring", "-o", "json"}).out);
  ASSERT_EQ(objects.size(), 256U);
  for (size_t p = 0; p < 256; ++p) {
    const auto object = json::parse(objects[p]);
    EXPECT_EQ(object.at("partition"), p);
    EXPECT_EQ(object.at("owner"), NodeName(letters[p] - 'A' + 1));
    EXPECT_EQ(object.at("epoch"), 1);
  }
}

TEST(KvctlClusterTest, RingOfAKeyNamesTheNodeThatServesIt) {
  const Cluster cluster;
  const uint32_t partition = PartitionOf("user:42", 256).value;
  const Finished place = cluster.Kvctl({"ring", "user:42"});
  EXPECT_EQ(place.code, 0) << place;
  EXPECT_THAT(place.out, StartsWith("key user:42   hash 0x9fc1e605fa7174aa   partition 159\n"));
  EXPECT_EQ(partition, 159U);
  const auto object = json::parse(cluster.Kvctl({"ring", "user:42", "-o", "json"}).out);
  const std::string owner = object.at("owner");
  const auto put = cluster.ClientOf(1).Put("user:42", "");
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->served.owner, owner);
  EXPECT_EQ(object.at("owner_address"), cluster.address(owner.back() - '0'));
}

TEST(KvctlClusterTest, PingNamesWhoAnswers) {
  const Cluster cluster;
  for (int node = 1; node <= 3; ++node) {
    const Finished ping = cluster.KvctlAt(1, {"ping", NodeName(node)});
    EXPECT_EQ(ping.code, 0) << ping;
    EXPECT_THAT(ping.out, StartsWith(NodeName(node) + " at " + cluster.address(node) + ": kvd 0."));
  }
  const Finished first = cluster.Kvctl({"ping", "-o", "json"});
  EXPECT_EQ(json::parse(first.out).at("node"), "n1");
  const Finished nobody = cluster.Kvctl({"ping", "n9"});
  EXPECT_EQ(nobody.code, 3) << nobody;
  EXPECT_EQ(nobody.err, "kvctl: node 'n9' not found in cluster demo\n");
}

TEST(KvctlClusterTest, WaitReturnsWhenTheNodesAreUp) {
  const Cluster cluster;
  EXPECT_EQ(cluster.Kvctl({"wait", "--ready", "--nodes", "3"}).code, 0);
  const Finished more = cluster.Kvctl({"wait", "--ready", "--nodes", "4", "--timeout", "200ms"});
  EXPECT_EQ(more.code, 12) << more;
  EXPECT_THAT(more.err, HasSubstr("3/3 nodes up, 4 wanted"));
}

TEST(KvctlClusterTest, VersionAsksTheServerOnlyIfTold) {
  const Finished own = RunToEnd(KvctlCommand({"version"}));
  EXPECT_EQ(own.code, 0) << own;
  EXPECT_THAT(own.out, StartsWith("kvctl 0."));
  const Cluster cluster;
  const Finished both = cluster.KvctlAt(2, {"version", "--server"});
  EXPECT_EQ(both.code, 0) << both;
  EXPECT_THAT(both.out, HasSubstr("(n2 at " + cluster.address(2) + ")"));
}

TEST(KvctlClusterTest, TheClusterFileTellsTheEndpoints) {
  const Cluster cluster;
  const Finished put =
      RunToEnd(KvctlCommand({"--cluster-file", cluster.file().string(), "put", "key", "value"}));
  EXPECT_EQ(put.code, 0) << put;
  auto get = KvctlCommand({"get", "key"});
  get.environment = {"KVCTL_ENDPOINTS=" + cluster.endpoints()};
  EXPECT_EQ(RunToEnd(get).out, "value");
}

}  // namespace
}  // namespace kvd::testing
