// What kvd does when it is told something: TERM, INT, HUP, USR1.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool Logs(const Cluster& cluster, int node, const std::string& text) {
  return Eventually([&] { return cluster.log(node).find(text) != std::string::npos; });
}

TEST(SignalTest, TermAndIntStopCleanlyAndTheDataIsServedAgain) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Cluster cluster({.nodes = 1});
    ASSERT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
    EXPECT_FALSE(std::filesystem::exists(cluster.data_dir(1) / "CLEAN"));
    cluster.process(1).Signal(signal);
    EXPECT_EQ(cluster.process(1).Wait(kPatience), 0);
    EXPECT_TRUE(std::filesystem::exists(cluster.data_dir(1) / "CLEAN"));
    EXPECT_THAT(cluster.log(1), HasSubstr("stopped"));

    cluster.Start(1);
    cluster.AwaitReady();
    EXPECT_EQ(cluster.ClientOf(1).Get("key")->entry->value, "value");
  }
}

TEST(SignalTest, AllNodesStoppedAtOnceStop) {
  Cluster cluster;
  ASSERT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  for (int node = 1; node <= 3; ++node) cluster.process(node).Signal(SIGTERM);
  for (int node = 1; node <= 3; ++node) EXPECT_EQ(cluster.Stop(node), 0);
}

// Writers that each count up under a key of their own, until told to stop.
class CountingWriters {
 public:
  explicit CountingWriters(const client::Client& client) : client_(client) {
    for (size_t i = 0; i < counts_.size(); ++i) threads_.emplace_back([this, i] { Write(i); });
  }
  ~CountingWriters() { Stop(); }

  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] uint64_t failed() const { return failed_; }

  void ExpectNothingLost(const client::Client& client) const {
    for (size_t i = 0; i < counts_.size(); ++i) {
      const auto get = client.Get("writer" + std::to_string(i));
      ASSERT_TRUE(get.ok()) << get.error().message;
      const uint64_t found = get->entry ? std::stoull(get->entry->value) : 0;
      EXPECT_GE(found, counts_[i].acknowledged) << "an acknowledged write is lost";
      EXPECT_LE(found, counts_[i].perhaps) << "a refused write was applied";
    }
  }

 private:
  struct Count {
    uint64_t acknowledged = 0;
    uint64_t perhaps = 0;  // The last that was not refused.
  };

  void Write(size_t writer) {
    Count& count = counts_.at(writer);
    for (uint64_t n = 1; !stopping_; ++n) {
      const auto put = client_.Put("writer" + std::to_string(writer), std::to_string(n));
      if (put.ok()) {
        count.acknowledged = n;
        ++acknowledged_;
      } else {
        ++failed_;
      }
      if (put.ok() || put.error().kind == client::ErrorKind::kOutcomeUnknown) count.perhaps = n;
    }
  }

  const client::Client& client_;
  std::array<Count, 8> counts_{};
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> acknowledged_ = 0;
  std::atomic<uint64_t> failed_ = 0;
  std::vector<std::thread> threads_;
};

TEST(SignalTest, WhoeverLeavesWhileTheNodeDrainsHasNoFailedRequest) {
  Cluster cluster({.nodes = 1, .settings = "timeouts: { drain_delay: 3s }\n"});
  const client::Client client = cluster.ClientOf(1);
  CountingWriters writers(client);
  EXPECT_TRUE(Eventually([&] { return writers.acknowledged() > 500; }));
  cluster.process(1).Signal(SIGTERM);
  ASSERT_TRUE(Logs(cluster, 1, "draining, asked to stop"));
  writers.Stop();
  EXPECT_EQ(writers.failed(), 0U);

  EXPECT_EQ(cluster.process(1).Wait(kPatience), 0);
  cluster.Start(1);
  cluster.AwaitReady();
  writers.ExpectNothingLost(cluster.ClientOf(1));
}

// What is in flight when the node stops is finished, refused or, if the connection closes on it,
// unknown; what was acknowledged stays and what was refused never happened.
TEST(SignalTest, ACleanStopUnderWritersTellsTheTruth) {
  Cluster cluster({.nodes = 1});
  const client::Client client = cluster.ClientOf(1);
  CountingWriters writers(client);
  EXPECT_TRUE(Eventually([&] { return writers.acknowledged() > 500; }));
  EXPECT_EQ(cluster.Stop(1), 0);
  EXPECT_TRUE(std::filesystem::exists(cluster.data_dir(1) / "CLEAN"));
  writers.Stop();

  cluster.Start(1);
  cluster.AwaitReady();
  writers.ExpectNothingLost(cluster.ClientOf(1));
}

TEST(SignalTest, ADrainingNodeStillServesAndSaysSo) {
  Cluster cluster({.nodes = 1, .settings = "timeouts: { drain_delay: 10m }\n"});
  cluster.process(1).Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return cluster.StateOf(1, 1) == client::NodeState::kDraining; }));
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  const Finished status = cluster.Kvctl({"status"});
  EXPECT_EQ(status.code, 12) << status;
  EXPECT_THAT(status.out, HasSubstr("n1 is stopping"));
}

TEST(SignalTest, ASecondTermStopsAtOnceAndLosesNothing) {
  Cluster cluster({.nodes = 1, .settings = "timeouts: { drain_delay: 10m }\n"});
  ASSERT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  cluster.process(1).Signal(SIGTERM);
  ASSERT_TRUE(Logs(cluster, 1, "draining, asked to stop"));
  cluster.process(1).Signal(SIGTERM);
  EXPECT_EQ(cluster.process(1).Wait(kPatience), 0);
  EXPECT_THAT(cluster.log(1), HasSubstr("second signal, stopping at once"));
  EXPECT_FALSE(std::filesystem::exists(cluster.data_dir(1) / "CLEAN"));

  cluster.Start(1);
  cluster.AwaitReady();
  EXPECT_EQ(cluster.ClientOf(1).Get("key")->entry->value, "value");
}

TEST(SignalTest, HupAppliesLimitsAndTheLogLevel) {
  Cluster cluster({.nodes = 1});
  const client::Client client = cluster.ClientOf(1);
  ASSERT_TRUE(client.Put("key", std::string(2000, 'v')).ok());

  WriteWholeFile(cluster.file(), cluster.FileText(std::string(Cluster::kQuickStop) +
                                                  "limits: { max_value_bytes: 1KiB }\n"
                                                  "log: { level: debug }\n"
                                                  "storage: { compression: none }\n"));
  cluster.process(1).Signal(SIGHUP);
  ASSERT_TRUE(Logs(cluster, 1, "configuration reloaded"));
  EXPECT_THAT(cluster.log(1), HasSubstr("key=limits.max_value_bytes"));
  EXPECT_THAT(cluster.log(1), HasSubstr("key=log.level"));
  EXPECT_THAT(cluster.log(1), HasSubstr("needs a restart  key=storage.compression"));

  ASSERT_TRUE(Eventually([&] { return !client.Put("key", std::string(2000, 'v')).ok(); }));
  const auto put = client.Put("key", std::string(2000, 'v'));
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kValueTooLarge);
  EXPECT_EQ(put.error().metadata.at("limit"), "1024");
  EXPECT_TRUE(client.Get("key")->entry.has_value()) << "what is stored stays readable";
}

TEST(SignalTest, HupWithABadFileChangesNothingAndSaysWhy) {
  Cluster cluster({.nodes = 1});
  WriteWholeFile(cluster.file(), cluster.FileText("limits: { max_value_bytes: 1KiB }\n"
                                                  "limitz: {}\n"));
  cluster.process(1).Signal(SIGHUP);
  ASSERT_TRUE(Logs(cluster, 1, "configuration not reloaded, nothing changed"));
  EXPECT_THAT(cluster.log(1), HasSubstr("unknown key 'limitz'"));
  EXPECT_THAT(cluster.log(1), Not(HasSubstr("configuration reloaded")));
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", std::string(2000, 'v')).ok());
  WriteWholeFile(cluster.file(), cluster.FileText(Cluster::kQuickStop));
  EXPECT_EQ(cluster.Stop(1), 0);
}

TEST(SignalTest, Usr1ReopensTheLogFile) {
  Cluster cluster({.nodes = 1, .start = false});
  const auto log = cluster.folder() / "kvd.log";
  WriteWholeFile(cluster.file(), cluster.FileText(Cluster::kQuickStop +
                                                  ("log: { file: '" + log.string() + "' }\n")));
  cluster.Start(1);
  cluster.AwaitReady();
  EXPECT_THAT(ReadWholeFile(log), HasSubstr("serves"));

  std::filesystem::rename(log, log.string() + ".1");
  cluster.process(1).Signal(SIGUSR1);
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(log); }));
  EXPECT_EQ(cluster.Stop(1), 0);
  EXPECT_THAT(ReadWholeFile(log), HasSubstr("draining"));
  EXPECT_THAT(ReadWholeFile(log.string() + ".1"), Not(HasSubstr("draining")));
}

}  // namespace
}  // namespace kvd::testing
