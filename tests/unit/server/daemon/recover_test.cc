// The command line of `kvd recover`, and what it says before it does anything. What it does to
// files is for tests/integration.

#include "server/daemon/recover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "server/daemon/recover_report.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::daemon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::variant<RecoverLine, Ended> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "recover");
  return ParseRecoverLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RecoverLineTest, EachDirectoryHasItsFlagAndConsentIsInSoManyWords) {
  const auto asks = std::get<RecoverLine>(Parse({"--data-dir", "/a", "--data-dir", "/b"}));
  EXPECT_THAT(asks.data_dirs, ElementsAre("/a", "/b"));
  EXPECT_FALSE(asks.accepts_data_loss);
  const auto does = std::get<RecoverLine>(Parse({"--data-dir", "/a", "--accept-data-loss"}));
  EXPECT_TRUE(does.accepts_data_loss);
}

TEST(RecoverLineTest, MistakesEndWithTheCodeForUsage) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"--accept-data-loss"},
                                             {"/a"},
                                             {"--data-dir"},
                                             {"--data-dir", "/a", "/b"},
                                             {"--data-dir", "/a", "--yes"}}) {
    const auto parsed = Parse(arguments);
    const auto* ended = std::get_if<Ended>(&parsed);
    ASSERT_NE(ended, nullptr);
    EXPECT_EQ(ended->code, kUsage);
    EXPECT_THAT(ended->error, HasSubstr("See kvd recover --help"));
  }
}

TEST(RecoverLineTest, HelpHasAnExampleAndFitsATerminal) {
  const auto help = std::get<Ended>(Parse({"--help"}));
  EXPECT_EQ(help.code, kOk);
  EXPECT_THAT(help.out, HasSubstr("kvd recover --data-dir /var/lib/kvd/n1 --accept-data-loss"));
  std::istringstream lines(help.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(RecoverReportTest, SaysWhoIsLostAndWhatThatCosts) {
  topology::ClusterTerms terms = topology::TermsOf(3);
  terms.partitions = 2;
  const topology::Topology newest =
      topology::FoundTopology(topology::UuidOf(0xcc), terms, topology::CardsOf(3));
  const topology::Replica& first = newest.ring[0].front();
  const topology::FoundCopy copy{
      .group = GroupId{1},
      .replica = {first.id, NodeId{1}},
      .term = 7,
      .last_term = 6,
      .last_index = 4242,
      .configuration = {
          .voters = {{first.id, NodeId{1}}, {ReplicaId{90}, NodeId{2}}, {ReplicaId{91}, NodeId{3}}},
          .outgoing = {},
          .learners = {}}};
  const auto salvage = topology::PlanSalvage(newest, {NodeId{1}}, {copy});
  const std::string report = DescribeSalvage(salvage, newest, {{NodeId{1}, "/var/lib/kvd/n1"}});
  EXPECT_THAT(report, AllOf(HasSubstr("given  n1           /var/lib/kvd/n1"),
                            HasSubstr("lost   n2           was at 127.0.0.1:7420"),
                            HasSubstr("4242  1 of 3"), HasSubstr("of partitions 1\n"),
                            HasSubstr("1 may lose their last writes"), HasSubstr("2 begin anew")));
  EXPECT_THAT(report, HasSubstr(salvage.topology.cluster_id.ToString()));
}

}  // namespace
}  // namespace kvd::daemon
