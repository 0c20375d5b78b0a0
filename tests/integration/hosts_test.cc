// Nodes on hosts of their own, with addresses of their own, between which the network fails as
// networks do: both ways, one way, and for one pair only.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/files.h"
#include "tests/support/hosts.h"

namespace kvd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kNodes = 3;
constexpr int kSpare = 4;        // Another host, for whoever joins or moves.
constexpr int kUnreachable = 5;  // What kvctl says by its exit code.
constexpr int kRefused = 6;
constexpr int kKeys = 30;  // Enough for every node to own some.

class HostsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = Hosts::WhyNone(); !why.empty()) GTEST_SKIP() << why;
    hosts_ = std::make_unique<Hosts>(kSpare);
    WriteWholeFile(FileOf("cluster"), FileText({1, 2, 3}));
    for (int node = 1; node <= kNodes; ++node) Start(node, "cluster");
    AwaitHealthy({1, 2, 3});
  }

  void TearDown() override {
    if (!HasFailure()) return;
    for (int node = 1; node <= kSpare; ++node) {
      std::cout << "---- log of " << NodeName(node) << "\n" << ReadWholeFile(LogOf(node));
    }
  }

  // The cluster's file, if node i is on the host at [i - 1].
  [[nodiscard]] std::string FileText(const std::vector<int>& hosts) const {
    std::string text = "version: 1\ncluster: { name: demo, partitions: 64 }\nnodes:\n";
    for (size_t i = 0; i < hosts.size(); ++i) {
      text += fmt::format("  - {{ name: {}, address: \"{}\" }}\n",
                          NodeName(static_cast<int>(i) + 1), EndpointOf(hosts[i]));
    }
    return text + fmt::format(
                      "defaults: {{ data_dir: '{}/${{node}}', http_listen: \"\" }}\n"
                      "tls: {{ allow_insecure: true }}\n"
                      "timeouts: {{ drain_delay: 0s }}\n",
                      folder_.path().string());
  }

  void Start(int node, const std::string& file, const std::vector<std::string>& more = {},
             std::optional<int> host = std::nullopt) {
    std::vector<std::string> words = {KvdBinary(),    "--config",     FileOf(file), "--node",
                                      NodeName(node), "--log-format", "text"};
    words.insert(words.end(), more.begin(), more.end());
    processes_[node] = std::make_unique<Process>(Process::Options{
        .command = hosts_->On(host.value_or(node), std::move(words)), .log_file = LogOf(node)});
  }

  void Kill(int node) {
    processes_.at(node)->Signal(SIGKILL);
    EXPECT_TRUE(processes_.at(node)->Wait(kPatience));
  }

  // From outside of all of them, by whoever is at these hosts.
  [[nodiscard]] Finished Kvctl(const std::vector<int>& hosts, std::vector<std::string> words,
                               const std::string& in = {}) const {
    std::string endpoints;
    for (const int host : hosts) endpoints += (endpoints.empty() ? "" : ",") + EndpointOf(host);
    words.insert(words.begin(), {"--insecure", "-e", endpoints});
    return RunToEnd({.command = hosts_->On(0, KvctlCommand(std::move(words)).command), .in = in});
  }

  void AwaitHealthy(const std::vector<int>& hosts) const {
    for (const int host : hosts) {
      ASSERT_TRUE(Eventually([&] { return Kvctl({host}, {"status"}).code == 0; }))
          << Kvctl({host}, {"status"});
    }
  }

  void PutAll(const std::vector<int>& hosts, const std::string& value) const {
    for (int i = 0; i < kKeys; ++i) {
      const Finished put = Kvctl(hosts, {"put", KeyOf(i), value});
      ASSERT_EQ(put.code, 0) << KeyOf(i) << put;
    }
  }

  void ExpectAll(const std::vector<int>& hosts, const std::string& value) const {
    for (int i = 0; i < kKeys; ++i) {
      const Finished got = Kvctl(hosts, {"get", KeyOf(i)});
      EXPECT_EQ(got.code, 0) << KeyOf(i) << got;
      EXPECT_EQ(got.out, value) << KeyOf(i);
    }
  }

  // Bytes that came in from the network.
  [[nodiscard]] double ReceivedBy(const std::vector<int>& hosts) const {
    double bytes = 0;
    for (const int host : hosts) {
      const Finished read = RunToEnd(
          {.command = hosts_->On(host, {"sh", "-c", "grep eth0: /proc/net/dev | cut -d: -f2"})});
      bytes += std::stod(read.out);
    }
    return bytes;
  }

  // Not even what it has: that is old.
  void ExpectNothingFrom(int host) const {
    for (int i = 0; i < kKeys / 4; ++i) {
      const Finished got = Kvctl({host}, {"--timeout", "1s", "get", KeyOf(i)});
      EXPECT_THAT(got.code, AnyOf(kUnreachable, kRefused)) << KeyOf(i) << got;
    }
  }

  // While packets from the one to the other are lost, in each of these pairs: whatever n1 owned is
  // owned by those who hear one another.
  void ExpectNothingOfN1While(const std::vector<std::pair<int, int>>& lost) {
    PutAll({1, 2, 3}, "before");
    for (const auto& [from, to] : lost) hosts_->Lose(from, to);
    PutAll({2, 3}, "without n1");
    ExpectNothingFrom(1);
    for (const auto& [from, to] : lost) hosts_->Deliver(from, to);
    AwaitHealthy({1, 2, 3});
    ExpectAll({1}, "without n1");
  }

  [[nodiscard]] static std::string EndpointOf(int host) { return Hosts::AddressOf(host) + ":7400"; }
  [[nodiscard]] static std::string KeyOf(int number) { return "key" + std::to_string(number); }
  [[nodiscard]] std::string FileOf(const std::string& name) const {
    return (folder_.path() / (name + ".yaml")).string();
  }
  [[nodiscard]] std::string LogOf(int node) const {
    return (folder_.path() / (NodeName(node) + ".log")).string();
  }

  TempFolder folder_;
  std::unique_ptr<Hosts> hosts_;
  std::map<int, std::unique_ptr<Process>> processes_;
};

TEST_F(HostsTest, TheMajorityGoesOnWithoutAHostThatIsUnplugged) {
  PutAll({1, 2, 3}, "before");
  hosts_->Unplug(1);
  PutAll({2, 3}, "without n1");
  ExpectAll({2}, "without n1");
  hosts_->Plug(1);
  AwaitHealthy({1, 2, 3});
  ExpectAll({1}, "without n1");
}

TEST_F(HostsTest, WhoHearsOthersAndIsNotHeardServesNothing) {
  ExpectNothingOfN1While({{1, 2}, {1, 3}});
}

TEST_F(HostsTest, WhoIsHeardAndHearsNobodyServesNothing) {
  ExpectNothingOfN1While({{2, 1}, {3, 1}});
}

// One pair does not hear one another, and a third one hears both.
TEST_F(HostsTest, APairThatIsCutApartCostsNobodyAnOperation) {
  PutAll({1, 2, 3}, "before");
  hosts_->Lose(1, 2);
  hosts_->Lose(2, 1);
  PutAll({3, 1, 2}, "while cut apart");
  ExpectAll({3}, "while cut apart");
  PutAll({1, 3}, "by n1");
  PutAll({2, 3}, "by n2");
  hosts_->Deliver(1, 2);
  hosts_->Deliver(2, 1);
  AwaitHealthy({1, 2, 3});
  for (int host = 1; host <= kNodes; ++host) ExpectAll({host}, "by n2");
}

TEST_F(HostsTest, ANodeOfAnotherHostJoinsByTheAddressOfOne) {
  PutAll({1, 2, 3}, "before");
  WriteWholeFile(FileOf("joiner"), FileText({1, 2, 3, kSpare}));
  Start(4, "joiner", {"--join", Hosts::AddressOf(2) + ":7401"}, kSpare);
  AwaitHealthy({kSpare});
  const Finished status = Kvctl({1}, {"status"});
  EXPECT_THAT(status.out, HasSubstr(EndpointOf(kSpare)));
  ExpectAll({kSpare}, "before");
}

TEST_F(HostsTest, APlanTellsWithinAFifthWhatTheNetworkWillCarry) {
  constexpr int kValues = 100;  // Large, so that heartbeats weigh nothing beside them.
  const std::string value(250'000, 'v');
  WriteWholeFile(FileOf("joiner"), FileText({1, 2, 3, kSpare}));
  Start(4, "joiner", {}, kSpare);
  AwaitHealthy({1, 2, 3, kSpare});
  ASSERT_EQ(Kvctl({1}, {"jobs", "--watch"}).code, 0) << "n4 is in";
  for (int i = 0; i < kValues; ++i) {
    const Finished put = Kvctl({1}, {"put", KeyOf(i), "-"}, value);
    ASSERT_EQ(put.code, 0) << put;
  }
  const Finished plan = Kvctl({1}, {"leave", "n4", "--plan", "-o", "json"});
  ASSERT_EQ(plan.code, 0) << plan;
  const auto planned = nlohmann::json::parse(plan.out)["bytes"].get<double>();
  const double before = ReceivedBy({1, 2, 3});
  const Finished left = Kvctl({1}, {"leave", "n4", "--yes", "--wait"});
  ASSERT_EQ(left.code, 0) << left;
  const double moved = ReceivedBy({1, 2, 3}) - before;
  std::cout << "planned " << planned << " bytes, received " << moved << "\n";
  EXPECT_GT(planned, static_cast<double>(kValues * value.size()) / 2);
  EXPECT_NEAR(moved, planned, planned / 5);
}

// The disk is what a node is: it comes back on another host, and those who were not told find it.
TEST_F(HostsTest, ANodeMovesToAnotherHostWithItsDisk) {
  PutAll({1, 2, 3}, "before");
  Kill(3);
  WriteWholeFile(FileOf("moved"), FileText({1, 2, kSpare}));
  Start(3, "moved", {}, kSpare);
  AwaitHealthy({1, 2, kSpare});
  EXPECT_THAT(Kvctl({1}, {"status"}).out, HasSubstr(EndpointOf(kSpare)));
  ExpectAll({kSpare}, "before");
}

}  // namespace
}  // namespace kvd::testing
