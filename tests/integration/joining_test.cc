// A node that no file of the cluster lists is started beside it, and told where the cluster is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/binaries.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;

// Its file lists itself alone.
class Newcomer {
 public:
  explicit Newcomer(const std::string& cluster_name = "demo") {
    WriteWholeFile(folder_.path() / "own.yaml",
                   "version: 1\ncluster: { name: " + cluster_name + " }\n" + Cluster::kQuickStop +
                       "nodes:\n  - { name: n9, address: \"" + port_.address() +
                       "\", peer_address: \"" + peer_port_.address() + "\", data_dir: \"" +
                       (folder_.path() / "data").string() + "\" }\n");
  }

  void Start(const std::vector<std::string>& more) {
    std::vector<std::string> command = {KvdBinary(), "--config",
                                        (folder_.path() / "own.yaml").string()};
    command.insert(command.end(), more.begin(), more.end());
    process_ = std::make_unique<Process>(
        Process::Options{.command = command, .log_file = (folder_.path() / "log").string()});
  }

  int Stop() {
    process_->Signal(SIGTERM);
    return process_->Wait(kPatience).value_or(-1);
  }

  [[nodiscard]] client::Client Client() const { return ClientAt(port_.address()); }
  [[nodiscard]] std::string log() const { return ReadWholeFile(folder_.path() / "log"); }

  [[nodiscard]] bool SaysItWaits(const std::string& why) const {
    return Eventually([&] {
      const auto status = Client().GetStatus();
      return status.ok() && status->waiting_for.find(why) != std::string::npos;
    });
  }

  // It sees itself and the others, and all are up.
  [[nodiscard]] bool IsOneOf(size_t nodes) const {
    return Eventually([&] {
      const auto status = Client().GetStatus();
      return status.ok() && status->waiting_for.empty() && status->nodes.size() == nodes &&
             std::ranges::all_of(status->nodes, [](const client::NodeStatus& each) {
               return each.state == client::NodeState::kUp;
             });
    });
  }

 private:
  TempFolder folder_;
  ReservedPort port_;
  ReservedPort peer_port_;
  std::unique_ptr<Process> process_;
};

TEST(JoiningTest, ANodeThatWasToldWhereTheClusterIsBecomesAMember) {
  Cluster cluster;
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  Newcomer n9;
  n9.Start({"--join", cluster.peer_address(2)});
  ASSERT_TRUE(n9.IsOneOf(4)) << n9.log();
  EXPECT_EQ(n9.Client().Get("key")->entry->value, "value");

  // From then on it is a member, told or not.
  EXPECT_EQ(n9.Stop(), 0) << n9.log();
  n9.Start({});
  EXPECT_TRUE(n9.IsOneOf(4)) << n9.log();
  EXPECT_EQ(n9.Stop(), 0) << n9.log();
  n9.Start({"--join", cluster.peer_address(2)});
  EXPECT_TRUE(n9.IsOneOf(4)) << n9.log();
  EXPECT_THAT(n9.log(), HasSubstr("--join is not needed"));
}

TEST(JoiningTest, AClusterOfAnotherNameIsNotJoinedAndBothNamesAreSaid) {
  Cluster cluster({.nodes = 1});
  Newcomer n9("prod");
  n9.Start({"--join", cluster.peer_address(1)});
  EXPECT_TRUE(n9.SaysItWaits("cluster.name is prod in the cluster file and demo in the founded"));
}

TEST(JoiningTest, APortForClientsIsSaidToBeNoneForNodes) {
  Cluster cluster({.nodes = 1});
  Newcomer n9;
  n9.Start({"--join", cluster.address(1)});
  EXPECT_TRUE(n9.SaysItWaits(cluster.address(1) + " is no port for nodes"));
}

TEST(JoiningTest, ANodeThatWasToldToJoinFoundsNothingAlone) {
  const ReservedPort nobody;
  Newcomer n9;
  n9.Start({"--join", nobody.address()});
  EXPECT_TRUE(n9.SaysItWaits("waiting for cluster demo to take n9 in; no answer yet from " +
                             nobody.address()));
}

}  // namespace
}  // namespace kvd::testing
