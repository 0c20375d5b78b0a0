// Whole runs of kvctl against a fake node, with a console in memory: what lands on which stream,
// and the exit code.

#include "client/kvctl/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "../raw_server.h"
#include "run_world.h"

namespace kvd::kvctl {
namespace {

using namespace std::string_literals;
using client::RawServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class RunTest : public RunWorld {};

TEST_F(RunTest, GetWritesExactlyTheBytesThatWerePut) {
  ASSERT_EQ(Do({"put", "greeting", "hello world"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "OK\n");
  ASSERT_EQ(Do({"get", "greeting"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "hello world");
  EXPECT_THAT(console_.err, IsEmpty());
}

TEST_F(RunTest, TerminalGetsANewlineAndNoBinary) {
  console_.terminal = true;
  ASSERT_EQ(Do({"put", "text", "hello"}), ExitCode::kDone);
  Do({"get", "text"});
  EXPECT_EQ(console_.out, "hello\n");
  ASSERT_EQ(Do({"put", "--key-encoding", "hex", "00ff", "\xff"}), ExitCode::kDone);
  EXPECT_EQ(Do({"get", "00ff", "--key-encoding=hex"}), ExitCode::kError);
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_THAT(console_.err, HasSubstr("use -o hex, -o base64 or --out FILE"));
  Do({"get", "00ff", "--key-encoding=hex", "-o", "hex"});
  EXPECT_EQ(console_.out, "ff\n");
}

TEST_F(RunTest, ValueComesFromOnePlace) {
  console_.in = "from\0in"s;
  ASSERT_EQ(Do({"put", "k", "-"}), ExitCode::kDone);
  Do({"get", "k"});
  EXPECT_EQ(console_.out, console_.in);
  ASSERT_EQ(Do({"put", "k", "--empty", "--print-version"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "2\n");
  ASSERT_EQ(Do({"get", "k"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_EQ(Do({"put", "k"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err, HasSubstr("no value; give it as an argument"));
  EXPECT_EQ(Do({"put", "k", "v", "--empty"}), ExitCode::kUsage);
}

TEST_F(RunTest, FilesGoInAndOut) {
  const std::string file = ::testing::TempDir() + std::to_string(getpid()) + "kvctl_run";
  std::ofstream(file, std::ios::binary) << "\0bytes\n"s;
  ASSERT_EQ(Do({"put", "k", "--file", file}), ExitCode::kDone);
  ASSERT_EQ(Do({"get", "k", "--out", file + ".2"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, IsEmpty());
  std::ifstream in(file + ".2", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "\0bytes\n"s);
  EXPECT_EQ(Do({"put", "k", "--file", "/nonexistent"}), ExitCode::kError);
  EXPECT_EQ(console_.err, "kvctl: read /nonexistent: no such file or directory\n");
  EXPECT_EQ(Do({"get", "k", "--out", "/nonexistent/x"}), ExitCode::kError);
  EXPECT_THAT(console_.err, StartsWith("kvctl: write /nonexistent/x: "));
  std::ofstream(file, std::ios::binary) << std::string(6 << 20, 'x');
  EXPECT_EQ(Do({"put", "k", "--file", file}), ExitCode::kLimit);
  EXPECT_EQ(console_.err, "kvctl: value is 6 MiB, no cluster takes more than 4 MiB\n");
  std::ofstream(file, std::ios::binary) << std::string((4 << 20) + 1, 'x');
  EXPECT_EQ(Do({"put", "k", "--file", file}), ExitCode::kLimit);
  EXPECT_EQ(console_.err, "kvctl: value is 4194305 bytes, no cluster takes more than 4 MiB\n");
  std::remove(file.c_str());
  std::remove((file + ".2").c_str());
}

TEST_F(RunTest, JsonTellsTextFromBytes) {
  Do({"put", "greeting", "hello", "-o", "json"});
  EXPECT_EQ(console_.out,
            R"({"key":"greeting","encoding":"utf-8","written":true,"version":1,"partition":1,)"
            R"("owner":"n2"})"
            "\n");
  Do({"get", "greeting", "-o", "json"});
  EXPECT_EQ(console_.out,
            R"({"key":"greeting","value":"hello","encoding":"utf-8","version":1,"partition":1,)"
            R"("owner":"n2"})"
            "\n");
  Do({"put", "greeting", "\xff"});
  Do({"get", "greeting", "-o", "json"});
  EXPECT_THAT(console_.out,
              StartsWith(R"({"key":"Z3JlZXRpbmc=","value":"/w==","encoding":"base64")"));
}

TEST_F(RunTest, MetaIsALinePerField) {
  Do({"put", "greeting", "hello world"});
  Do({"get", "greeting", "--with-meta"});
  EXPECT_EQ(console_.out,
            "key        greeting\nvalue      hello world\nversion    1\npartition  1\n"
            "owner      n2\n");
}

TEST_F(RunTest, AbsentKeyIsThreeAndSilentOnStandardOutput) {
  EXPECT_EQ(Do({"get", "user:9"}), ExitCode::kNotFound);
  EXPECT_EQ(console_.err, "kvctl: key \"user:9\" not found\n");
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_EQ(Do({"get", "user:9", "--default", "none"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "none");
  EXPECT_EQ(Do({"get", "user:9", "-o", "json"}), ExitCode::kNotFound);
  EXPECT_EQ(console_.err,
            R"({"error":{"reason":"NOT_FOUND","message":"key \"user:9\" not found","exit_code":3}})"
            "\n");
}

TEST_F(RunTest, DelDeletesWhatIsThereAndExistsTells) {
  Do({"put", "a", "1"});
  Do({"put", "b", "2"});
  EXPECT_EQ(Do({"exists", "a", "b"}), ExitCode::kDone);
  EXPECT_EQ(Do({"del", "a", "nosuch", "b"}), ExitCode::kNotFound);
  EXPECT_EQ(console_.err, "kvctl: key \"nosuch\" not found\n");
  EXPECT_EQ(Do({"exists", "a"}), ExitCode::kNotFound);
  EXPECT_THAT(console_.out + console_.err, IsEmpty());
  EXPECT_EQ(Do({"del", "a", "--missing-ok"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "OK\n");
}

TEST_F(RunTest, FailedConditionIsFourAndNamesWhatWasFound) {
  ASSERT_EQ(Do({"put", "lock", "me", "--if-absent", "--print-version"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "1\n");
  EXPECT_EQ(Do({"put", "lock", "you", "--if-absent"}), ExitCode::kNotWritten);
  EXPECT_EQ(console_.err, "kvctl: not written: key \"lock\" exists (version 1)\n");
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_EQ(Do({"put", "lock", "you", "--if-version", "16"}), ExitCode::kNotWritten);
  EXPECT_EQ(console_.err, "kvctl: not written: key \"lock\" is at version 1, not 16\n");
  EXPECT_EQ(Do({"put", "nosuch", "v", "--if-version", "16", "-o", "json"}), ExitCode::kNotWritten);
  EXPECT_EQ(console_.err,
            R"({"error":{"reason":"CONDITION_FAILED","message":"not written: key \"nosuch\" does )"
            R"(not exist, so it is not at version 16","exit_code":4,"actual_version":0}})"
            "\n");
  EXPECT_EQ(Do({"del", "lock", "--if-version", "2"}), ExitCode::kNotWritten);
  EXPECT_EQ(console_.err, "kvctl: not deleted: key \"lock\" is at version 1, not 2\n");
  EXPECT_EQ(Do({"put", "lock", "you", "--if-version", "1"}), ExitCode::kDone);
  EXPECT_EQ(Do({"del", "lock", "--if-version", "2"}), ExitCode::kDone);
}

TEST_F(RunTest, ConditionsAndIdsAreChecked) {
  EXPECT_EQ(Do({"put", "k", "v", "--if-absent", "--if-version", "3"}), ExitCode::kUsage);
  EXPECT_EQ(Do({"put", "k", "v", "--if-version", "x"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err, StartsWith("kvctl: --if-version: 'x'"));
  EXPECT_EQ(Do({"put", "k", "v", "--request-id", "12"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err, HasSubstr("'12' is no request id; it is CLIENT:SEQUENCE@BASE"));
  EXPECT_EQ(Do({"del", "a", "b", "--if-version", "3"}), ExitCode::kUsage);
  EXPECT_EQ(Do({"get", "k", "--consistency", "lazy"}), ExitCode::kUsage);
  EXPECT_EQ(node_.calls(), 0);
}

TEST_F(RunTest, IncrAddsAndPrintsTheSum) {
  EXPECT_EQ(Do({"incr", "n"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "1\n");
  EXPECT_EQ(Do({"incr", "n", "-5"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "-4\n");
  EXPECT_EQ(Do({"incr", "n", "10", "-o", "json"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith(R"({"key":"n","encoding":"utf-8","value":6,"version":3,)"));
  EXPECT_EQ(Do({"incr", "n", "1.5"}), ExitCode::kUsage);
  EXPECT_EQ(Do({"incr", "-5"}), ExitCode::kUsage);
  Do({"put", "text", "hello"});
  EXPECT_EQ(Do({"incr", "text"}), ExitCode::kUsage);
  EXPECT_EQ(console_.err, "kvctl: the value is not a number\n");
}

TEST_F(RunTest, StaleReadShowsHowStale) {
  Do({"put", "k", "v"});
  EXPECT_EQ(Do({"get", "k", "--consistency", "stale", "--with-meta"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, HasSubstr("\nstaleness  at most 12 ms\n"));
  Do({"get", "k", "--consistency", "stale", "-o", "json"});
  EXPECT_THAT(console_.out, HasSubstr(R"("staleness_ms":12)"));
  Do({"get", "k", "--with-meta", "--consistency", "linearizable"});
  EXPECT_THAT(console_.out, Not(HasSubstr("staleness")));
}

TEST_F(RunTest, RequestIdOfAnUnknownOutcomeRepeatsTheWrite) {
  node_.HangNext(1'000'000);
  EXPECT_EQ(Do({"incr", "n", "-t", "1s"}), ExitCode::kOutcomeUnknown);
  const std::string text =
      "kvctl: no answer after 1s; the write may or may not be applied. "
      "To retry safely: --request-id ";
  ASSERT_THAT(console_.err, StartsWith(text));
  const std::string id = console_.err.substr(text.size(), console_.err.size() - text.size() - 1);
  node_.HangNext(0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Do({"incr", "n", "--request-id", id}), ExitCode::kDone) << console_.err;
    EXPECT_EQ(console_.out, "1\n");
  }
}

TEST_F(RunTest, NobodyReachedIsFive) {
  const RawServer dead(RawServer::Behaviour::kRefuses);
  endpoints_ = dead.address();
  EXPECT_EQ(Do({"put", "k", "v"}), ExitCode::kUnreachable);
  EXPECT_EQ(console_.err, "kvctl: no endpoint answered: " + dead.address() +
                              " connection refused. Is kvd running? Try: kvd --dev\n");
  EXPECT_EQ(Do({"status"}), ExitCode::kUnreachable);
}

TEST_F(RunTest, UnknownOutcomeIsSevenForWritesOnly) {
  node_.Hang();
  EXPECT_EQ(Do({"put", "k", "v", "-t", "1s"}), ExitCode::kOutcomeUnknown);
  EXPECT_THAT(console_.err, HasSubstr("the write may or may not be applied"));
  EXPECT_EQ(Do({"get", "k", "-t", "1s"}), ExitCode::kRefused);
}

TEST_F(RunTest, RefusalsKeepTheirMessageAndCode) {
  node_.Refuse({.reason = Reason::kValueTooLarge,
                .message = "value is 2 MiB, the limit is 1 MiB (limits.max_value_bytes)",
                .metadata = {{"field", "value"}, {"limit", "1048576"}},
                .retry_after = {}});
  EXPECT_EQ(Do({"put", "k", "v"}), ExitCode::kLimit);
  EXPECT_EQ(console_.err, "kvctl: value is 2 MiB, the limit is 1 MiB (limits.max_value_bytes)\n");
  node_.Refuse({.reason = Reason::kNoMajority, .message = "m", .metadata = {}, .retry_after = {}});
  EXPECT_EQ(Do({"get", "k", "-t", "100ms"}), ExitCode::kRefused);
}

TEST_F(RunTest, StatusIsTwelveUnlessHealthy) {
  EXPECT_EQ(Do({"status"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("cluster demo   healthy   2/2 nodes up"));
  EXPECT_EQ(Do({"wait", "--ready", "--nodes", "2"}), ExitCode::kDone);
  EXPECT_THAT(console_.out + console_.err, IsEmpty());
  node_.SetDown("n2");
  EXPECT_EQ(Do({"status"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.out, HasSubstr("its 8 partitions are unavailable"));
  EXPECT_EQ(Do({"nodes"}), ExitCode::kDone);
  EXPECT_EQ(Do({"wait", "--ready", "-t", "1s"}), ExitCode::kDegraded);
  EXPECT_THAT(console_.err, StartsWith("kvctl: not ready after 1s: 1/2 nodes up; n2 is "));
}

TEST_F(RunTest, WaitIsFiveIfNobodyAnswered) {
  const RawServer dead(RawServer::Behaviour::kRefuses);
  endpoints_ = dead.address();
  EXPECT_EQ(Do({"wait", "--ready", "-t", "1ms"}), ExitCode::kUnreachable);
  EXPECT_EQ(Do({"wait"}), ExitCode::kUsage);
}

TEST_F(RunTest, PingAndVersionNameTheServer) {
  EXPECT_EQ(Do({"ping"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("n1 at " + node_.address() + ": kvd 0.1.0, cluster demo, "));
  EXPECT_EQ(Do({"ping", "n2"}), ExitCode::kDone);
  EXPECT_EQ(Do({"ping", "n9"}), ExitCode::kNotFound);
  EXPECT_EQ(Do({"version", "--server"}), ExitCode::kDone);
  EXPECT_EQ(console_.out, "kvctl 0.1.0\nkvd   0.1.0 (n1 at " + node_.address() + ")\n");
  EXPECT_EQ(Do({"--version"}), ExitCode::kDone);
}

TEST_F(RunTest, FullDiskIsOneAndSaysWhatWasDone) {
  console_.full = true;
  EXPECT_EQ(Do({"put", "k", "v"}), ExitCode::kError);
  EXPECT_EQ(console_.err,
            "kvctl: write standard output: no space left; the value was written (version 1)\n");
}

TEST_F(RunTest, ClosedPipeIsOneWithoutAWord) {
  console_.closed = true;
  EXPECT_EQ(Do({"ring"}), ExitCode::kError);
  EXPECT_THAT(console_.err, IsEmpty());
}

TEST_F(RunTest, VerboseGoesToStandardError) {
  Do({"put", "k", "v", "-v", "-q"});
  EXPECT_THAT(console_.out, IsEmpty());
  EXPECT_THAT(console_.err, StartsWith("kvctl: put at " + node_.address() + " in "));
}

TEST_F(RunTest, UsageErrorsAreJsonIfAskedFor) {
  EXPECT_EQ(Do({"gte", "-o", "json"}), ExitCode::kUsage);
  EXPECT_THAT(console_.err, StartsWith(R"({"error":{"reason":"USAGE","message":"unknown command)"));
  EXPECT_EQ(Do({"help", "put"}), ExitCode::kDone);
  EXPECT_THAT(console_.out, StartsWith("usage: kvctl put KEY VALUE"));
}

}  // namespace
}  // namespace kvd::kvctl
