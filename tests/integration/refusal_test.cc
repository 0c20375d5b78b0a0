// What kvd refuses to start with: one clear line that names the place, the documented exit code,
// and no harm to the data or to whoever runs already.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/hash.h"
#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Runs the node in the foreground until it refuses.
Finished RunRefused(const Cluster& cluster, int node, const std::vector<std::string>& more = {}) {
  auto command = cluster.Command(node);
  command.insert(command.end(), more.begin(), more.end());
  return RunToEnd({.command = command});
}

Finished RunKvd(std::vector<std::string> words) {
  words.insert(words.begin(), KvdBinary());
  return RunToEnd({.command = std::move(words), .directory = "/"});
}

// A stopped cluster of one node, with something in it.
class RefusalTest : public ::testing::Test {
 protected:
  RefusalTest() {
    EXPECT_TRUE(cluster_.ClientOf(1).Put("key", "value").ok());
    EXPECT_EQ(cluster_.Stop(1), 0);
  }

  void ExpectServedAfterAll() {
    cluster_.Start(1);
    cluster_.AwaitReady();
    EXPECT_EQ(cluster_.ClientOf(1).Get("key")->entry->value, "value");
  }

  Cluster cluster_{{.nodes = 1}};
};

TEST_F(RefusalTest, ADataDirectoryInUseNamesTheProcess) {
  cluster_.Start(1);
  cluster_.AwaitReady();
  const ReservedPort port;
  const ReservedPort peer_port;
  const Finished second =
      RunRefused(cluster_, 1, {"--listen", port.address(), "--peer-listen", peer_port.address()});
  EXPECT_EQ(second.code, 75) << second;
  EXPECT_THAT(second.err, HasSubstr("in use by pid " + std::to_string(cluster_.process(1).pid())));
  EXPECT_EQ(cluster_.ClientOf(1).Get("key")->entry->value, "value");
}

TEST_F(RefusalTest, ATakenPortIsNamedWithItsKey) {
  for (const auto& [flag, key] :
       {std::pair{"--listen", "(listen)"}, std::pair{"--peer-listen", "(peer_listen)"},
        std::pair{"--http-listen", "(http_listen)"}}) {
    const ReservedPort taken;
    taken.Listen();
    const Finished refused = RunRefused(cluster_, 1, {flag, taken.address()});
    EXPECT_EQ(refused.code, 69) << refused;
    EXPECT_THAT(refused.err, AllOf(HasSubstr(taken.address()), HasSubstr(key),
                                   HasSubstr("in use by pid " + std::to_string(getpid()))));
  }
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, ATakenPortLeavesNoDataDirectory) {
  const ReservedPort taken;
  taken.Listen();
  const auto fresh = cluster_.folder() / "fresh";
  const Finished refused =
      RunRefused(cluster_, 1, {"--listen", taken.address(), "--data-dir", fresh.string()});
  EXPECT_EQ(refused.code, 69) << refused;
  EXPECT_FALSE(std::filesystem::exists(fresh));
}

TEST_F(RefusalTest, TheSameNodeStartedTwiceNamesTheFirst) {
  cluster_.Start(1);
  cluster_.AwaitReady();
  const Finished second = RunRefused(cluster_, 1);
  EXPECT_EQ(second.code, 69) << second;
  EXPECT_THAT(second.err,
              HasSubstr("in use by pid " + std::to_string(cluster_.process(1).pid()) + " (kvd)"));
  EXPECT_EQ(cluster_.ClientOf(1).Get("key")->entry->value, "value");
}

TEST_F(RefusalTest, AnOpenDataDirectoryIsClosedAndTheLogSaysSo) {
  using std::filesystem::perms;
  std::filesystem::permissions(cluster_.data_dir(1), perms(0755));
  ExpectServedAfterAll();
  EXPECT_EQ(std::filesystem::status(cluster_.data_dir(1)).permissions(), perms::owner_all);
  EXPECT_THAT(cluster_.log(1), AllOf(HasSubstr("its mode is 0700 now"), HasSubstr("mode=0755")));
}

TEST_F(RefusalTest, ChangedTermsOfTheClusterNameBothValues) {
  for (const std::string term : {"partitions: 512", "replication: 1"}) {
    std::string text = cluster_.FileText(Cluster::kQuickStop);
    const std::string name = "cluster: { name: demo";
    text.replace(text.find(name), name.size(), name + ", " + term);
    WriteWholeFile(cluster_.file(), text);
    const Finished refused = RunRefused(cluster_, 1);
    EXPECT_EQ(refused.code, 78) << refused;
    const std::string key = term.substr(0, term.find(':'));
    const std::string founded = key == "partitions" ? "256" : "3";
    EXPECT_THAT(refused.err,
                HasSubstr("cluster." + key + " is " + term.substr(term.find(':') + 2) +
                          " in the cluster file and " + founded + " in the founded cluster"));
  }
  WriteWholeFile(cluster_.file(), cluster_.FileText(Cluster::kQuickStop));
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, APortOfAnotherKvdIsTaken) {
  Cluster other({.nodes = 1});
  for (const auto& [flag, address] : {std::pair{"--listen", other.address(1)},
                                      std::pair{"--peer-listen", other.peer_address(1)}}) {
    const Finished refused = RunRefused(cluster_, 1, {flag, address});
    EXPECT_EQ(refused.code, 69) << refused;
  }
  EXPECT_TRUE(other.ClientOf(1).Put("key", "value").ok());
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, TheDataOfAnotherClusterNamesBoth) {
  std::string text = cluster_.FileText(Cluster::kQuickStop);
  text.replace(text.find("demo"), 4, "prod");
  WriteWholeFile(cluster_.file(), text);
  const Finished refused = RunRefused(cluster_, 1);
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("\"demo\""), HasSubstr("\"prod\"")));
  WriteWholeFile(cluster_.file(), cluster_.FileText(Cluster::kQuickStop));
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, TheDataOfAnotherNodeNamesBoth) {
  Cluster three({.start = false});
  const Finished refused = RunRefused(three, 2, {"--data-dir", cluster_.data_dir(1).string()});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("\"n1\""), HasSubstr("\"n2\"")));
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, DataWithoutAnIdentityIsNotAdopted) {
  const auto identity = cluster_.data_dir(1) / "IDENTITY";
  const std::string bytes = ReadWholeFile(identity);
  std::filesystem::remove(identity);
  const Finished refused = RunRefused(cluster_, 1);
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, HasSubstr("but no IDENTITY"));
  WriteWholeFile(identity, bytes);
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, AFolderOfSomebodyElseIsLeftAlone) {
  const TempFolder folder;
  WriteWholeFile(folder.path() / "thesis.tex", "years of work");
  const Finished refused = RunRefused(cluster_, 1, {"--data-dir", folder.path().string()});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, HasSubstr("thesis.tex"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "LOCK"));
}

TEST_F(RefusalTest, ADamagedIdentityIsDamage) {
  const auto identity = cluster_.data_dir(1) / "IDENTITY";
  const std::string bytes = ReadWholeFile(identity);
  std::string damaged = bytes;
  damaged[damaged.size() / 2] ^= 1;
  for (const std::string& content : {damaged, bytes.substr(0, 10), std::string()}) {
    WriteWholeFile(identity, content);
    const Finished refused = RunRefused(cluster_, 1);
    EXPECT_EQ(refused.code, 65) << refused;
    EXPECT_THAT(refused.err, HasSubstr(cluster_.data_dir(1).string()));
  }
  WriteWholeFile(identity, bytes);
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, ADamagedTopologyIsDamageAndALostOneToo) {
  const auto file = cluster_.data_dir(1) / "TOPOLOGY";
  const std::string bytes = ReadWholeFile(file);
  std::string damaged = bytes;
  damaged[damaged.size() / 2] ^= 1;
  for (const std::string& content : {damaged, bytes.substr(0, 10), std::string()}) {
    WriteWholeFile(file, content);
    const Finished refused = RunRefused(cluster_, 1);
    EXPECT_EQ(refused.code, 65) << refused;
    EXPECT_THAT(refused.err, HasSubstr(cluster_.data_dir(1).string() + ": the topology kept here"));
  }
  std::filesystem::remove(file);
  const Finished refused = RunRefused(cluster_, 1);
  EXPECT_EQ(refused.code, 65) << refused;
  EXPECT_THAT(refused.err, HasSubstr("the record of the topology is missing"));
  WriteWholeFile(file, bytes);
  ExpectServedAfterAll();
}

// The format byte comes first and the checksum last, in every format there will ever be.
TEST_F(RefusalTest, AnIdentityOfANewerFormatNamesBothFormats) {
  const auto identity = cluster_.data_dir(1) / "IDENTITY";
  const std::string bytes = ReadWholeFile(identity);
  std::string newer = bytes.substr(0, bytes.size() - 4);
  newer[0] = 99;
  WriteWholeFile(identity, ByteWriter().Raw(newer).U32(Checksum32(newer)).bytes());
  const Finished refused = RunRefused(cluster_, 1);
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("format 99"), HasSubstr("up to format 1")));
  WriteWholeFile(identity, bytes);
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, ADamagedLogIsDamageAndIsNotSkipped) {
  // Entries of several batches, so that what is damaged has an intact successor.
  cluster_.Start(1);
  cluster_.AwaitReady();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(cluster_.ClientOf(1).Put("more" + std::to_string(i), std::string(500, 'x')).ok());
  }
  cluster_.Kill(1);
  const auto segment = cluster_.data_dir(1) / "log" / "0000000001.segment";
  const std::string bytes = ReadWholeFile(segment);
  const size_t middle = bytes.find(std::string(500, 'x'));
  ASSERT_NE(middle, std::string::npos);
  std::string damaged = bytes;
  damaged[middle + 100] ^= 1;
  WriteWholeFile(segment, damaged);
  const Finished refused = RunRefused(cluster_, 1);
  EXPECT_EQ(refused.code, 65) << refused;
  EXPECT_THAT(refused.err, HasSubstr(cluster_.data_dir(1).string()));

  WriteWholeFile(segment, bytes);
  ExpectServedAfterAll();
}

TEST_F(RefusalTest, ADataDirectoryThatCannotBeCreatedSaysSo) {
  for (const std::string dir : {"/proc/kvd/n1", "/dev/null/n1"}) {
    const Finished refused = RunRefused(cluster_, 1, {"--data-dir", dir});
    EXPECT_EQ(refused.code, 73) << refused;
    EXPECT_THAT(refused.err, HasSubstr(dir));
  }
}

TEST_F(RefusalTest, EveryMistakeOfTheFileHasItsPlace) {
  WriteWholeFile(cluster_.file(),
                 "version: 1\n"
                 "cluster: { name: demo, replication: 5 }\n"
                 "nodes:\n"
                 "  - { name: n1, adress: \"127.0.0.1:1\", address: \"127.0.0.1:0700\" }\n");
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--check-config"}}) {
    const Finished refused = RunRefused(cluster_, 1, more);
    EXPECT_EQ(refused.code, 78) << refused;
    const std::string file = cluster_.file().string();
    EXPECT_THAT(refused.err,
                HasSubstr(file + ":4:17: error: unknown key 'adress' in nodes[0]; did you mean"));
    EXPECT_THAT(refused.err, HasSubstr(file + ":4:"));
    EXPECT_THAT(refused.err, HasSubstr("0700"));
  }
}

TEST_F(RefusalTest, WhatThisReleaseCannotDoIsRefusedRatherThanIgnored) {
  const std::string tls = "tls: { mode: mutual, ca_file: /ca, cert_file: /cert, key_file: /key }\n";
  for (const std::string& settings :
       {tls, tls + "auth: { rules: [ { identity: 'kvd://demo/admin/*', allow: [admin] } ] }\n"}) {
    WriteWholeFile(cluster_.file(), cluster_.FileText(settings));
    const Finished refused = RunRefused(cluster_, 1);
    EXPECT_EQ(refused.code, 78) << refused;
    EXPECT_THAT(refused.err, HasSubstr("this version of kvd"));
  }
}

TEST(CommandLineTest, MistakesAreUsageErrorsInOneLine) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--nonsense"},
                                                {"nonsense"},
                                                {"--log-level", "loud"},
                                                {"--listen", "nowhere"},
                                                {"--nodes", "3"},
                                                {"--dev", "--nodes", "99"},
                                                {"--dev", "--node", "n1"},
                                                {"--dev", "--config", "cluster.yaml"},
                                                {"--config"}}) {
    const Finished refused = RunKvd(words);
    EXPECT_EQ(refused.code, 64) << words[0] << refused;
    EXPECT_THAT(refused.err, StartsWith("kvd: "));
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused;
  }
}

TEST(CommandLineTest, ANodeThatTheFileDoesNotListIsRefused) {
  const Cluster cluster({.start = false});
  auto command = cluster.Command(1);
  command[4] = "n9";
  const Finished refused = RunToEnd({.command = command});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("n9"), HasSubstr("n1, n2, n3")));
}

TEST(CommandLineTest, AMissingFileIsNamed) {
  const Finished refused = RunKvd({"--config", "/nowhere/cluster.yaml", "--node", "n1"});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, HasSubstr("/nowhere/cluster.yaml"));
}

TEST(CommandLineTest, HelpVersionAndChecksEndWithZero) {
  EXPECT_EQ(RunKvd({"--help"}).code, 0);
  EXPECT_THAT(RunKvd({"--version"}).out, StartsWith("kvd 0."));
  const Cluster cluster({.start = false});
  const Finished check = RunKvd({"--config", cluster.file().string(), "--check-config"});
  EXPECT_EQ(check.code, 0) << check;
  EXPECT_THAT(check.out, HasSubstr(": ok, cluster demo, 3 nodes, 256 partitions"));
  const Finished effective =
      RunKvd({"--config", cluster.file().string(), "--node", "n2", "--print-config"});
  EXPECT_EQ(effective.code, 0) << effective;
  EXPECT_THAT(effective.out, HasSubstr(cluster.address(2)));
}

}  // namespace
}  // namespace kvd::testing
