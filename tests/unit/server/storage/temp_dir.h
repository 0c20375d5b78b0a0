// A folder of its own for one test, gone with it.
//
// Threading: confined to the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/check.h"
#include "server/storage/files.h"

namespace kvd::storage {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "kvd_storage_XXXXXX").string();
    KVD_CHECK(mkdtemp(name.data()) != nullptr, "cannot create a temporary folder");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

// The names in a folder that is there.
inline std::vector<std::string> NamesIn(const std::string& path) {
  auto names = ListFolder(path);
  KVD_CHECK(names.ok(), Message(names.status()));
  return *std::move(names);
}

}  // namespace kvd::storage
