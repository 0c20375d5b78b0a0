// Rendering, on hand-made diagnostics and on the file that the operators' reference shows.

#include "config/diagnostic.h"

#include "tests/unit/config/support.h"

namespace kvd::config {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(DiagnosticTest, MistakesAreShownLikeACompilers) {
  constexpr std::string_view kFile = R"(# a cluster file with mistakes
version: 1
cluster:
  name: demo
  # copies of each key
  #
  #
  replication: 5
nodes:
  - { name: n1, address: "10.0.0.1:7400", zone: rack-a }
  - { name: n2, adress: "10.0.0.2:7400", address: "10.0.0.2:7400", zone: rack-a }
  - name: n3
    zone: rack-a
    name: n4
    address: "10.0.0.3:7400"
tls: { allow_insecure: true }
limits:
  max_connections: 0700
  max_value_bytes: '4MB '
)";
  EXPECT_EQ(Render(Parse(kFile).diagnostics, kFile, "cluster.yaml"),
            R"(cluster.yaml:8:16: error: cluster.replication is 5 but only 3 nodes are listed
cluster.yaml:11:17: error: unknown key 'adress' in nodes[1]; did you mean 'address'?
   11 |   - { name: n2, adress: "10.0.0.2:7400", address: "10.0.0.2:7400", zone: rack-a }
      |                 ^~~~~~
cluster.yaml:14:5: error: duplicate key 'name' (first at 12:5)
cluster.yaml:18:20: error: max_connections '0700' has a leading zero, which YAML reads as octal; write 700
cluster.yaml:19:20: error: max_value_bytes: '4MB ' is not a size (examples: 512, 4KiB, 1MiB)
cluster.yaml:10:3: warning: n1, n2 and n3 share zone 'rack-a': its loss stops every partition
5 errors, 1 warning
)");
}

TEST(DiagnosticTest, NothingToSayIsNothing) {
  EXPECT_EQ(Render({}, "x", "f"), "");
}

TEST(DiagnosticTest, CountKnowsSingularAndKind) {
  const Diagnostic error{Severity::kError, 1, 1, 0, "e"};
  const Diagnostic warning{Severity::kWarning, 1, 1, 0, "w"};
  EXPECT_THAT(Render({error}, "", "f"), EndsWith("\n1 error\n"));
  EXPECT_THAT(Render({warning}, "", "f"), EndsWith("\n1 warning\n"));
  EXPECT_THAT(Render({error, error, warning}, "", "f"), EndsWith("\n2 errors, 1 warning\n"));
}

TEST(DiagnosticTest, CaretStandsUnderItsCharacterWhateverPrecedesIt) {
  const Diagnostic at_x{Severity::kError, 1, 6, 1, "here"};
  EXPECT_THAT(Render({at_x}, "\xc3\xa9\t\xc3\xa9x", "f"),
              HasSubstr("    1 | \xc3\xa9 \xc3\xa9x\n      |    ^\n"));
}

TEST(DiagnosticTest, PlacesOutsideTheTextAreShownWithoutSource) {
  for (const uint32_t line : {0U, 2U, 4'000'000'000U}) {
    EXPECT_EQ(Render({{Severity::kError, line, 1, 5, "m"}}, "text", "f"),
              "f:" + std::to_string(line) + ":1: error: m\n1 error\n");
  }
  EXPECT_THAT(Render({{Severity::kError, 1, 99, 5, "m"}}, "text", "f"), Not(HasSubstr("^")));
  EXPECT_THAT(Render({{Severity::kError, 1, 0, 5, "m"}}, "text", "f"), Not(HasSubstr("^")));
}

TEST(DiagnosticTest, UnderlineEndsWithTheLine) {
  EXPECT_THAT(Render({{Severity::kError, 1, 3, 4'000'000'000U, "m"}}, "text\n", "f"),
              HasSubstr("      |   ^~\n"));
}

TEST(DiagnosticTest, AfterAHundredOnlyTheCountGoesOn) {
  const std::vector<Diagnostic> many(250, {Severity::kError, 1, 1, 0, "m"});
  EXPECT_THAT(Render(many, "", "f"), EndsWith("... and 150 more\n250 errors\n"));
}

TEST(DiagnosticTest, ErrorsComeBeforeWarningsEachInFileOrder) {
  std::vector<Diagnostic> some = {{Severity::kWarning, 1, 1, 0, "w"},
                                  {Severity::kError, 9, 1, 0, "b"},
                                  {Severity::kError, 2, 5, 0, "a"}};
  Sort(some);
  EXPECT_EQ(some[0].message + some[1].message + some[2].message, "abw");
}

}  // namespace
}  // namespace kvd::config
