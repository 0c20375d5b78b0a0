// A node comes back with a copy of its disk from an earlier time: as virtual machines and backups
// do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/cluster.h"

namespace kvd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

TEST(RolledBackTest, ADiskOlderThanWhatItsNodeHasSaidIsRefusedForGood) {
  Cluster cluster({.nodes = 3, .partitions = 16});
  const fs::path copy = cluster.folder() / "copy";
  ASSERT_EQ(cluster.Stop(3), 0);
  fs::copy(cluster.data_dir(3), copy, fs::copy_options::recursive);
  cluster.Start(3);
  cluster.AwaitReady();
  ASSERT_TRUE(cluster.ClientOf(3).Put("key", "written since").ok());
  cluster.Kill(3);
  fs::remove_all(cluster.data_dir(3));
  fs::copy(copy, cluster.data_dir(3), fs::copy_options::recursive);

  const auto is_refused = AllOf(HasSubstr("the disk of n3 is older than what n3 has said"),
                                HasSubstr("heard it under boot 2, this is boot 2 of another"),
                                HasSubstr("start n3 with an empty data directory"));
  cluster.Start(3);
  EXPECT_EQ(cluster.AwaitEnd(3), 78);
  EXPECT_THAT(cluster.log(3), is_refused);

  // Another start would count one boot further, and be taken for a restart.
  const Finished again = RunToEnd({.command = cluster.Command(3)});
  EXPECT_EQ(again.code, 78);
  EXPECT_THAT(again.err, AllOf(is_refused, HasSubstr(cluster.data_dir(3).string())));
  EXPECT_EQ(cluster.ClientOf(1).Get("key")->entry->value, "written since");
}

TEST(RolledBackTest, ADamagedRecordOfBootsIsNamed) {
  Cluster cluster({.nodes = 2, .partitions = 16});
  ASSERT_EQ(cluster.Stop(2), 0);
  fs::resize_file(cluster.data_dir(2) / "BOOTS", 7);
  const Finished refused = RunToEnd({.command = cluster.Command(2)});
  EXPECT_EQ(refused.code, 65);
  EXPECT_THAT(refused.err, AllOf(HasSubstr((cluster.data_dir(2) / "BOOTS").string()),
                                 HasSubstr("without it kvd starts")));
  fs::remove(cluster.data_dir(2) / "BOOTS");
  cluster.Start(2);
  cluster.AwaitReady();
}

}  // namespace
}  // namespace kvd::testing
