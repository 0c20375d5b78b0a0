#include "client/kvctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/kvctl/help.h"

namespace kvd::kvctl {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine Parsed(const std::vector<std::string>& words) {
  const auto parsed = ParseCommandLine(words);
  const auto* failure = std::get_if<Failure>(&parsed);
  EXPECT_EQ(failure, nullptr) << failure->message;
  return failure == nullptr ? std::get<CommandLine>(parsed) : CommandLine{};
}

std::string Refused(const std::vector<std::string>& words) {
  const auto parsed = ParseCommandLine(words);
  const auto* failure = std::get_if<Failure>(&parsed);
  EXPECT_NE(failure, nullptr);
  if (failure == nullptr) return {};
  EXPECT_EQ(failure->exit_code, ExitCode::kUsage);
  return failure->message;
}

TEST(CommandLineTest, ArgumentsPassThroughUntouched) {
  EXPECT_THAT(Parsed({"put", "[a,b]", "++"}).arguments, ElementsAre("[a,b]", "++"));
  EXPECT_THAT(Parsed({"put", "get", "ring"}).arguments, ElementsAre("get", "ring"));
  EXPECT_THAT(Parsed({"put", "k", ""}).arguments, ElementsAre("k", ""));
  EXPECT_THAT(Parsed({"put", "k", "-"}).arguments, ElementsAre("k", "-"));
  EXPECT_THAT(Parsed({"del", "{x}", "\xff\n", "a=b"}).arguments,
              ElementsAre("{x}", "\xff\n", "a=b"));
}

TEST(CommandLineTest, AfterTwoDashesEverythingIsAnArgument) {
  EXPECT_THAT(Parsed({"put", "--", "-k", "--"}).arguments, ElementsAre("-k", "--"));
  EXPECT_THAT(Parsed({"put", "k", "--quiet", "--", "-5"}).arguments, ElementsAre("k", "-5"));
}

TEST(CommandLineTest, OptionsStandAnywhereInAnyForm) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"-e", "a:1", "-qv", "get", "k", "-ojson"},
           {"get", "--endpoints=a:1", "-q", "-v", "k", "--output", "json"},
           {"get", "k", "-qvojson", "-ea:1"}}) {
    const CommandLine line = Parsed(words);
    EXPECT_EQ(line.command->name, "get");
    EXPECT_THAT(line.arguments, ElementsAre("k"));
    EXPECT_EQ(*line.Value("endpoints"), "a:1");
    EXPECT_EQ(*line.Value("output"), "json");
    EXPECT_TRUE(line.Has("quiet") && line.Has("verbose"));
  }
}

TEST(CommandLineTest, EndpointsAddUpAndOtherOptionsReplace) {
  EXPECT_EQ(*Parsed({"ring", "-e", "a:1", "-e", "b:1"}).Value("endpoints"), "a:1,b:1");
  EXPECT_EQ(*Parsed({"ring", "-t", "1s", "-t", "2s"}).Value("timeout"), "2s");
}

TEST(CommandLineTest, AliasesNameTheirCommand) {
  EXPECT_EQ(Parsed({"set", "k", "v"}).command->name, "put");
  EXPECT_EQ(Parsed({"rm", "k"}).command->name, "del");
  EXPECT_EQ(Parsed({"locate", "k"}).command->name, "ring");
  EXPECT_EQ(Parsed({"decommission", "n2"}).command->name, "leave");
}

TEST(CommandLineTest, MistakesAreNamedWithWhatWasProbablyMeant) {
  EXPECT_EQ(Refused({"gte", "k"}), "unknown command 'gte'; did you mean 'get'? See kvctl --help.");
  EXPECT_EQ(Refused({"frobnicate"}), "unknown command 'frobnicate'. See kvctl --help.");
  EXPECT_EQ(Refused({"get", "k", "--with-mata"}),
            "unknown option '--with-mata'; did you mean '--with-meta'?");
  EXPECT_THAT(Refused({"put", "k", "-5"}), HasSubstr("goes after --"));
  EXPECT_THAT(Refused({"scan"}), HasSubstr("unknown command 'scan'"));
  EXPECT_THAT(Refused({"get", "k", "--out"}), HasSubstr("--out needs a value"));
  EXPECT_THAT(Refused({"get", "k", "--with-meta=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(Refused({}), HasSubstr("no command"));
}

TEST(CommandLineTest, NumberOfArgumentsIsChecked) {
  EXPECT_THAT(Refused({"get"}), HasSubstr("an argument is missing: kvctl get KEY"));
  EXPECT_THAT(Refused({"get", "a", "b"}), HasSubstr("too many arguments"));
  EXPECT_THAT(Refused({"status", "x"}), HasSubstr("too many arguments: kvctl status"));
  EXPECT_TRUE(Parsed({"get", "--help"}).WantsHelp());
}

TEST(HelpTest, EveryPageFitsEightyColumnsAndHasAnExample) {
  std::vector<std::string> pages{GeneralHelp()};
  for (const CommandSpec& command : Commands()) {
    ASSERT_FALSE(command.examples.empty()) << command.name;
    EXPECT_THAT(pages[0], HasSubstr(std::string(command.examples.front())));
    pages.push_back(CommandHelp(command));
  }
  for (const std::string& page : pages) {
    for (size_t at = 0; at < page.size();) {
      const size_t end = page.find('\n', at);
      EXPECT_LE(end - at, 80U) << page.substr(at, end - at);
      at = end + 1;
    }
  }
}

TEST(HelpTest, EveryExampleParses) {
  for (const CommandSpec& command : Commands()) {
    for (const std::string_view example : command.examples) {
      std::vector<std::string> words;
      std::string rest(example.substr(example.find("kvctl ") + 6));
      rest = rest.substr(0, rest.find(" &&"));
      for (size_t at = 0; at != std::string::npos;) {
        const bool quoted = rest[at] == '"';
        const size_t end = rest.find(quoted ? '"' : ' ', at + 1);
        words.push_back(rest.substr(at, end - at));
        at = end == std::string::npos || end + 1 >= rest.size() ? std::string::npos : end + 1;
      }
      EXPECT_TRUE(std::holds_alternative<CommandLine>(ParseCommandLine(words))) << example;
    }
  }
}

}  // namespace
}  // namespace kvd::kvctl
