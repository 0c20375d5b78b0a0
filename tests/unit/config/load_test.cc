// Reading the file: a scratch directory per test.

#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/units.h"

namespace kvd::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    std::string name = (std::filesystem::temp_directory_path() / "kvd-load-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~LoadTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string Write(std::string_view content) {
    const std::string path = folder_ / "cluster.yaml";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(LoadTest, ContentComesByteForByte) {
  const std::string content("a\0b\r\n\xff", 6);
  EXPECT_EQ(*Load(Write(content)), content);
  EXPECT_EQ(*Load(Write("")), "");
}

TEST_F(LoadTest, MissingFileSaysWhatToDo) {
  const std::string path = folder_ / "none.yaml";
  const Status status = Load(path).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("open " + path + ": no such file"), HasSubstr("--config FILE"),
                    HasSubstr("--print-config=sample")));
}

TEST_F(LoadTest, DirectoryIsNotAFile) {
  EXPECT_THAT(Message(Load(folder_).status()), HasSubstr("it is a directory"));
}

TEST_F(LoadTest, HugeFileIsRefused) {
  EXPECT_TRUE(Load(Write(std::string(kMiB, '#'))).ok());
  EXPECT_THAT(Message(Load(Write(std::string(kMiB + 1, '#'))).status()),
              HasSubstr("larger than 1MiB"));
}

}  // namespace
}  // namespace kvd::config
