// How nodes that share a file become a cluster, and how those that should not do not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::testing {
namespace {

using ::testing::HasSubstr;

bool StatusSays(const Cluster& cluster, int node, const std::string& text) {
  return Eventually([&] {
    const auto status = cluster.ClientOf(node).GetStatus();
    return status.ok() && status->waiting_for.find(text) != std::string::npos;
  });
}

bool Logs(const Cluster& cluster, int node, const std::string& text) {
  return Eventually([&] { return cluster.log(node).find(text) != std::string::npos; });
}

TEST(FoundingTest, NothingIsFoundedUntilEveryListedNodeIsUp) {
  Cluster cluster({.start = false});
  cluster.Start(1);
  cluster.Start(2);
  ASSERT_TRUE(StatusSays(cluster, 1, "n3"));
  ASSERT_TRUE(StatusSays(cluster, 2, "waiting for the topology"));

  const auto put = cluster.ClientOf(1).Put("key", "value", {.timeout = std::chrono::seconds(5)});
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().reason, Reason::kNodeJoining) << put.error().message;
  const Finished status = cluster.KvctlAt(1, {"status"});
  EXPECT_EQ(status.code, 12) << status;
  EXPECT_THAT(status.out, HasSubstr("FOUNDING"));
  EXPECT_EQ(cluster.KvctlAt(1, {"put", "key", "value"}).code, 6);
  EXPECT_EQ(cluster.KvctlAt(1, {"ring"}).code, 6);

  cluster.Start(3);
  cluster.AwaitReady();
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
}

TEST(FoundingTest, ANodeThatDiesWhileItWaitsIsFoundedAfterItsRestart) {
  Cluster cluster({.start = false});
  for (const int node : {1, 2}) cluster.Start(node);
  ASSERT_TRUE(Logs(cluster, 1, "bound to cluster"));
  ASSERT_TRUE(Logs(cluster, 2, "bound to cluster"));
  for (const int node : {1, 2}) cluster.Kill(node);
  cluster.StartAll();
  cluster.AwaitReady();
}

TEST(FoundingTest, FilesThatDisagreeFoundNothingAndTheNodesSayWhatDiffers) {
  Cluster cluster({.nodes = 2, .start = false});
  cluster.Start(1);
  ASSERT_TRUE(StatusSays(cluster, 1, "n2"));
  std::string text = cluster.FileText(Cluster::kQuickStop);
  const std::string name = "cluster: { name: demo";
  text.replace(text.find(name), name.size(), name + ", partitions: 512");
  WriteWholeFile(cluster.file(), text);
  cluster.Start(2);
  ASSERT_TRUE(Logs(cluster, 1, "512"));
  EXPECT_TRUE(Logs(cluster, 1, "256"));
  EXPECT_TRUE(StatusSays(cluster, 1, "512"));
  EXPECT_FALSE(cluster.ClientOf(2).Put("key", "", {.timeout = std::chrono::seconds(1)}).ok());

  WriteWholeFile(cluster.file(), cluster.FileText(Cluster::kQuickStop));
  EXPECT_EQ(cluster.Stop(2), 0);
  cluster.Start(2);
  cluster.AwaitReady();
}

TEST(FoundingTest, ANodeWhoseDiskWasWipedDoesNotBecomeItsOldSelf) {
  Cluster cluster;
  cluster.Kill(2);
  std::filesystem::remove_all(cluster.data_dir(2));
  cluster.Start(2);
  ASSERT_TRUE(StatusSays(cluster, 2, "name n2 is in use by"));
  EXPECT_TRUE(Logs(cluster, 2, "name n2 is in use by"));
  EXPECT_TRUE(Eventually([&] { return cluster.StateOf(2, 1) == client::NodeState::kDown; }));
}

TEST(FoundingTest, AFileThatChangedWhatTheClusterIsStopsTheNodeAndNamesBothValues) {
  Cluster cluster({.nodes = 1});
  EXPECT_EQ(cluster.Stop(1), 0);
  std::string text = cluster.FileText(Cluster::kQuickStop);
  const std::string name = "cluster: { name: demo";
  text.replace(text.find(name), name.size(), name + ", partitions: 512");
  WriteWholeFile(cluster.file(), text);
  const Finished refused = RunToEnd({.command = cluster.Command(1)});
  EXPECT_EQ(refused.code, 78) << refused;
  EXPECT_THAT(refused.err, HasSubstr("512"));
  EXPECT_THAT(refused.err, HasSubstr("256"));
}

}  // namespace
}  // namespace kvd::testing
