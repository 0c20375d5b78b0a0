// kvd's command line, typed as a person would. Each test has an environment of its own.

#include "server/daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace kvd::daemon {
namespace {

using Action = CommandLine::Action;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() { ForgetEnvironment(); }
  ~OptionsTest() override { ForgetEnvironment(); }

  static void ForgetEnvironment() {
    for (const char* name :
         {"KVD_CONFIG", "KVD_NODE", "KVD_DATA_DIR", "KVD_LISTEN", "KVD_PEER_LISTEN",
          "KVD_HTTP_LISTEN", "KVD_LOG_LEVEL", "KVD_LOG_FORMAT"}) {
      unsetenv(name);
    }
  }

  static std::variant<CommandLine, Ended> Parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "kvd");
    return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
  }

  // A command line that is right.
  static CommandLine Accepted(std::vector<const char*> arguments) {
    auto parsed = Parse(std::move(arguments));
    if (const auto* ended = std::get_if<Ended>(&parsed)) ADD_FAILURE() << ended->error;
    return std::holds_alternative<CommandLine>(parsed) ? std::get<CommandLine>(parsed)
                                                       : CommandLine{};
  }

  // A command line that is a mistake: the one line on stderr.
  static std::string Refused(std::vector<const char*> arguments) {
    const auto parsed = Parse(std::move(arguments));
    const auto* ended = std::get_if<Ended>(&parsed);
    if (ended == nullptr) {
      ADD_FAILURE() << "accepted";
      return "";
    }
    EXPECT_EQ(ended->code, kUsage);
    EXPECT_EQ(ended->out, "");
    EXPECT_THAT(ended->error, AllOf(StartsWith("kvd: "), EndsWith("See kvd --help.\n")));
    EXPECT_EQ(std::ranges::count(ended->error, '\n'), 1) << ended->error;
    return ended->error;
  }
};

TEST_F(OptionsTest, NothingGivenRunsFromTheDefaultPlaces) {
  const CommandLine line = Accepted({});
  EXPECT_EQ(line.action, Action::kRun);
  EXPECT_EQ(line.config_path, std::nullopt);
  EXPECT_EQ(line.node_flag, std::nullopt);
  EXPECT_EQ(line.node_environment, std::nullopt);
  EXPECT_FALSE(line.overrides.listen);
  EXPECT_FALSE(line.overrides.log_level);
}

TEST_F(OptionsTest, FlagsOverrideTheFile) {
  const CommandLine line = Accepted(
      {"-c", "f.yaml", "-n", "n2", "-d", "/data", "--listen", "127.0.0.1:1", "--peer-listen",
       "[::1]:2", "--http-listen", "127.0.0.1:3", "--log-level", "debug", "--log-format", "json"});
  EXPECT_EQ(line.config_path, "f.yaml");
  EXPECT_EQ(line.node_flag, "n2");
  EXPECT_EQ(line.overrides.data_dir, "/data");
  EXPECT_EQ(line.overrides.listen->port, 1);
  EXPECT_EQ(line.overrides.peer_listen->port, 2);
  EXPECT_EQ(line.overrides.http_listen->at->port, 3);
  EXPECT_EQ(line.overrides.log_level, LogLevel::kDebug);
  EXPECT_EQ(line.overrides.log_format, config::LogFormat::kJson);
}

TEST_F(OptionsTest, EnvironmentStandsInForFlags) {
  setenv("KVD_CONFIG", "env.yaml", 1);
  setenv("KVD_NODE", "n3", 1);
  setenv("KVD_DATA_DIR", "/env", 1);
  setenv("KVD_LISTEN", "127.0.0.1:5", 1);
  setenv("KVD_LOG_LEVEL", "warn", 1);
  const CommandLine line = Accepted({});
  EXPECT_EQ(line.config_path, "env.yaml");
  EXPECT_EQ(line.node_flag, std::nullopt);
  EXPECT_EQ(line.node_environment, "n3");
  EXPECT_EQ(line.overrides.data_dir, "/env");
  EXPECT_EQ(line.overrides.listen->port, 5);
  EXPECT_EQ(line.overrides.log_level, LogLevel::kWarn);
}

TEST_F(OptionsTest, FlagsBeatTheEnvironment) {
  setenv("KVD_CONFIG", "env.yaml", 1);
  setenv("KVD_DATA_DIR", "/env", 1);
  setenv("KVD_LOG_LEVEL", "warn", 1);
  const CommandLine line =
      Accepted({"--config", "flag.yaml", "--data-dir=/flag", "--log-level=error"});
  EXPECT_EQ(line.config_path, "flag.yaml");
  EXPECT_EQ(line.overrides.data_dir, "/flag");
  EXPECT_EQ(line.overrides.log_level, LogLevel::kError);
}

TEST_F(OptionsTest, EmptyVariablesAreNotGivenAndEmptyFlagsAre) {
  for (const char* name : {"KVD_CONFIG", "KVD_DATA_DIR", "KVD_LISTEN", "KVD_HTTP_LISTEN"}) {
    setenv(name, "", 1);
  }
  EXPECT_EQ(Accepted({}).config_path, std::nullopt);
  EXPECT_FALSE(Accepted({}).overrides.http_listen);
  EXPECT_FALSE(Accepted({"--http-listen", ""}).overrides.http_listen->at);
  EXPECT_THAT(Refused({"--config", ""}), StartsWith("kvd: --config: "));
  EXPECT_THAT(Refused({"--data-dir", ""}), StartsWith("kvd: --data-dir: "));
  EXPECT_THAT(Refused({"--listen", ""}), StartsWith("kvd: --listen: "));
}

TEST_F(OptionsTest, MistakesInTheEnvironmentNameTheVariable) {
  setenv("KVD_LOG_LEVEL", "loud", 1);
  EXPECT_THAT(Refused({}), StartsWith("kvd: KVD_LOG_LEVEL: 'loud' is none of trace, debug, info"));
  EXPECT_EQ(Accepted({"--log-level", "warn"}).overrides.log_level, LogLevel::kWarn);
  unsetenv("KVD_LOG_LEVEL");
  setenv("KVD_HTTP_LISTEN", "here", 1);
  EXPECT_THAT(Refused({}), StartsWith("kvd: KVD_HTTP_LISTEN: "));
}

TEST_F(OptionsTest, ActionsAreChosenByFlags) {
  EXPECT_EQ(Accepted({"--check-config"}).action, Action::kCheckConfig);
  EXPECT_EQ(Accepted({"--print-config"}).action, Action::kPrintEffective);
  EXPECT_EQ(Accepted({"--print-config=effective"}).action, Action::kPrintEffective);
  EXPECT_EQ(Accepted({"--print-config=sample"}).action, Action::kPrintSample);
  EXPECT_EQ(Accepted({"--dev"}).action, Action::kDev);
}

TEST_F(OptionsTest, DevHasOneNodeUnlessToldOtherwise) {
  EXPECT_EQ(Accepted({"--dev"}).dev_nodes, 1);
  EXPECT_EQ(Accepted({"--dev", "--nodes", "3"}).dev_nodes, 3);
}

TEST_F(OptionsTest, DevRefusesFlagsThatItWouldIgnore) {
  for (const auto& flag : {"--config", "--node", "--data-dir"}) {
    EXPECT_THAT(Refused({"--dev", flag, "x"}), HasSubstr(std::string("--dev takes no ") + flag));
  }
  EXPECT_THAT(Refused({"--dev", "--peer-listen", "127.0.0.1:1"}), HasSubstr("--peer-listen"));
  EXPECT_THAT(Refused({"--dev", "--http-listen", "127.0.0.1:1"}), HasSubstr("--http-listen"));
  EXPECT_THAT(Refused({"--dev", "--check-config"}), HasSubstr("--dev"));
  EXPECT_THAT(Refused({"--dev", "--print-config"}), HasSubstr("--dev"));
}

TEST_F(OptionsTest, DevWinsOverTheEnvironment) {
  setenv("KVD_CONFIG", "env.yaml", 1);
  setenv("KVD_NODE", "n3", 1);
  EXPECT_EQ(Accepted({"--dev"}).action, Action::kDev);
}

TEST_F(OptionsTest, DevListensOnLoopbackOnPortsThatExist) {
  EXPECT_EQ(Accepted({"--dev", "--listen", "127.0.0.1:8000"}).action, Action::kDev);
  for (const char* address : {"0.0.0.0:7400", "127.0.0.1:0", "127.0.0.1:65535"}) {
    EXPECT_THAT(Refused({"--dev", "--listen", address}), HasSubstr(address));
  }
  EXPECT_THAT(Refused({"--dev", "--nodes", "3", "--listen", "127.0.0.1:65520"}),
              HasSubstr("65520"));
}

TEST_F(OptionsTest, MistakesAreNamedInOneLine) {
  EXPECT_THAT(Refused({"--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_THAT(Refused({"stray"}), HasSubstr("stray"));
  EXPECT_THAT(Refused({"--config"}), HasSubstr("--config"));
  EXPECT_THAT(Refused({"--listen", "here"}), HasSubstr("--listen"));
  EXPECT_THAT(Refused({"--listen", "127.0.0.1:99999"}), HasSubstr("--listen"));
  EXPECT_THAT(Refused({"--peer-listen", ":"}), HasSubstr("--peer-listen"));
  EXPECT_THAT(Refused({"--log-level", "loud"}),
              HasSubstr("--log-level: 'loud' is none of trace, debug, info, warn, error"));
  EXPECT_THAT(Refused({"--log-format", "xml"}), HasSubstr("--log-format: 'xml' is none of"));
  EXPECT_THAT(Refused({"--print-config=all"}), HasSubstr("--print-config"));
  EXPECT_THAT(Refused({"--dev", "--nodes", "8"}), HasSubstr("8"));
  EXPECT_THAT(Refused({"--dev", "--nodes", "many"}), HasSubstr("many"));
  EXPECT_THAT(Refused({"--nodes", "3"}), HasSubstr("--dev"));
}

TEST_F(OptionsTest, HelpAndVersionGoToStdoutAndEndWell) {
  for (const char* flag : {"--help", "-h"}) {
    const auto parsed = Parse({flag});
    const auto* ended = std::get_if<Ended>(&parsed);
    ASSERT_NE(ended, nullptr);
    EXPECT_EQ(ended->code, kOk);
    EXPECT_EQ(ended->error, "");
    EXPECT_THAT(ended->out, AllOf(HasSubstr("--config"), HasSubstr("Exit codes:")));
  }
  const auto parsed = Parse({"--version"});
  EXPECT_THAT(std::get<Ended>(parsed).out, StartsWith("kvd "));
  EXPECT_EQ(std::get<Ended>(parsed).code, kOk);
}

TEST_F(OptionsTest, JoinTakesOneAddressOrSeveral) {
  EXPECT_TRUE(Accepted({}).join.empty());
  EXPECT_THAT(Accepted({"--join", "10.0.0.1:7401"}).join,
              ElementsAre(config::HostPort{"10.0.0.1", 7401}));
  EXPECT_THAT(Accepted({"--join", "n1.example:7401,[fd00::2]:7401"}).join,
              ElementsAre(config::HostPort{"n1.example", 7401}, config::HostPort{"fd00::2", 7401}));
}

TEST_F(OptionsTest, JoinAddressesThatCannotBeDialledAreRefused) {
  for (const char* wrong : {"", ",", "10.0.0.1", "10.0.0.1:7401,", "10.0.0.1:0700", "n1:99999",
                            "10.0.0.1:7401, 10.0.0.2:7401"}) {
    EXPECT_THAT(Refused({"--join", wrong}), StartsWith("kvd: --join: ")) << wrong;
  }
  EXPECT_THAT(Refused({"--join", "10.0.0.1:0"}), HasSubstr("has no port to dial"));
  EXPECT_THAT(Refused({"--join", "0.0.0.0:7401"}), HasSubstr("0.0.0.0:7401 is where to listen"));
  EXPECT_THAT(Refused({"--dev", "--join", "10.0.0.1:7401"}), HasSubstr("takes no --join"));
}

}  // namespace
}  // namespace kvd::daemon
