// What a monitoring system sees of nodes that live, that lose their majority, hang, drain, or have
// yet to be founded.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/http.h"

namespace kvd::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

MATCHER_P(Shows, line, "") {
  return ("\n" + arg).find("\n" + std::string(line) + "\n") != std::string::npos;
}

// A number of a page; -1: it is not there.
double NumberOf(const std::string& page, const std::string& series) {
  const size_t at = page.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(page.substr(at + series.size() + 2));
}

// "127.0.0.1:7480" in "... http_address=127.0.0.1:7480 ...".
std::string FieldOf(const std::string& log, const std::string& field) {
  const size_t begin = log.find(" " + field + "=") + field.size() + 2;
  return log.substr(begin, log.find_first_of(" \n", begin) - begin);
}

// A pipe with a name, which is read when the test likes.
class LogPipe {
 public:
  explicit LogPipe(std::filesystem::path path) : path_(std::move(path)) {
    EXPECT_EQ(mkfifo(path_.c_str(), S_IRUSR | S_IWUSR), 0);
    fd_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
  }
  ~LogPipe() { close(fd_); }
  LogPipe(const LogPipe&) = delete;
  LogPipe& operator=(const LogPipe&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }

  // What is in it.
  [[nodiscard]] std::string Read() const {
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = read(fd_, piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<size_t>(got));
    }
    return all;
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

class ObservationTest : public ::testing::Test {
 protected:
  HttpAnswer Get(int node, const std::string& target) const {
    return HttpGet(cluster_.http_address(node), target);
  }

  std::string Metrics(int node) const {
    const HttpAnswer answer = Get(node, "/metrics");
    EXPECT_EQ(answer.code, 200) << answer;
    EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    return answer.body;
  }

  Cluster cluster_{{.partitions = 16, .http = true}};
};

TEST_F(ObservationTest, EveryNodeOfAWholeClusterLivesAndIsReady) {
  double owned = 0;
  for (int node = 1; node <= 3; ++node) {
    EXPECT_EQ(Get(node, "/livez").body, "live\n");
    EXPECT_EQ(Get(node, "/livez?verbose").body, "node: ok\nlive\n");
    EXPECT_TRUE(Eventually([&] { return Get(node, "/readyz").code == 200; }));
    EXPECT_EQ(
        Get(node, "/readyz?verbose").body,
        "node: ok\nmember: ok\nserving: ok\nreplicas: ok\nowners: ok\ncaught_up: ok\nready\n");
    const std::string page = Metrics(node);
    for (const char* line :
         {"kvd_runtime_shard_answering{shard=\"0\"} 1", "kvd_topology_nodes{state=\"up\"} 3",
          "kvd_partition_replicas 16", "kvd_partition_leaderless_replicas 0"}) {
      EXPECT_THAT(page, Shows(line));
    }
    EXPECT_GE(NumberOf(page, "kvd_topology_epoch"), 1);
    EXPECT_GT(NumberOf(page, "kvd_storage_fsync_seconds_count"), 0);
    EXPECT_GT(NumberOf(page, "kvd_storage_log_written_bytes_total"), 0);
    EXPECT_GT(NumberOf(page, "kvd_storage_free_bytes"), 0);
    EXPECT_GT(NumberOf(page, "process_resident_memory_bytes"), 0);
    EXPECT_GE(NumberOf(page, "kvd_runtime_mailbox_depth{shard=\"0\"}"), 0);
    EXPECT_THAT(page, ContainsRegex("kvd_build_info\\{version=\"[0-9.]+\"\\} 1\n"));
    owned += NumberOf(page, "kvd_partition_owned");
  }
  EXPECT_EQ(owned, 16);
}

TEST_F(ObservationTest, WhatClientsDoIsCountedWhereTheyAsk) {
  const client::Client client = cluster_.ClientOf(1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.Put("key", std::string(10'000, 'v')).ok());
  ASSERT_TRUE(client.Get("key").ok());
  const std::string page = Metrics(1);
  EXPECT_THAT(page, Shows("kvd_rpc_requests_total{op=\"put\",reason=\"OK\"} 3"));
  EXPECT_THAT(page, Shows("kvd_rpc_requests_total{op=\"get\",reason=\"OK\"} 1"));
  EXPECT_THAT(page, Shows("kvd_rpc_request_seconds_count{op=\"put\"} 3"));
  EXPECT_GT(NumberOf(page, "kvd_rpc_request_seconds_sum{op=\"put\"}"), 0);
  EXPECT_THAT(page, Shows("kvd_rpc_inflight_bytes 0"));
  EXPECT_THAT(Metrics(2), Shows("kvd_rpc_requests_total{op=\"put\",reason=\"OK\"} 0"));
  for (int node = 1; node <= 3; ++node) {
    EXPECT_TRUE(Eventually(
        [&] { return NumberOf(Metrics(node), "kvd_storage_put_bytes_total") >= 30'000; }));
  }
}

TEST_F(ObservationTest, PipelinesAreCountedToo) {
  const Finished bench = cluster_.Kvctl(
      {"bench", "--records=200", "--duration=100ms", "--mix=read=50,update=50", "--pipeline"});
  ASSERT_EQ(bench.code, 0) << bench;
  const std::string page = Metrics(1);
  EXPECT_GT(NumberOf(page, "kvd_rpc_requests_total{op=\"put\",reason=\"OK\"}"), 0);
  EXPECT_GT(NumberOf(page, "kvd_rpc_requests_total{op=\"get\",reason=\"OK\"}"), 0);
  EXPECT_THAT(page, Shows("kvd_rpc_inflight_operations 0"));
}

TEST_F(ObservationTest, OwnersTimeWhatTheyCommitAndEveryReplicaWhatItApplies) {
  const auto sum_of = [this](const std::string& series) {
    double sum = 0;
    for (int node = 1; node <= 3; ++node) sum += NumberOf(Metrics(node), series);
    return sum;
  };
  const double before = sum_of("kvd_raft_commit_seconds_count");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(cluster_.ClientOf(1).Put("key" + std::to_string(i), "v").ok());
  }
  EXPECT_EQ(sum_of("kvd_raft_commit_seconds_count"), before + 20);
  EXPECT_GT(sum_of("kvd_raft_commit_seconds_sum"), 0);
  EXPECT_EQ(sum_of("kvd_raft_led_groups"), 17) << "with the one of the topology";
  EXPECT_GT(NumberOf(Metrics(1), "kvd_node_forwards_total"), 0) << "it owns a third of the keys";
  for (int node = 1; node <= 3; ++node) {
    EXPECT_GT(NumberOf(Metrics(node), "kvd_partition_apply_seconds_count"), 0);
  }
}

TEST_F(ObservationTest, ALostNodeIsCountedAsSuspectedAndAsElections) {
  EXPECT_THAT(Metrics(1), Shows("kvd_heartbeat_suspicions_total{peer=\"n3\"} 0"));
  cluster_.Kill(3);
  EXPECT_TRUE(Eventually(
      [&] { return NumberOf(Metrics(1), "kvd_topology_partitions_under_replicated") == 16; }));
  EXPECT_TRUE(Eventually(
      [&] { return NumberOf(Metrics(1), "kvd_heartbeat_suspicions_total{peer=\"n3\"}") == 1; }));
  EXPECT_TRUE(Eventually([&] {
    const std::string series = "kvd_raft_elections_total{reason=\"suspicion\"}";
    return NumberOf(Metrics(1), series) + NumberOf(Metrics(2), series) >= 5;
  })) << "n3 led a third of the groups";
}

// The names of a page's families, and those that the tables of a text explain.
std::set<std::string> NamesOn(const std::string& page) {
  std::set<std::string> names;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    names.insert(line.substr(7, line.rfind(' ') - 7));
  }
  return names;
}
std::set<std::string> NamesIn(const std::string& text) {
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) names.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return names;
}

TEST_F(ObservationTest, EveryMetricIsExplainedAndEveryExplainedOneIsThere) {
  const std::string text = ReadWholeFile(std::string(KVD_SOURCE_DIR) + "/deploy/metrics.md");
  EXPECT_EQ(NamesOn(Metrics(1)), NamesIn(text));
}

TEST_F(ObservationTest, WhoSpeaksBadlyHarmsNobody) {
  const std::string address = cluster_.http_address(1);
  const auto port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  std::vector<HttpConnection> idle;
  for (int i = 0; i < 200; ++i) idle.emplace_back(port);
  const HttpConnection garbage(port);
  garbage.Send(std::string("\x16\x03\x01\0\xff\r\n\r\n", 9));
  EXPECT_EQ(ParseAnswer(garbage.ReadToEnd()).code, 400);
  const HttpConnection huge(port);
  huge.Send("GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
  EXPECT_EQ(ParseAnswer(huge.ReadToEnd()).code, 431);
  EXPECT_EQ(Get(1, "/livez").code, 200);
  EXPECT_TRUE(cluster_.ClientOf(1).Put("key", "value").ok());
}

TEST_F(ObservationTest, WithoutAMajorityANodeLivesAndSaysWhatIsMissing) {
  cluster_.Kill(2);
  cluster_.Kill(3);
  EXPECT_TRUE(Eventually([&] { return Get(1, "/readyz").code == 503; }));
  EXPECT_TRUE(Eventually([&] {
    return Get(1, "/readyz").body.find("owners: 16 of 16 replicas have no owner") == 0;
  })) << Get(1, "/readyz");
  EXPECT_EQ(Get(1, "/livez").code, 200);
  const std::string page = Metrics(1);
  EXPECT_THAT(page, Shows("kvd_partition_leaderless_replicas 16"));
  EXPECT_THAT(page, Shows("kvd_topology_nodes{state=\"up\"} 1"));
  EXPECT_NE(cluster_.KvctlAt(1, {"put", "key", "value", "--timeout", "1s"}).code, 0);
  EXPECT_GT(NumberOf(Metrics(1), "kvd_rpc_requests_total{op=\"put\",reason=\"NO_MAJORITY\"}"), 0);

  cluster_.Start(2);
  EXPECT_TRUE(Eventually([&] { return Get(1, "/readyz").code == 200; })) << Get(1, "/readyz");
  EXPECT_TRUE(Eventually([&] { return Get(2, "/readyz").code == 200; })) << Get(2, "/readyz");
}

TEST_F(ObservationTest, WhatIsNotServedIsRefused) {
  EXPECT_EQ(Get(1, "/").code, 404);
  EXPECT_EQ(Get(1, "/metrics/").code, 404);
  EXPECT_THAT(Get(1, "/healthz").body, AllOf(HasSubstr("/livez"), HasSubstr("/readyz")));
  const std::string address = cluster_.http_address(1);
  const auto port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  const HttpConnection post(port);
  post.Send("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(ParseAnswer(post.ReadToEnd()).code, 405);
}

TEST(ObservationAloneTest, ANodeThatDrainsIsNotReadyWhileItServes) {
  Cluster cluster(
      {.nodes = 1, .partitions = 16, .settings = "timeouts: { drain_delay: 10m }\n", .http = true});
  EXPECT_EQ(HttpGet(cluster.http_address(1), "/readyz").code, 200);
  cluster.process(1).Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return HttpGet(cluster.http_address(1), "/readyz").code == 503; }));
  const HttpAnswer draining = HttpGet(cluster.http_address(1), "/readyz");
  EXPECT_THAT(draining.body, AllOf(HasSubstr("serving: draining"), HasSubstr("not ready")));
  EXPECT_EQ(HttpGet(cluster.http_address(1), "/livez").code, 200);
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  cluster.process(1).Signal(SIGTERM);  // The second one stops at once.
  EXPECT_EQ(cluster.AwaitEnd(1), 0);
}

TEST(ObservationAloneTest, WhoWaitsToBeFoundedLivesAndSaysForWhom) {
  Cluster cluster({.partitions = 16, .http = true, .start = false});
  cluster.Start(1);
  ASSERT_TRUE(Eventually([&] { return !cluster.http_address(1).empty(); }));
  EXPECT_EQ(HttpGet(cluster.http_address(1), "/livez").code, 200);
  const HttpAnswer waiting = HttpGet(cluster.http_address(1), "/readyz");
  EXPECT_EQ(waiting.code, 503);
  EXPECT_THAT(waiting.body, HasSubstr("member: waiting for "));
  EXPECT_THAT(HttpGet(cluster.http_address(1), "/metrics").body, Shows("kvd_topology_epoch 0"));
}

TEST(ObservationAloneTest, ANodeDividedIntoShardsShowsEachAndWhatTheyHoldTogether) {
  const Cluster cluster({.partitions = 16, .divided = true, .http = true});
  double owned = 0;
  for (int node = 1; node <= 3; ++node) {
    const std::string address = cluster.http_address(node);
    EXPECT_TRUE(Eventually([&] { return HttpGet(address, "/readyz").code == 200; }));
    const std::string page = HttpGet(address, "/metrics").body;
    for (int shard = 0; shard < node; ++shard) {
      EXPECT_THAT(page, Shows(fmt::format("kvd_runtime_shard_answering{{shard=\"{}\"}} 1", shard)));
      EXPECT_GE(NumberOf(page, fmt::format("kvd_runtime_mailbox_depth{{shard=\"{}\"}}", shard)), 0);
    }
    EXPECT_THAT(page, Not(HasSubstr(fmt::format("shard=\"{}\"", node))));
    EXPECT_THAT(page, Shows("kvd_partition_replicas 16"));
    owned += NumberOf(page, "kvd_partition_owned");
  }
  EXPECT_EQ(owned, 16);
}

// Nobody reads what the node writes to its log, until the pipe is full: whoever runs the node then
// waits in the middle of a round.
TEST(ObservationAloneTest, OfANodeThatIsStuckItIsSaid) {
  Cluster cluster({.nodes = 1, .partitions = 16, .http = true, .start = false});
  const LogPipe pipe(cluster.folder() / "pipe");
  auto command = cluster.Command(1);
  command.insert(command.begin(), {"sh", "-c", "exec \"$@\" 2>" + pipe.path(), "sh"});
  const Process node({.command = command});
  std::string log;
  ASSERT_TRUE(Eventually([&] {
    log += pipe.Read();
    return log.find(" uuid=") != std::string::npos;
  }));
  const std::string address = FieldOf(log, "http_address");
  ASSERT_TRUE(Eventually([&] { return HttpGet(address, "/readyz").code == 200; })) << log;

  ASSERT_TRUE(Eventually([&] {
    node.Signal(SIGUSR2);  // Writes some lines.
    return HttpGet(address, "/livez").code == 503;
  }));
  EXPECT_THAT(HttpGet(address, "/livez").body, HasSubstr("node: has not answered"));
  EXPECT_EQ(HttpGet(address, "/readyz").code, 503);
  const HttpAnswer page = HttpGet(address, "/metrics");
  EXPECT_EQ(page.code, 200);
  EXPECT_THAT(page.body, Shows("kvd_runtime_shard_answering{shard=\"0\"} 0"));
  EXPECT_THAT(page.body, Not(HasSubstr("kvd_topology_epoch")));
  EXPECT_GT(NumberOf(page.body, "kvd_storage_fsync_seconds_count"), 0);
  EXPECT_GT(NumberOf(page.body, "kvd_runtime_mailbox_depth{shard=\"0\"}"), 0);

  EXPECT_TRUE(Eventually([&] {
    (void)pipe.Read();
    return HttpGet(address, "/readyz").code == 200;
  })) << "it goes on as if nothing had been";
}

TEST(ObservationAloneTest, WhereHttpIsOffNothingIsSaidOfIt) {
  const Cluster cluster({.nodes = 1, .partitions = 16});
  EXPECT_THAT(cluster.log(1), AllOf(HasSubstr(" serves "), Not(HasSubstr("http_address"))));
}

}  // namespace
}  // namespace kvd::testing
