// What is printed is a cluster file that means what was in force.

#include "config/print.h"

#include <filesystem>

#include "config/load.h"
#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::HasSubstr;

void ExpectRoundTrip(const ClusterFile& file, size_t node, const Overrides& overrides = {}) {
  const NodeSettings settings = Resolve(file, node, overrides);
  const std::string text = PrintEffective(file, settings);
  const ClusterFile again = Accepted(text);
  ASSERT_GT(again.nodes.size(), node);
  EXPECT_EQ(Resolve(again, node), settings) << text;
  EXPECT_EQ(PrintEffective(again, Resolve(again, node)), text);
  EXPECT_EQ(again.cluster, file.cluster);
  EXPECT_EQ(again.topology, file.topology);
  EXPECT_EQ(again.auth, file.auth);
  EXPECT_EQ(again.limits, file.limits);
  EXPECT_EQ(again.storage, file.storage);
  for (size_t other = 0; other < file.nodes.size(); ++other) {
    if (other == node) continue;
    EXPECT_EQ(again.nodes[other], file.nodes[other]);
  }
}

TEST(PrintTest, PrintedFileResolvesToTheSameSettings) {
  for (const std::string_view text : {kMinimal, Sample()}) {
    for (size_t node = 0; node < 3; ++node) ExpectRoundTrip(Accepted(text), node);
  }
  for (const auto& entry : std::filesystem::directory_iterator(CONFIG_DIR "/examples")) {
    ExpectRoundTrip(Accepted(*Load(entry.path())), 0);
  }
}

TEST(PrintTest, OverridesAreWrittenIntoTheNodesEntry) {
  ExpectRoundTrip(Accepted(kMinimal), 1,
                  {.data_dir = "/a \"b\" \\c: #d",
                   .listen = *HostPort::Parse("127.0.0.1:0"),
                   .peer_listen = *HostPort::Parse("[::1]:9"),
                   .http_listen = HttpListen{},
                   .log_level = LogLevel::kTrace,
                   .log_format = LogFormat::kJournal});
}

TEST(PrintTest, WhatAllNodesRunWithNamesNoneAndMeansTheSame) {
  for (const std::string_view text : {kMinimal, Sample()}) {
    const ClusterFile file = Accepted(text);
    const std::string printed = PrintClusterWide(file);
    EXPECT_EQ(Accepted(printed), file) << printed;
    EXPECT_EQ(printed.find("What node"), std::string::npos);
  }
}

TEST(PrintTest, TextsThatYamlWouldMisreadSurvive) {
  ExpectRoundTrip(
      Accepted(FileOf({"name: '0x1f', address: 'localhost:7400', zone: 'no', data_dir: '~'"},
                      "log: { file: 'a: b # c' }\nstorage: { min_free: 0 }\n")),
      0);
}

TEST(PrintTest, MissingReplicationIsExplainedAndStaysMissing) {
  const ClusterFile file = Accepted(kMinimal);
  EXPECT_THAT(PrintEffective(file, Resolve(file, 0)), HasSubstr("# replication: 3"));
}

}  // namespace
}  // namespace kvd::config
