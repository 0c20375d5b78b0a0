#include "client/kvctl/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace kvd::kvctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string, std::less<>>;

std::variant<Settings, Failure> Make(const std::vector<std::string>& words,
                                     const Variables& variables = {}, bool terminal = false) {
  const auto line = ParseCommandLine(words);
  const auto environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  return MakeSettings(std::get<CommandLine>(line), {.environment = environment,
                                                    .in_is_terminal = terminal,
                                                    .out_is_terminal = terminal,
                                                    .err_is_terminal = terminal,
                                                    .host = "laptop"});
}

Settings Made(const std::vector<std::string>& words, const Variables& variables = {},
              bool terminal = false) {
  return std::get<Settings>(Make(words, variables, terminal));
}

std::string Refused(const std::vector<std::string>& words, const Variables& variables = {}) {
  return std::get<Failure>(Make(words, variables)).message;
}

TEST(SettingsTest, DefaultsAreOneLocalNodeAndFiveSeconds) {
  const Settings settings = Made({"ring"});
  EXPECT_THAT(settings.client.endpoints, ElementsAre("127.0.0.1:7400"));
  EXPECT_EQ(settings.client.timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings.output, Format::kText);
}

TEST(SettingsTest, FlagBeatsEnvironmentBeatsClusterFileBeatsDefault) {
  const std::string file = ::testing::TempDir() + std::to_string(getpid()) + "kvctl_settings.yaml";
  std::ofstream(file) << "version: 1\ncluster: { name: demo }\nnodes:\n"
                         "  - { name: n1, address: \"127.0.0.1:7410\" }\n"
                         "  - { name: n2, address: \"127.0.0.1:7420\" }\n";
  const Variables variables{{"KVCTL_ENDPOINTS", "e:1,f:2"}};
  EXPECT_THAT(Made({"ring", "--cluster-file", file}).client.endpoints,
              ElementsAre("127.0.0.1:7410", "127.0.0.1:7420"));
  EXPECT_THAT(Made({"ring", "--cluster-file", file}, variables).client.endpoints,
              ElementsAre("e:1", "f:2"));
  EXPECT_THAT(Made({"ring", "-e", "g:3"}, variables).client.endpoints, ElementsAre("g:3"));
  std::remove(file.c_str());
  EXPECT_THAT(Refused({"ring", "--cluster-file", file}), HasSubstr("--cluster-file: "));
}

TEST(SettingsTest, MistakesNameTheFlagOrTheVariable) {
  EXPECT_THAT(Refused({"ring", "-t", "soon"}), HasSubstr("--timeout: 'soon'"));
  EXPECT_THAT(Refused({"ring"}, {{"KVCTL_TIMEOUT", "5"}}), HasSubstr("KVCTL_TIMEOUT: '5'"));
  EXPECT_THAT(Refused({"ring", "-o", "xml"}), HasSubstr("--output: 'xml'"));
  EXPECT_THAT(Refused({"ring", "--color", "pink"}), HasSubstr("--color: 'pink'"));
  EXPECT_THAT(Refused({"ring", "-e", ","}), HasSubstr("names no endpoint"));
}

TEST(SettingsTest, FormatsOfValuesAreForGetOnly) {
  EXPECT_EQ(Made({"get", "k", "-o", "hex"}).output, Format::kHex);
  EXPECT_THAT(Refused({"ring", "-o", "hex"}), HasSubstr("ring has no hex output"));
  EXPECT_EQ(Made({"ring"}, {{"KVCTL_OUTPUT", "hex"}}).output, Format::kText);
}

TEST(SettingsTest, ColourFollowsFlagThenVariablesThenStream) {
  EXPECT_FALSE(Made({"ring"}).out_colour);
  EXPECT_TRUE(Made({"ring"}, {}, true).out_colour);
  EXPECT_FALSE(Made({"ring"}, {{"NO_COLOR", "1"}}, true).out_colour);
  EXPECT_TRUE(Made({"ring"}, {{"NO_COLOR", ""}}, true).out_colour);
  EXPECT_FALSE(Made({"ring"}, {{"TERM", "dumb"}}, true).out_colour);
  EXPECT_TRUE(Made({"ring"}, {{"CLICOLOR_FORCE", "1"}}).out_colour);
  EXPECT_FALSE(Made({"ring"}, {{"CLICOLOR_FORCE", "0"}}).out_colour);
  EXPECT_TRUE(Made({"ring", "--color", "always"}, {{"NO_COLOR", "1"}}).out_colour);
  EXPECT_FALSE(Made({"ring", "--color=never"}, {}, true).out_colour);
}

TEST(SettingsTest, TimeThatWasGivenIsTold) {
  EXPECT_FALSE(Made({"ring"}).timeout_given);
  EXPECT_TRUE(Made({"ring", "-t", "5s"}).timeout_given);
  EXPECT_TRUE(Made({"ring"}, {{"KVCTL_TIMEOUT", "5s"}}).timeout_given);
}

TEST(SettingsTest, QuestionsNeedATerminalAndSomebodyWhoReads) {
  EXPECT_FALSE(Made({"rebalance"}).may_ask);
  EXPECT_TRUE(Made({"rebalance"}, {}, true).may_ask);
  EXPECT_FALSE(Made({"rebalance", "--no-input"}, {}, true).may_ask);
  EXPECT_FALSE(Made({"rebalance", "-o", "json"}, {}, true).may_ask);
  EXPECT_TRUE(Made({"rebalance", "--no-input"}, {}, true).on_terminal);
  EXPECT_TRUE(Made({"rebalance", "-y"}).yes);
}

TEST(SettingsTest, LinesAreRedrawnOnlyWhereTheyCanBe) {
  EXPECT_FALSE(Made({"jobs"}).animated);
  EXPECT_TRUE(Made({"jobs"}, {}, true).animated);
  EXPECT_TRUE(Made({"jobs"}, {{"NO_COLOR", "1"}}, true).animated);
  EXPECT_FALSE(Made({"jobs"}, {{"TERM", "dumb"}}, true).animated);
}

TEST(SettingsTest, WhoAsksIsCutToWhatJobsShow) {
  EXPECT_EQ(Made({"jobs"}, {{"USER", "alice"}}).asked_by, "alice@laptop");
  EXPECT_EQ(Made({"jobs"}).asked_by, "somebody@laptop");
  EXPECT_EQ(Made({"jobs"}, {{"USER", "a\xff"}}).asked_by, "a\\xff@laptop");
  const std::string umlauts = "\xc3\xbc";
  std::string user = "x";
  for (int i = 0; i < 100; ++i) user += umlauts;
  EXPECT_EQ(Made({"jobs"}, {{"USER", user}}).asked_by, user.substr(0, 127));
}

}  // namespace
}  // namespace kvd::kvctl
