// Data directories as earlier releases left them, made by undoing what this release did
// differently.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "server/storage/segments/segment_log.h"
#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

// Takes the topology out of its file and into the log, where it was the system group's only entry.
void PutTopologyIntoLog(const std::filesystem::path& data_dir) {
  const std::string record = ReadWholeFile(data_dir / "TOPOLOGY");
  ASSERT_FALSE(record.empty());
  const auto fatal = [](const Status& status) { FAIL() << Message(status); };
  auto opened =
      storage::OpenSegmentLog((data_dir / "log").string(),
                              {.last_stop_was_clean = true, .must_exist = true, .on_fatal = fatal});
  ASSERT_TRUE(opened.ok()) << Message(opened.status());
  const storage::GroupWrite write{.group = kSystemGroup,
                                  .entries = {{.index = 1, .term = 1, .payload = record}}};
  ASSERT_TRUE(opened->log->Append({&write, 1}).ok());
  std::filesystem::remove(data_dir / "TOPOLOGY");
}

TEST(UpgradeTest, ATopologyThatIsInTheLogIsMovedToItsFile) {
  Cluster cluster({.nodes = 1});
  EXPECT_TRUE(cluster.ClientOf(1).Put("key", "value").ok());
  const std::string record = ReadWholeFile(cluster.data_dir(1) / "TOPOLOGY");
  EXPECT_EQ(cluster.Stop(1), 0);
  PutTopologyIntoLog(cluster.data_dir(1));
  for (int start = 0; start < 2; ++start) {
    cluster.Start(1);
    cluster.AwaitReady();
    EXPECT_EQ(ReadWholeFile(cluster.data_dir(1) / "TOPOLOGY"), record);
    EXPECT_EQ(cluster.ClientOf(1).Get("key")->entry->value, "value");
    cluster.Kill(1);
  }
}

}  // namespace
}  // namespace kvd::testing
