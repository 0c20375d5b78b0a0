// Every file in scenarios/ is a conversation between replicas, and what each command brought about.
// KVD_UPDATE_SCENARIOS=1 writes down what happens now; the difference is then read by a person.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/server/raft/transcript.h"

namespace kvd::raft::test {
namespace {

using ::testing::IsEmpty;

std::vector<std::string> LinesOf(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The file as it would be if the expectations were what happens.
std::string Replay(const std::vector<std::string>& lines, Transcript& transcript) {
  std::ostringstream out;
  std::vector<std::string> said;
  bool skipping = false;  // An old expectation, up to the blank line.
  for (const std::string& line : lines) {
    if (skipping && !line.empty()) continue;
    skipping = line == "----";
    out << line << '\n';
    if (skipping) {
      for (const std::string& one : said) out << one << '\n';
      said.clear();
    } else if (!line.empty() && line.front() != '#') {
      std::ranges::copy(transcript.Run(line), std::back_inserter(said));
    }
  }
  return out.str();
}

std::vector<std::string> Scenarios() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(KVD_SCENARIOS)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class ScenarioTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ScenarioTest, GoesAsWritten) {
  const auto path = std::filesystem::path(KVD_SCENARIOS) / (GetParam() + ".txt");
  const std::vector<std::string> lines = LinesOf(path);
  std::ostringstream written;
  for (const std::string& line : lines) written << line << '\n';

  Transcript transcript;
  const std::string happened = Replay(lines, transcript);
  EXPECT_THAT(transcript.breaches(), IsEmpty());
  if (std::getenv("KVD_UPDATE_SCENARIOS") != nullptr) {
    std::ofstream(path) << happened;
  } else {
    EXPECT_EQ(happened, written.str());
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, ::testing::ValuesIn(Scenarios()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace kvd::raft::test
