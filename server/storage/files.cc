#include "server/storage/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace kvd::storage {
namespace {

constexpr mode_t kFileMode = 0600;

StatusCode CodeOf(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ELOOP:
    case ENAMETOOLONG:
      return StatusCode::kPermissionDenied;
    case ENOENT:
      return StatusCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kInternal;
  }
}

Status ErrorStatus(std::string_view doing, int error) {
  return MakeStatus(CodeOf(error),
                    fmt::format("{}: {}", doing, std::generic_category().message(error)));
}

std::string ParentOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

Status ErrnoStatus(std::string_view doing) {
  return ErrorStatus(doing, errno);
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) close(fd_);
}

StatusOr<std::string> ReadFile(const std::string& path) {
  const FileHandle file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return ErrnoStatus("open " + path);
  std::string bytes;
  struct stat info {};
  if (fstat(file.get(), &info) == 0) bytes.reserve(static_cast<size_t>(info.st_size));
  std::string chunk(size_t{64} << 10U, '\0');
  while (true) {
    const ssize_t got = read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("read " + path);
    if (got == 0) return bytes;
    bytes.append(chunk, 0, static_cast<size_t>(got));
  }
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus("write " + path);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return OkStatus();
}

Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    const FileHandle file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
    if (!file.ok()) return ErrnoStatus("create " + temporary);
    KVD_RETURN_IF_ERROR(WriteAll(file.get(), bytes, temporary));
    if (fsync(file.get()) != 0) return ErrnoStatus("fsync " + temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(fmt::format("rename {} to {}", temporary, path));
  }
  return SyncFolder(ParentOf(path));
}

Status RemoveFile(const std::string& path) {
  // Synced even if the file is gone: whoever removed it may have died before its own sync.
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus("remove " + path);
  return SyncFolder(ParentOf(path));
}

Status CutFile(const std::string& path, uint64_t bytes) {
  const FileHandle file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.ok()) return ErrnoStatus("open " + path);
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return ErrnoStatus("cut " + path);
  if (fsync(file.get()) != 0) return ErrnoStatus("fsync " + path);
  return OkStatus();
}

Status SyncFolder(const std::string& path) {
  const FileHandle folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return ErrnoStatus("open " + path);
  if (fsync(folder.get()) != 0) return ErrnoStatus("fsync " + path);
  return OkStatus();
}

StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator it(path, error);
  std::vector<std::string> names;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return ErrorStatus("list " + path, error.value());
  std::ranges::sort(names);
  return names;
}

uint64_t FolderBytes(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator it(path, error);
  uint64_t bytes = 0;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    std::error_code gone;  // Files come and go beneath a running database.
    const auto size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace kvd::storage
