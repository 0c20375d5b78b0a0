// kvctl bench against real nodes: what it measures, what it leaves behind, and what it says when it
// is interrupted or the cluster is in trouble. How fast anything is is never looked at.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// How operations reach the nodes: call by call, or on a pipeline.
class KvctlBenchTest : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static std::vector<std::string> Words(std::vector<std::string> more) {
    more.insert(more.begin(), {"bench", "--records=200"});
    if (GetParam()) more.emplace_back("--pipeline");
    return more;
  }

  [[nodiscard]] Finished Bench(const std::vector<std::string>& more) const {
    return cluster_.Kvctl(Words(more));
  }

  // A bench that lasts until it is interrupted, and has begun to measure.
  [[nodiscard]] std::unique_ptr<Process> Begun(std::vector<std::string> more) const {
    more.insert(more.end(), {"--duration=1h", "-e", cluster_.endpoints()});
    auto bench = std::make_unique<Process>(KvctlCommand(Words(more)));
    EXPECT_TRUE(Eventually([&] { return bench->err().find(" ops/s") != std::string::npos; }));
    return bench;
  }

  [[nodiscard]] bool Has(const std::string& key) const {
    const auto exists = cluster_.ClientOf(1).Exists(key);
    return exists.ok() && exists->version;
  }

  Cluster cluster_;
};

INSTANTIATE_TEST_SUITE_P(How, KvctlBenchTest, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Pipelined" : "Calls"; });

TEST_P(KvctlBenchTest, EveryKindIsMeasuredAndOnlyItsOwnKeysAreTouched) {
  ASSERT_TRUE(cluster_.ClientOf(1).Put("bench/mine", "mine").ok());
  const Finished bench = Bench({"--mix=read=40,update=20,insert=20,rmw=20", "--duration=300ms",
                                "--threads=1,8", "-o", "json"});
  ASSERT_EQ(bench.code, 0) << bench;
  EXPECT_EQ(bench.err, "");
  const json last = json::parse(bench.out.substr(bench.out.find('\n') + 1));
  EXPECT_EQ(last.at("threads"), 8);
  EXPECT_EQ(last.at("interrupted"), false);
  for (const char* kind : {"read", "update", "insert", "rmw"}) {
    const json& measured = last.at("operations").at(kind);
    EXPECT_GT(measured.at("answered"), 0) << kind;
    EXPECT_GT(measured.at("p50_ms"), 0) << kind;
    EXPECT_GE(measured.at("max_ms"), measured.at("p99_9_ms")) << kind;
    EXPECT_EQ(measured.at("unknown"), 0) << kind;
    EXPECT_EQ(measured.at("errors"), 0) << kind;
    EXPECT_EQ(measured.at("absent"), 0) << kind;
  }
  EXPECT_TRUE(Has("bench/000000000000000199"));
  EXPECT_TRUE(Has("bench/000000000000000200")) << "an insert";

  const Finished clean = Bench({"--no-load", "--no-run", "--clean"});
  EXPECT_EQ(clean.code, 0) << clean;
  EXPECT_THAT(clean.err, ContainsRegex("kvctl: [0-9]+ records deleted in "));
  EXPECT_FALSE(Has("bench/000000000000000000"));
  EXPECT_FALSE(Has("bench/000000000000000200"));
  EXPECT_TRUE(Has("bench/mine"));
}

TEST_P(KvctlBenchTest, OpenLoopKeepsItsRateAndNoFaster) {
  const Finished bench = Bench({"--workload=c", "--rate=50", "--duration=1s", "-o", "json"});
  ASSERT_EQ(bench.code, 0) << bench;
  const json object = json::parse(bench.out);
  const uint64_t begun = object.at("operations").at("read").at("answered");
  EXPECT_EQ(begun + object.at("not_begun").get<uint64_t>(), 50U);
}

TEST_P(KvctlBenchTest, InterruptedItPrintsWhatItMeasured) {
  const auto bench = Begun({"--threads=4,8"});
  bench->Signal(SIGINT);
  EXPECT_EQ(bench->Wait(kPatience), 128 + SIGINT);
  EXPECT_THAT(bench->out(), StartsWith("workload a   50% read 50% update"));
  EXPECT_THAT(bench->out(), ContainsRegex("\n +4  read +[1-9][0-9]*  .*\n +4  update +[1-9]"));
  EXPECT_THAT(bench->err(), HasSubstr("\nkvctl: interrupted after "));
}

TEST_P(KvctlBenchTest, InterruptedItPrintsWhatItMeasuredForProgramsToo) {
  auto words = Words({"--duration=1h", "-o", "json", "-e", cluster_.endpoints()});
  Process bench(KvctlCommand(words));
  // Programs see no progress.
  ASSERT_TRUE(Eventually([&] { return Has("bench/000000000000000199"); }));
  EXPECT_EQ(bench.Wait(std::chrono::seconds(1)), std::nullopt);
  // As timeout(1) does it: to the process, and to its group.
  bench.Signal(SIGTERM);
  bench.Signal(SIGTERM);
  EXPECT_EQ(bench.Wait(kPatience), 128 + SIGTERM);
  EXPECT_EQ(json::parse(bench.out()).at("interrupted"), true);
  EXPECT_EQ(bench.err(), "");
}

// The only endpoint it was given, in the first of two runs.
TEST_P(KvctlBenchTest, NodeThatDiesMakesOperationsLateAndFailsNone) {
  Process bench(
      KvctlCommand(Words({"--threads=8,2", "--duration=1500ms", "-e", cluster_.address(1)})));
  ASSERT_TRUE(Eventually([&] { return bench.err().find(" ops/s") != std::string::npos; }));
  cluster_.Kill(1);
  EXPECT_EQ(bench.Wait(kPatience), 0) << bench.err();
  EXPECT_THAT(bench.out(), ContainsRegex("\n +2  read +[1-9][0-9]* .* 0 +0\n"));
}

TEST_P(KvctlBenchTest, WhereNoMajorityIsWhatFailsIsCounted) {
  ASSERT_EQ(Bench({"--no-run"}).code, 0);
  cluster_.Kill(2);
  cluster_.Kill(3);
  const Finished bench =
      Bench({"--no-load", "--mix=update=100", "--duration=500ms", "-t", "300ms", "-o", "json"});
  EXPECT_THAT(bench.code, AnyOf(6, 7)) << bench;
  const json update = json::parse(bench.out).at("operations").at("update");
  EXPECT_EQ(update.at("answered"), 0);
  EXPECT_TRUE(update.at("p50_ms").is_null());
  EXPECT_GT(update.at("errors").get<int>() + update.at("unknown").get<int>(), 0);
  EXPECT_EQ(json::parse(bench.err).at("error").at("exit_code"), bench.code);
}

}  // namespace
}  // namespace kvd::testing
