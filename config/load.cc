#include "config/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "config/units.h"
#include "config/yaml_tree.h"

namespace kvd::config {
namespace {

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Status OpenError(const std::string& path, int error) {
  const std::string reason = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return MakeStatus(StatusCode::kNotFound,
                        fmt::format("open {}: no such file; name another with --config FILE, or "
                                    "begin with: kvd --print-config=sample > {}",
                                    path, path));
    case EACCES:
      return MakeStatus(
          StatusCode::kPermissionDenied,
          fmt::format("open {}: {}; make it readable by the user kvd runs as", path, reason));
    default:
      return MakeStatus(StatusCode::kUnavailable, fmt::format("open {}: {}", path, reason));
  }
}

Status ReadError(const std::string& path, int error) {
  if (error == EISDIR) {
    return MakeStatus(
        StatusCode::kInvalidArgument,
        fmt::format("read {0}: it is a directory; did you mean {0}/cluster.yaml?", path));
  }
  return MakeStatus(StatusCode::kUnavailable,
                    fmt::format("read {}: {}", path, std::generic_category().message(error)));
}

}  // namespace

StatusOr<std::string> Load(const std::string& path) {
  const File file(path);
  if (file.fd() < 0) return OpenError(path, errno);
  std::string out;
  while (out.size() <= kMaxFileBytes) {
    std::array<char, size_t{64} * 1024> chunk{};
    const ssize_t size = ::read(file.fd(), chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ReadError(path, errno);
    if (size == 0) return out;
    out.append(chunk.data(), static_cast<size_t>(size));
  }
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("read {}: larger than {}; is it a cluster file?", path,
                                FormatSize(kMaxFileBytes)));
}

StatusOr<std::string> FindDefault() {
  for (const std::string_view path : kDefaultPaths) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return std::string(path);
  }
  return MakeStatus(
      StatusCode::kNotFound,
      fmt::format("no cluster file: looked for {}; name one with --config FILE, write "
                  "one with: kvd --print-config=sample > cluster.yaml, or try kvd "
                  "without a file: kvd --dev",
                  fmt::join(kDefaultPaths, " and ")));
}

}  // namespace kvd::config
