#include "client/kvctl/render_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace kvd::kvctl {
namespace {

using ::testing::HasSubstr;

client::Ring RingOf(size_t nodes, size_t partitions) {
  client::Ring ring{.cluster = "demo",
                    .epoch = Epoch{5},
                    .replication = 1,
                    .nodes = {},
                    .partitions = {},
                    .endpoint = {}};
  for (size_t i = 1; i <= nodes; ++i) {
    ring.nodes.push_back({.name = "n" + std::to_string(i),
                          .address = "10.0.0.1:7400",
                          .zone = "",
                          .state = client::NodeState::kUp,
                          .silent = {}});
  }
  for (size_t i = 0; i < partitions; ++i) {
    const auto owner = static_cast<uint32_t>(i % nodes);
    ring.partitions.push_back({.replicas = {owner}, .owner = owner, .term = 7});
  }
  return ring;
}

TEST(RenderRingTest, PictureHasOneLetterPerPartition) {
  EXPECT_EQ(RingPicture(RingOf(3, 128), /*colour=*/false),
            "cluster demo   epoch 5   128 partitions   3 nodes   1 replica each\n"
            "  0 ABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCA\n"
            " 64 BCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCABCAB\n"
            "A n1  43 owned 43 replicas    B n2  43 owned 43    C n3  42 owned 42    "
            "fullest/mean 1.01\n");
}

TEST(RenderRingTest, NodesNeverShareLetters) {
  for (const size_t nodes : {1UL, 26UL, 27UL, 52UL, 53UL, 676UL, 677UL, 1000UL}) {
    std::set<std::string> letters;
    for (size_t i = 0; i < nodes; ++i) letters.insert(NodeLetters(i, nodes));
    EXPECT_EQ(letters.size(), nodes);
  }
  EXPECT_EQ(NodeLetters(26, 52), "a");
  EXPECT_EQ(NodeLetters(27, 60), "BB");
}

TEST(RenderRingTest, LinesStayNarrowWithManyNodes) {
  for (const size_t nodes : {5UL, 60UL, 1000UL}) {
    const std::string picture = RingPicture(RingOf(nodes, 2048), /*colour=*/false);
    for (size_t at = 0; at < picture.size();) {
      const size_t end = picture.find('\n', at);
      EXPECT_LE(end - at, 120U);
      at = end + 1;
    }
  }
}

TEST(RenderRingTest, NodeThatIsDownIsNamed) {
  client::Ring ring = RingOf(2, 16);
  ring.nodes[1].state = client::NodeState::kDown;
  ring.nodes[1].silent = std::chrono::seconds(252);
  EXPECT_THAT(RingPicture(ring, /*colour=*/false), HasSubstr("B n2  8 owned 8 (down 4m12s)"));
  EXPECT_THAT(RingPicture(ring, /*colour=*/true), HasSubstr("A\x1b[31mB\x1b[0mA"));
}

TEST(RenderRingTest, JsonIsOneObjectPerPartition) {
  const std::string json = RingJson(RingOf(2, 16));
  EXPECT_EQ(json.substr(0, json.find('\n')),
            R"({"partition":0,"owner":"n1","term":7,"replicas":["n1"],"epoch":5})");
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 16);
}

TEST(RenderRingTest, KeyHasItsPlace) {
  // The hash is that of common's golden vectors: XXH3-64 of "user:42", seed 0.
  const std::string place = KeyPlace(RingOf(4, 256), "user:42", /*colour=*/false);
  EXPECT_EQ(place,
            "key user:42   hash 0x9fc1e605fa7174aa   partition 159\n"
            "  n4  10.0.0.1:7400  owner    up\n");
  EXPECT_THAT(KeyPlaceJson(RingOf(4, 256), "user:42"),
              HasSubstr(R"("partition":159,"owner":"n4")"));
}

TEST(RenderRingTest, TableHasOneLinePerPartition) {
  const std::string table = RingTable(RingOf(2, 16), /*colour=*/false);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 17);
  EXPECT_THAT(table, HasSubstr("PARTITION  OWNER  STATE  TERM  REPLICAS\n"
                               "        0  n1     up        7  n1\n"));
}

TEST(RenderRingTest, PartitionWithoutAnOwnerIsADash) {
  client::Ring ring = RingOf(2, 16);
  ring.partitions[1].leaderless = true;
  EXPECT_THAT(RingPicture(ring, /*colour=*/false), ::testing::HasSubstr("  0 A-A"));
  EXPECT_THAT(RingJson(ring), ::testing::HasSubstr(R"({"partition":1,"owner":"","term":7)"));
}

}  // namespace
}  // namespace kvd::kvctl
