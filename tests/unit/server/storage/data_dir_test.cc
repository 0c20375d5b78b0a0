// Each test starts from a folder as an operator, a crash or another program may have left it.

#include "server/storage/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "server/storage/files.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DataDirTest : public ::testing::Test {
 protected:
  static Identity Sample() {
    Random random(7);
    Identity identity;
    identity.node_uuid = Uuid::Draw(random);
    identity.node_name = "n1";
    identity.cluster_name = "prod";
    return identity;
  }

  // Leaves a directory with an identity and nobody in it.
  void Settle() {
    const auto dir = DataDir::Open(path_).value();
    ASSERT_TRUE(dir->SetIdentity(Sample()).ok());
  }

  void Touch(const std::string& name, const std::string& bytes = "x") {
    ASSERT_TRUE(ReplaceFile(path_ + "/" + name, bytes).ok());
  }

  Status OpenError() { return DataDir::Open(path_).status(); }

  TempDir temp_;
  std::string path_ = temp_ / "n1";
};

TEST_F(DataDirTest, AMissingDirectoryIsCreatedPrivateAndIsBlank) {
  path_ = temp_ / "a/b/n1";
  const auto dir = DataDir::Open(path_).value();
  EXPECT_EQ(dir->identity(), std::nullopt);
  EXPECT_TRUE(dir->was_clean());
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  EXPECT_EQ(dir->log_path(), path_ + "/log");
  EXPECT_EQ(dir->data_path(), path_ + "/data");
}

TEST_F(DataDirTest, LostAndFoundIsBlank) {
  std::filesystem::create_directories(path_ + "/lost+found");
  EXPECT_EQ(DataDir::Open(path_).value()->identity(), std::nullopt);
}

TEST_F(DataDirTest, ABlankDirectoryStaysBlankAfterAStartThatDied) {
  { const auto dir = DataDir::Open(path_).value(); }
  Touch("IDENTITY.tmp", "half");
  EXPECT_EQ(DataDir::Open(path_).value()->identity(), std::nullopt);
}

TEST_F(DataDirTest, IdentityIsThereAtTheNextStart) {
  Settle();
  EXPECT_EQ(DataDir::Open(path_).value()->identity(), Sample());
}

TEST_F(DataDirTest, IdentityIsReplacedWhole) {
  Settle();
  Identity next = Sample();
  next.boot = {.counter = 2, .nonce = 5};
  {
    const auto dir = DataDir::Open(path_).value();
    ASSERT_TRUE(dir->SetIdentity(next).ok());
    EXPECT_EQ(dir->identity(), next);
  }
  EXPECT_EQ(DataDir::Open(path_).value()->identity(), next);
}

TEST_F(DataDirTest, TheTopologyIsThereAtTheNextStartAsItWasWritten) {
  Settle();
  const std::string record("any bytes\0\xff", 11);
  {
    const auto dir = DataDir::Open(path_).value();
    EXPECT_EQ(dir->Read(KeptRecord::kTopology).value(), std::nullopt);
    ASSERT_TRUE(dir->Keep(KeptRecord::kTopology, "an older one").ok());
    ASSERT_TRUE(dir->Keep(KeptRecord::kTopology, record).ok());
  }
  EXPECT_EQ(DataDir::Open(path_).value()->Read(KeptRecord::kTopology).value(), record);
}

TEST_F(DataDirTest, TopologyAndBootsAreKeptApart) {
  Settle();
  const auto dir = DataDir::Open(path_).value();
  ASSERT_TRUE(dir->Keep(KeptRecord::kTopology, "members").ok());
  EXPECT_EQ(dir->Read(KeptRecord::kBoots).value(), std::nullopt);
  ASSERT_TRUE(dir->Keep(KeptRecord::kBoots, "boots").ok());
  EXPECT_EQ(dir->Read(KeptRecord::kTopology).value(), "members");
  EXPECT_EQ(dir->Read(KeptRecord::kBoots).value(), "boots");
}

TEST_F(DataDirTest, ACondemnedDirectoryIsRefusedWithTheReason) {
  Settle();
  ASSERT_TRUE(DataDir::Open(path_).value()->Condemn("it was rolled back").ok());
  const Status refused = DataDir::Open(path_).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(refused), AllOf(HasSubstr(path_), HasSubstr("it was rolled back")));
}

TEST_F(DataDirTest, ADirectoryThatMayBeCondemnedIsRefused) {
  Settle();
  std::filesystem::create_directories(path_ + "/CONDEMNED");
  EXPECT_EQ(DataDir::Open(path_).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(DataDirTest, ATopologyHalfWrittenIsNone) {
  Settle();
  Touch("TOPOLOGY.tmp", "half");
  EXPECT_EQ(DataDir::Open(path_).value()->Read(KeptRecord::kTopology).value(), std::nullopt);
}

TEST_F(DataDirTest, AFolderInPlaceOfTheTopologyIsAnErrorAndNotNone) {
  Settle();
  std::filesystem::create_directories(path_ + "/TOPOLOGY");
  const auto dir = DataDir::Open(path_).value();
  EXPECT_EQ(dir->Read(KeptRecord::kTopology).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(dir->Keep(KeptRecord::kTopology, "new").code(), StatusCode::kPermissionDenied);
}

TEST_F(DataDirTest, ASecondOpenerIsRefusedNamingTheFirst) {
  const auto dir = DataDir::Open(path_).value();
  const Status second = OpenError();
  EXPECT_EQ(second.code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(second), HasSubstr(path_));
  EXPECT_THAT(Message(second), HasSubstr("in use by pid " + std::to_string(getpid()) + " on "));
  EXPECT_THAT(Message(second), HasSubstr(" since 20"));
}

TEST_F(DataDirTest, TheLockEndsWithItsHolder) {
  { const auto dir = DataDir::Open(path_).value(); }
  EXPECT_TRUE(OpenError().ok());
}

TEST_F(DataDirTest, ForeignDataIsRefusedAndLeftAlone) {
  std::filesystem::create_directories(path_);
  Touch("photos.zip");
  const Status refused = OpenError();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(refused), HasSubstr("holds \"photos.zip\" but no IDENTITY"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/LOCK"));
}

TEST_F(DataDirTest, DataThatLostItsIdentityIsRefused) {
  Settle();
  std::filesystem::create_directories(path_ + "/log");
  std::filesystem::remove(path_ + "/IDENTITY");
  EXPECT_EQ(OpenError().code(), StatusCode::kFailedPrecondition);
}

TEST_F(DataDirTest, ADamagedIdentityIsRefused) {
  Settle();
  for (const std::string bytes : {"", "x", "0123456789abcdef"}) {
    Touch("IDENTITY", bytes);
    const Status refused = OpenError();
    EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
    EXPECT_THAT(Message(refused), HasSubstr(path_ + ": identity: damaged"));
  }
}

TEST_F(DataDirTest, CleanIsOnlyWhatWasMarkedCleanAfterRunning) {
  Settle();
  {
    const auto dir = DataDir::Open(path_).value();
    EXPECT_FALSE(dir->was_clean());  // An identity, and nobody said it had stopped.
    ASSERT_TRUE(dir->MarkRunning().ok());
    ASSERT_TRUE(dir->MarkClean().ok());
  }
  {
    const auto dir = DataDir::Open(path_).value();
    EXPECT_TRUE(dir->was_clean());
    ASSERT_TRUE(dir->MarkRunning().ok());
    ASSERT_TRUE(dir->MarkRunning().ok());
    EXPECT_TRUE(dir->was_clean());  // Of the last process, still.
  }
  EXPECT_FALSE(DataDir::Open(path_).value()->was_clean());
}

TEST_F(DataDirTest, AFileInItsPlaceIsRefused) {
  ASSERT_TRUE(ReplaceFile(path_, "a file").ok());
  const Status refused = OpenError();
  EXPECT_EQ(refused.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(refused), HasSubstr("Not a directory"));
}

TEST_F(DataDirTest, APathUnderAFileIsRefused) {
  ASSERT_TRUE(ReplaceFile(path_, "a file").ok());
  path_ += "/below";
  const Status refused = OpenError();
  EXPECT_EQ(refused.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(refused), HasSubstr("data_dir must be a folder"));
}

}  // namespace
}  // namespace kvd::storage
