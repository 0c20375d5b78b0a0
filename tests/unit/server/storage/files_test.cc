#include "server/storage/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FilesTest, ReplacingLeavesTheNewContentAndNothingElse) {
  const TempDir dir;
  ASSERT_TRUE(ReplaceFile(dir / "f", "old and longer").ok());
  ASSERT_TRUE(ReplaceFile(dir / "f", "new").ok());
  EXPECT_EQ(ReadFile(dir / "f").value(), "new");
  EXPECT_THAT(ListFolder(dir / "").value(), ElementsAre("f"));
  EXPECT_EQ(FolderBytes(dir / ""), 3U);
}

TEST(FilesTest, AbsenceIsNotFoundAndRemovingTwiceIsANoOp) {
  const TempDir dir;
  EXPECT_EQ(ReadFile(dir / "f").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ListFolder(dir / "none").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(ReplaceFile(dir / "f", "x").ok());
  EXPECT_TRUE(RemoveFile(dir / "f").ok());
  EXPECT_TRUE(RemoveFile(dir / "f").ok());
}

TEST(FilesTest, CuttingKeepsTheBeginning) {
  const TempDir dir;
  ASSERT_TRUE(ReplaceFile(dir / "f", "0123456789").ok());
  ASSERT_TRUE(CutFile(dir / "f", 4).ok());
  EXPECT_EQ(ReadFile(dir / "f").value(), "0123");
}

TEST(FilesTest, ErrorsNameThePath) {
  const TempDir dir;
  EXPECT_THAT(Message(ReplaceFile(dir / "none/f", "x")), HasSubstr("none/f.tmp: No such file"));
}

}  // namespace
}  // namespace kvd::storage
