// Data directories as earlier releases left them, made by undoing what this release did
// differently.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "server/storage/rocks/rocks_store.h"
#include "server/storage/segments/segment_log.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

// What a node had on its disk when it had just been founded: the topology was the system group's
// only entry.
void LeaveAsFoundedWithTopologyInLog(const std::filesystem::path& data_dir) {
  const std::string record = ReadWholeFile(data_dir / "TOPOLOGY");
  ASSERT_FALSE(record.empty());
  for (const char* each : {"TOPOLOGY", "log", "data"}) std::filesystem::remove_all(data_dir / each);
  const auto fatal = [](const Status& status) { FAIL() << Message(status); };
  auto opened = storage::OpenSegmentLog((data_dir / "log").string(),
                                        {.last_stop_was_clean = true, .on_fatal = fatal});
  ASSERT_TRUE(opened.ok()) << Message(opened.status());
  const storage::GroupWrite write{.group = kSystemGroup,
                                  .entries = {{.index = 1, .term = 1, .payload = record}}};
  ASSERT_TRUE(opened->log->Append({&write, 1}).ok());
  const auto store = storage::OpenRocksStore((data_dir / "data").string(), {});
  ASSERT_TRUE(store.ok()) << Message(store.status());
}

TEST(UpgradeTest, ATopologyThatIsInTheLogIsMovedToItsFile) {
  Cluster cluster({.nodes = 1});
  const std::string record = ReadWholeFile(cluster.data_dir(1) / "TOPOLOGY");
  EXPECT_EQ(cluster.Stop(1), 0);
  LeaveAsFoundedWithTopologyInLog(cluster.data_dir(1));
  cluster.Start(1);
  cluster.AwaitReady();
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(ReadWholeFile(cluster.data_dir(1) / "TOPOLOGY"), record);
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  cluster.Kill(1);
  cluster.Start(1);
  cluster.AwaitReady();
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(ReadWholeFile(cluster.data_dir(1) / "TOPOLOGY"), record);
  EXPECT_EQ(cluster.ClientOf(1).Get("key")->entry->value, "value");
}

}  // namespace
}  // namespace kvd::testing
