#include "server/storage/reserve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "common/bytes.h"
#include "common/check.h"
#include "server/storage/files.h"

namespace kvd::storage {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr uint64_t kStatBlock = 512;  // What st_blocks counts, whatever the file system's own.

// What of the file is really on the disk, and not a hole.
uint64_t AllocatedBytes(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return 0;
  return std::min(static_cast<uint64_t>(info.st_size),
                  static_cast<uint64_t>(info.st_blocks) * kStatBlock);
}

Status Allocate(const std::string& path, uint64_t bytes) {
  const FileHandle file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kFileMode));
  if (!file.ok()) return ErrnoStatus("create " + path);
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  errno = error;  // It answers the error instead.
  if (error != 0) return ErrnoStatus(fmt::format("allocate {} in {}", FormatBytes(bytes), path));
  if (fsync(file.get()) != 0) return ErrnoStatus("fsync " + path);
  return OkStatus();
}

}  // namespace

Reserve::Reserve(const std::string& folder, uint64_t bytes)
    : path_((std::filesystem::path(folder) / "RESERVE").string()),
      folder_(folder),
      bytes_(bytes),
      held_(AllocatedBytes(path_) >= bytes) {
  KVD_CHECK_OP(>, bytes, uint64_t{0});
}

Status Reserve::Take(uint64_t keep_free) {
  if (held_) return OkStatus();
  struct statvfs disk {};
  if (statvfs(folder_.c_str(), &disk) != 0) return ErrnoStatus("measure " + folder_);
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  const uint64_t missing = bytes_ - std::min(bytes_, AllocatedBytes(path_));
  if (free < missing || free - missing < keep_free) {
    return MakeStatus(
        StatusCode::kResourceExhausted,
        fmt::format("reserve {} in {}: the disk has {} free, and {} are to stay "
                    "free; make room on it",
                    FormatBytes(bytes_), path_, FormatBytes(free), FormatBytes(keep_free)));
  }
  if (const Status allocated = Allocate(path_, bytes_); !allocated.ok()) {
    // Half a reserve would only take room that others need now.
    const Status released = Release();
    return released.ok() ? allocated : released;
  }
  KVD_RETURN_IF_ERROR(SyncFolder(folder_));
  held_ = true;
  return OkStatus();
}

Status Reserve::Release() {
  held_ = false;
  return RemoveFile(path_);
}

}  // namespace kvd::storage
