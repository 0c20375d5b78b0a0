// The reserve in a folder of its own, of 1 MiB where nothing else is said.

#include "server/storage/reserve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "server/storage/data_dir.h"
#include "server/storage/files.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

constexpr uint64_t kBytes = uint64_t{1} << 20U;

class ReserveTest : public ::testing::Test {
 protected:
  // Blocks on the disk, not the length: a hole is no reserve.
  [[nodiscard]] uint64_t BytesOnDisk() const {
    struct stat info {};
    if (stat(path_.c_str(), &info) != 0) return 0;
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }

  TempDir dir_;
  std::string folder_ = dir_ / "";
  std::string path_ = dir_ / "RESERVE";
};

TEST_F(ReserveTest, ItsBlocksAreOnTheDisk) {
  Reserve reserve(folder_, kBytes);
  EXPECT_FALSE(reserve.held());
  EXPECT_EQ(BytesOnDisk(), 0U);
  ASSERT_TRUE(reserve.Take().ok());
  EXPECT_TRUE(reserve.held());
  EXPECT_GE(BytesOnDisk(), kBytes);
  EXPECT_TRUE(reserve.Take().ok());
}

TEST_F(ReserveTest, ReleasingGivesTheRoomBackAndItCanBeTakenAgain) {
  Reserve reserve(folder_, kBytes);
  EXPECT_TRUE(reserve.Release().ok()) << "nothing to release";
  ASSERT_TRUE(reserve.Take().ok());
  ASSERT_TRUE(reserve.Release().ok());
  EXPECT_FALSE(reserve.held());
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(reserve.Take().ok());
  EXPECT_TRUE(reserve.held());
}

TEST_F(ReserveTest, TheNextRunFindsIt) {
  ASSERT_TRUE(Reserve(folder_, kBytes).Take().ok());
  EXPECT_TRUE(Reserve(folder_, kBytes).held());
  Reserve larger(folder_, 2 * kBytes);
  EXPECT_FALSE(larger.held());
  ASSERT_TRUE(larger.Take().ok());
  EXPECT_GE(BytesOnDisk(), 2 * kBytes);
}

TEST_F(ReserveTest, AFileWithHolesIsNoReserve) {
  ASSERT_TRUE(ReplaceFile(path_, "").ok());
  std::filesystem::resize_file(path_, kBytes);
  Reserve reserve(folder_, kBytes);
  EXPECT_FALSE(reserve.held());
  ASSERT_TRUE(reserve.Take().ok());
  EXPECT_GE(BytesOnDisk(), kBytes);
}

TEST_F(ReserveTest, WhatTheDiskHasNoRoomForIsNotTaken) {
  for (const auto& [bytes, keep_free] :
       {std::pair<uint64_t, uint64_t>{uint64_t{1} << 60U, 0}, {kBytes, uint64_t{1} << 60U}}) {
    Reserve reserve(folder_, bytes);
    const Status status = reserve.Take(keep_free);
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
    EXPECT_THAT(Message(status), ::testing::HasSubstr(path_));
    EXPECT_FALSE(reserve.held());
    EXPECT_EQ(BytesOnDisk(), 0U);
  }
}

TEST_F(ReserveTest, AFolderThatIsGoneIsAnError) {
  Reserve reserve(dir_ / "gone", kBytes);
  EXPECT_EQ(reserve.Take().code(), StatusCode::kNotFound);
}

TEST_F(ReserveTest, AReserveAloneIsNoData) {
  ASSERT_TRUE(Reserve(folder_, kBytes).Take().ok());
  const auto opened = DataDir::Open(folder_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE((*opened)->identity().has_value());
}

}  // namespace
}  // namespace kvd::storage
