// Folders and files of a test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace kvd::testing {

// An empty folder, gone with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The whole file; empty if it cannot be read.
[[nodiscard]] std::string ReadWholeFile(const std::filesystem::path& path);

void WriteWholeFile(const std::filesystem::path& path, std::string_view bytes);

}  // namespace kvd::testing
