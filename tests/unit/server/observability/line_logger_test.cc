// The lines exactly as an operator, a machine or the journal reads them, and the file they are in.

#include "server/observability/line_logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace kvd::observability {
namespace {

using namespace std::string_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kWhen[] = "2026-11-22T08:31:02.114Z";

const LogLine kSuspected = {
    LogLevel::kWarn, "heartbeat", "peer suspected, silent", {{"peer", "n3"}, {"silent_ms", "312"}}};

std::string Text(const LogLine& line) {
  return FormatLine(line, LineFormat::kText, "n1", kWhen);
}

// The part behind the message.
std::string FieldAsText(const std::string& value) {
  const std::string line = Text({LogLevel::kInfo, "node", "m", {{"k", value}}});
  return line.substr(line.find("  k=") + 2);
}

TEST(FormatLineTest, TextIsForPeople) {
  EXPECT_EQ(Text(kSuspected),
            "2026-11-22T08:31:02.114Z warn  n1 heartbeat  peer suspected, silent  peer=n3 "
            "silent_ms=312");
}

TEST(FormatLineTest, JsonIsForMachines) {
  EXPECT_EQ(FormatLine(kSuspected, LineFormat::kJson, "n1", kWhen),
            R"({"ts":"2026-11-22T08:31:02.114Z","level":"warn","node":"n1","room":"heartbeat",)"
            R"("msg":"peer suspected, silent","peer":"n3","silent_ms":"312"})");
}

TEST(FormatLineTest, JournalKnowsTheTimeAndWantsAPriority) {
  EXPECT_EQ(FormatLine(kSuspected, LineFormat::kJournal, "n1", kWhen),
            "<4>n1 heartbeat  peer suspected, silent  peer=n3 silent_ms=312");
}

TEST(FormatLineTest, LineWithoutFieldsEndsWithTheMessage) {
  EXPECT_THAT(Text({LogLevel::kInfo, "node", "ready", {}}), EndsWith("node  ready"));
}

TEST(FormatLineTest, EveryLevelHasANameAndAPriority) {
  const std::vector<std::tuple<LogLevel, std::string, std::string>> levels = {
      {LogLevel::kTrace, " trace ", "<7>"},
      {LogLevel::kDebug, " debug ", "<7>"},
      {LogLevel::kInfo, " info  ", "<6>"},
      {LogLevel::kWarn, " warn  ", "<4>"},
      {LogLevel::kError, " error ", "<3>"}};
  for (const auto& [level, name, priority] : levels) {
    EXPECT_THAT(Text({level, "node", "m", {}}), HasSubstr(name));
    EXPECT_THAT(FormatLine({level, "node", "m", {}}, LineFormat::kJournal, "n1", kWhen),
                testing::StartsWith(priority));
  }
}

TEST(FormatLineTest, ValuesThatWouldBreakTheLineApartAreQuoted) {
  EXPECT_EQ(FieldAsText("plain-1.2:3/x"), "k=plain-1.2:3/x");
  EXPECT_EQ(FieldAsText(""), R"(k="")");
  EXPECT_EQ(FieldAsText("two words"), R"(k="two words")");
  EXPECT_EQ(FieldAsText("a=b"), R"(k="a=b")");
  EXPECT_EQ(FieldAsText("a\nb"), R"(k="a\x0ab")");
  EXPECT_EQ(FieldAsText("\0"s), R"(k="\x00")");
}

TEST(FormatLineTest, TextOfOtherAlphabetsIsQuotedByteByByte) {
  EXPECT_EQ(FieldAsText("\xc3\xa9"), R"(k="\xc3\xa9")");
}

// Messages carry what peers and the system say: a line break in them must not begin a line that
// looks like one of ours.
TEST(FormatLineTest, OneEventIsOneLineWhateverItSays) {
  const LogLine line{LogLevel::kInfo, "node", "first\nsecond\r\x1b[31m", {}};
  for (const LineFormat format : {LineFormat::kText, LineFormat::kJson, LineFormat::kJournal}) {
    const std::string text = FormatLine(line, format, "n1", kWhen);
    EXPECT_EQ(text.find_first_of("\n\r\x1b"), std::string::npos) << text;
  }
  EXPECT_THAT(Text(line), EndsWith(R"(node  first\x0asecond\x0d\x1b[31m)"));
}

TEST(FormatLineTest, BytesThatAreNoTextDoNotBreakJson) {
  const std::string json = FormatLine({LogLevel::kInfo, "node", "bad \xff bytes", {{"k", "\xc3"}}},
                                      LineFormat::kJson, "n1", kWhen);
  EXPECT_THAT(json, HasSubstr("\"msg\":\"bad \xef\xbf\xbd bytes\""));
  EXPECT_THAT(json, HasSubstr("\"k\":\"\xef\xbf\xbd\""));
}

// A log file in a folder of its own.
class LineLoggerTest : public ::testing::Test {
 protected:
  LineLoggerTest() { std::filesystem::create_directories(folder_); }
  ~LineLoggerTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<LineLogger> Open(LogLevel level) {
    return LineLogger::Open({.node = "n1", .level = level, .file = path_}).value();
  }

  static std::string Contents(const std::string& path) {
    std::stringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }

  const std::string folder_ = ::testing::TempDir() + "kvd_log_" + std::to_string(getpid());
  const std::string path_ = folder_ + "/kvd.log";
};

TEST_F(LineLoggerTest, LineIsInTheFileWhenWriteReturns) {
  const auto logger = Open(LogLevel::kInfo);
  logger->Write({LogLevel::kInfo, "node", "ready", {{"nodes", "3"}}});
  EXPECT_THAT(Contents(path_),
              MatchesRegex("....-..-..T..:..:..\\....Z info  n1 node  ready  nodes=3\n"));
}

TEST_F(LineLoggerTest, FileIsAppendedTo) {
  std::ofstream(path_) << "before\n";
  Open(LogLevel::kInfo)->Write({LogLevel::kInfo, "node", "after", {}});
  EXPECT_THAT(Contents(path_), MatchesRegex("before\n.*after\n"));
}

TEST_F(LineLoggerTest, LinesBelowTheLevelAreLeftOut) {
  const auto logger = Open(LogLevel::kWarn);
  logger->Write({LogLevel::kInfo, "node", "quiet", {}});
  EXPECT_EQ(Contents(path_), "");
  logger->Write({LogLevel::kWarn, "node", "loud", {}});
  EXPECT_THAT(Contents(path_), EndsWith("loud\n"));
}

TEST_F(LineLoggerTest, LevelMayChangeWhileRunning) {
  const auto logger = Open(LogLevel::kWarn);
  logger->SetLevel(LogLevel::kDebug);
  logger->Write({LogLevel::kDebug, "node", "now heard", {}});
  EXPECT_THAT(Contents(path_), EndsWith("now heard\n"));
}

TEST_F(LineLoggerTest, MovedFileIsReplacedByReopen) {
  const auto logger = Open(LogLevel::kInfo);
  logger->Write({LogLevel::kInfo, "node", "first", {}});
  std::filesystem::rename(path_, path_ + ".1");
  logger->Write({LogLevel::kInfo, "node", "second", {}});
  ASSERT_TRUE(logger->Reopen().ok());
  logger->Write({LogLevel::kInfo, "node", "third", {}});
  EXPECT_THAT(Contents(path_ + ".1"), MatchesRegex(".*first\n.*second\n"));
  EXPECT_THAT(Contents(path_), EndsWith("third\n"));
  EXPECT_THAT(Contents(path_), Not(HasSubstr("second")));
}

TEST_F(LineLoggerTest, FileThatCannotBeOpenedIsAnErrorNamingIt) {
  std::filesystem::create_directory(path_);
  const auto logger = LineLogger::Open({.node = "n1", .file = path_});
  EXPECT_EQ(logger.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(logger.status()), HasSubstr("open log file " + path_));
}

TEST_F(LineLoggerTest, FailedReopenKeepsTheOldFile) {
  const auto logger = Open(LogLevel::kInfo);
  std::filesystem::rename(path_, path_ + ".1");
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(logger->Reopen().ok());
  logger->Write({LogLevel::kInfo, "node", "still here", {}});
  EXPECT_THAT(Contents(path_ + ".1"), EndsWith("still here\n"));
}

}  // namespace
}  // namespace kvd::observability
