// Cluster files on disk, and what a process makes of them before it touches its data.

#include "server/daemon/setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace kvd::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kThreeNodes[] = R"(version: 1
cluster: { name: demo }
nodes:
  - { name: n1, address: "127.0.0.1:7400" }
  - { name: n2, address: "127.0.0.1:7410" }
  - { name: n3, address: "127.0.0.1:7420" }
)";

class SetupTest : public ::testing::Test {
 protected:
  SetupTest() { Write(kThreeNodes); }
  ~SetupTest() override { std::remove(path_.c_str()); }

  void Write(const std::string& text) { std::ofstream(path_) << text; }

  [[nodiscard]] CommandLine LineFor(const std::string& node) const {
    CommandLine line;
    line.config_path = path_;
    if (!node.empty()) line.node_flag = node;
    return line;
  }

  [[nodiscard]] daemon::Setup Made(const CommandLine& line) const {
    auto setup = MakeSetup(line);
    if (const auto* failure = std::get_if<Failure>(&setup)) ADD_FAILURE() << failure->message;
    return std::holds_alternative<daemon::Setup>(setup) ? std::get<daemon::Setup>(setup)
                                                        : daemon::Setup{};
  }

  // Why there is no setup.
  [[nodiscard]] std::string Refused(const CommandLine& line) const {
    const auto setup = MakeSetup(line);
    const auto* failure = std::get_if<Failure>(&setup);
    if (failure == nullptr) {
      ADD_FAILURE() << "accepted";
      return "";
    }
    EXPECT_EQ(failure->code, kConfiguration);
    return failure->message;
  }

  // What this release cannot do of the file with `more` in it.
  [[nodiscard]] std::optional<std::string> Unsupported(const std::string& more) {
    Write(kThreeNodes + more);
    return WhatIsUnsupported(Made(LineFor("n1")));
  }

  const std::string path_ =
      ::testing::TempDir() + "kvd_setup_" + std::to_string(getpid()) + ".yaml";
};

TEST_F(SetupTest, NodeIsTheOneOfTheFlag) {
  const daemon::Setup setup = Made(LineFor("n2"));
  EXPECT_EQ(setup.node.name, "n2");
  EXPECT_EQ(setup.node.address.port, 7410);
  EXPECT_EQ(setup.file.cluster.name, "demo");
  EXPECT_EQ(setup.path, path_);
  EXPECT_EQ(setup.warnings, "");
}

TEST_F(SetupTest, EnvironmentNamesTheNodeToo) {
  CommandLine line = LineFor("");
  line.node_environment = "n3";
  EXPECT_EQ(Made(line).node.name, "n3");
}

TEST_F(SetupTest, SingleNodeNeedsNoName) {
  Write(
      "version: 1\ncluster: { name: solo }\nnodes:\n"
      "  - { name: only, address: \"127.0.0.1:7400\" }\n");
  EXPECT_EQ(Made(LineFor("")).node.name, "only");
}

TEST_F(SetupTest, OverridesWin) {
  CommandLine line = LineFor("n1");
  line.overrides.data_dir = "/somewhere/else";
  line.overrides.log_level = LogLevel::kTrace;
  EXPECT_EQ(Made(line).node.data_dir, "/somewhere/else");
  EXPECT_EQ(Made(line).node.log_level, LogLevel::kTrace);
}

TEST_F(SetupTest, UnknownNodeIsRefusedNamingThoseThatAre) {
  EXPECT_THAT(Refused(LineFor("n9")), AllOf(HasSubstr("n9"), HasSubstr("n1")));
}

TEST_F(SetupTest, MissingFileIsRefusedNamingIt) {
  CommandLine line = LineFor("n1");
  line.config_path = "/no/such/file.yaml";
  EXPECT_THAT(Refused(line), HasSubstr("/no/such/file.yaml"));
}

TEST_F(SetupTest, EveryMistakeOfTheFileIsSaidAtOnce) {
  Write("version: 1\ncluster: { nam: demo }\nnodes:\n  - { name: n1, address: 17 }\n");
  EXPECT_THAT(Refused(LineFor("n1")), AllOf(HasSubstr(path_ + ":2:"), HasSubstr(path_ + ":4:")));
}

TEST_F(SetupTest, OverrideThatBreaksARuleIsRefused) {
  CommandLine line = LineFor("n1");
  line.overrides.peer_listen = config::HostPort::Parse("127.0.0.1:7400").value();
  EXPECT_THAT(Refused(line), HasSubstr("7400"));
}

// Refused rather than ignored.

TEST_F(SetupTest, PlainFileAsksForNothingUnsupported) {
  EXPECT_EQ(Unsupported(""), std::nullopt);
}

TEST_F(SetupTest, RightsAreRefused) {
  daemon::Setup setup = Made(LineFor("n1"));
  setup.file.auth.rules.push_back({.identity = "*", .allow = {}, .prefix = ""});
  EXPECT_THAT(WhatIsUnsupported(setup).value_or(""), StartsWith("auth.rules: "));
}

TEST_F(SetupTest, TlsIsRefused) {
  daemon::Setup setup = Made(LineFor("n1"));
  for (const auto mode : {config::TlsMode::kServer, config::TlsMode::kMutual}) {
    setup.file.tls.mode = mode;
    EXPECT_THAT(WhatIsUnsupported(setup).value_or(""), StartsWith("tls.mode: "));
  }
}

// Accepted, and said to be without effect.

TEST_F(SetupTest, KeysWithoutEffectAreNamedOneLineEach) {
  Write(std::string(kThreeNodes) +
        "topology: { voters: 3, remove_after: 1h }\nlimits: { max_connections: 10 }\n"
        "debug: { channelz: true }\n");
  const std::string warnings = Made(LineFor("n1")).warnings;
  for (const char* key :
       {"topology.voters is 3,", "limits.max_connections is 10,", "debug.channelz is true,"}) {
    EXPECT_THAT(warnings, HasSubstr(path_ + ": warning: " + key));
  }
  EXPECT_EQ(std::ranges::count(warnings, '\n'), 3) << warnings;
  EXPECT_EQ(CheckConfig(LineFor("")).error, warnings);
}

TEST_F(SetupTest, KeysThatSayTheDefaultAreNotNamed) {
  Write(std::string(kThreeNodes) +
        "limits: { max_connections: 4096 }\ndefaults: { http_listen: \"127.0.0.1:0\" }\n");
  EXPECT_EQ(Made(LineFor("n1")).warnings, "");
}

// --check-config and --print-config.

TEST_F(SetupTest, CheckSaysOkAndWhatItIs) {
  const Ended ended = CheckConfig(LineFor(""));
  EXPECT_EQ(ended.code, kOk);
  EXPECT_EQ(ended.out, path_ + ": ok, cluster demo, 3 nodes, 256 partitions\n");
  EXPECT_EQ(ended.error, "");
}

TEST_F(SetupTest, CheckOfABadFileShowsThePlaceAndFails) {
  Write("version: 1\ncluster: { nam: demo }\n");
  const Ended ended = CheckConfig(LineFor(""));
  EXPECT_EQ(ended.code, kConfiguration);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.error, AllOf(HasSubstr(path_ + ":2:"), HasSubstr("error: ")));
}

TEST_F(SetupTest, CheckOfAMissingFileFails) {
  CommandLine line = LineFor("");
  line.config_path = "/no/such/file.yaml";
  const Ended ended = CheckConfig(line);
  EXPECT_EQ(ended.code, kConfiguration);
  EXPECT_THAT(ended.error, AllOf(StartsWith("kvd: "), HasSubstr("/no/such/file.yaml")));
}

TEST_F(SetupTest, CheckForANodeJudgesThatNode) {
  Write(std::string(kThreeNodes) + "defaults: { data_dir: \"" + ::testing::TempDir() +
        "kvd-${node}\" }\n");
  EXPECT_EQ(CheckConfig(LineFor("n1")).code, kOk);
  EXPECT_EQ(CheckConfig(LineFor("n9")).code, kConfiguration);
  Write(std::string(kThreeNodes) +
        "tls: { mode: mutual, ca_file: /ca, cert_file: /c, key_file: /k }\n");
  const Ended ended = CheckConfig(LineFor("n1"));
  EXPECT_EQ(ended.code, kConfiguration);
  EXPECT_THAT(ended.error, StartsWith("kvd: tls.mode: "));
}

TEST_F(SetupTest, EffectiveConfigurationIsPrinted) {
  CommandLine line = LineFor("n2");
  line.action = CommandLine::Action::kPrintEffective;
  const Ended ended = PrintConfig(line);
  EXPECT_EQ(ended.code, kOk);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("demo"), HasSubstr("7410")));
}

TEST_F(SetupTest, CheckForANodeJudgesTheFilesItNeeds) {
  const auto checked = [&](const std::string& data_dir, const std::string& log) {
    Write(std::string(kThreeNodes) + "defaults: { data_dir: \"" + data_dir + "/${node}\" }\n" +
          "log: { file: \"" + log + "\" }\n");
    EXPECT_EQ(CheckConfig(LineFor("")).code, kOk);
    const Ended ended = CheckConfig(LineFor("n1"));
    EXPECT_EQ(ended.code, ended.error.empty() ? kOk : kConfiguration);
    return ended.error;
  };
  const std::string tmp = ::testing::TempDir();
  EXPECT_EQ(checked(tmp + "not/there/yet", tmp + "kvd.log"), "");
  EXPECT_THAT(checked("/dev/null", ""), AllOf(StartsWith("kvd: data_dir of n1: /dev/null is not"),
                                              HasSubstr("create /dev/null/n1")));
  EXPECT_THAT(checked(tmp, "/nowhere/at/all/kvd.log"), StartsWith("kvd: log.file: "));
  EXPECT_THAT(checked(tmp, tmp), StartsWith("kvd: log.file: "));
}

TEST_F(SetupTest, WithoutANodeWhatAllNodesRunWithIsPrinted) {
  CommandLine line = LineFor("");
  line.action = CommandLine::Action::kPrintEffective;
  const Ended ended = PrintConfig(line);
  EXPECT_EQ(ended.code, kOk);
  EXPECT_THAT(ended.out, AllOf(StartsWith("# What all nodes run with"), HasSubstr("7410")));
  line.overrides.data_dir = "/data";
  EXPECT_THAT(PrintConfig(line).error, HasSubstr("which node is this?"));
}

TEST_F(SetupTest, SampleNeedsNoFile) {
  CommandLine line;
  line.action = CommandLine::Action::kPrintSample;
  const Ended ended = PrintConfig(line);
  EXPECT_EQ(ended.code, kOk);
  EXPECT_THAT(ended.out, HasSubstr("cluster:"));
}

}  // namespace
}  // namespace kvd::daemon
