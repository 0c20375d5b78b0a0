#include "tests/support/files.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

#include "common/check.h"

namespace kvd::testing {

TempFolder::TempFolder() {
  std::string path = (std::filesystem::temp_directory_path() / "kvd-test-XXXXXX").string();
  KVD_CHECK(mkdtemp(path.data()) != nullptr, "mkdtemp " + path);
  path_ = path;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadWholeFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteWholeFile(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  KVD_CHECK(file.flush().good(), "write " + path.string());
}

}  // namespace kvd::testing
