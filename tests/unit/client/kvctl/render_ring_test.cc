#include "client/kvctl/render_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

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

// Of partition 3 of three copies: n2 leaves, n4 comes.
client::Group MovingGroup() {
  using Role = client::Group::Role;
  return {
      .partition = PartitionId{3},
      .owner = "n1",
      .copies =
          {{.node = "n1", .role = Role::kVoter, .wished = true, .active = true},
           {.node = "n4", .role = Role::kLearner, .wished = true, .active = true, .behind = 1234},
           {.node = "n3", .role = Role::kMissing, .wished = true},
           {.node = "n2", .role = Role::kVoter, .active = true, .behind = 1}},
      .bytes = 4096,
      .keys = 12,
      .reason = "n3 is silent; partition 3 waits for it"};
}

TEST(RenderRingTest, PictureSaysWhatIsNotAsWished) {
  EXPECT_THAT(RingPicture(RingOf(4, 16), /*colour=*/false, {MovingGroup()}),
              HasSubstr("fullest/mean 1.00\n"
                        "1 of 16 partitions not as wished yet:\n"
                        "    3  n1 n2 -> n1 n4 n3   n3 is silent; partition 3 waits for it\n"));
}

TEST(RenderRingTest, PictureNamesTheFirstOfManyThatMove) {
  const std::vector<client::Group> many(20, MovingGroup());
  const std::string picture = RingPicture(RingOf(4, 32), /*colour=*/false, many);
  EXPECT_THAT(picture, HasSubstr("20 of 32 partitions not as wished yet:\n"));
  EXPECT_THAT(picture, HasSubstr("and 12 more: kvctl ring -o json\n"));
}

TEST(RenderRingTest, AGroupThatNobodyReportsSaysSo) {
  client::Group group = MovingGroup();
  group.owner.clear();
  EXPECT_THAT(RingPicture(RingOf(4, 16), /*colour=*/false, {group}),
              HasSubstr("    3  no owner reports -> n1 n4 n3"));
}

TEST(RenderRingTest, JsonSaysWhoVotesWhereThatIsNotAsWished) {
  const std::string json = RingJson(RingOf(4, 16), {MovingGroup()});
  EXPECT_THAT(json, HasSubstr(R"("partition":3,"owner":"n4","term":7,"replicas":["n4"],"epoch":5,)"
                              R"("actual":["n1","n2"],"learners":["n4"],"reason":"n3 is silent)"));
  EXPECT_EQ(json.find("actual"), json.rfind("actual"));
}

TEST(RenderRingTest, KeyHasItsCopiesAndHowFarTheyAre) {
  client::Ring ring = RingOf(4, 256);
  ring.partitions[159].replicas = {0, 3, 2};
  ring.partitions[159].owner = 0;
  EXPECT_EQ(KeyPlace(ring, "user:42", /*colour=*/false, MovingGroup()),
            "key user:42   hash 0x9fc1e605fa7174aa   partition 159\n"
            "  n1  10.0.0.1:7400  owner    up\n"
            "  n4  10.0.0.1:7400  learner  up  1234 entries behind\n"
            "  n3  10.0.0.1:7400  missing  up\n"
            "  n2  10.0.0.1:7400  leaving  up  1 entry behind\n"
            "  n3 is silent; partition 3 waits for it\n");
  EXPECT_THAT(KeyPlaceJson(ring, "user:42", MovingGroup()),
              HasSubstr(R"("copies":[{"node":"n1","role":"voter","wished":true,"active":true,)"
                        R"("behind":0},{"node":"n4","role":"learner")"));
}

}  // namespace
}  // namespace kvd::kvctl
