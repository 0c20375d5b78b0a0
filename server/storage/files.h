// Files as this room needs them: read whole, replaced atomically, removed, cut, each durable on
// return. Errors say which path and why.
//
// Threading: thread-safe; two calls must not change one path at the same time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace kvd::storage {

// The error a system call left in errno, about `doing`: PERMISSION_DENIED for what the caller may
// not do or what is no such file or folder, RESOURCE_EXHAUSTED for a full disk, else INTERNAL.
[[nodiscard]] Status ErrnoStatus(std::string_view doing);

// An open file descriptor, closed at the end. -1 is none.
class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle();
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

// NOT_FOUND if there is no such file.
[[nodiscard]] StatusOr<std::string> ReadFile(const std::string& path);

[[nodiscard]] Status WriteAll(int fd, std::string_view bytes, const std::string& path);

// Makes `path` hold `bytes`, all or nothing, whatever happens meanwhile: writes `path`.tmp, syncs
// it, renames it and syncs the folder.
[[nodiscard]] Status ReplaceFile(const std::string& path, std::string_view bytes);

// Removes the file, or makes it durable that it is gone already.
[[nodiscard]] Status RemoveFile(const std::string& path);

// Cuts the file to its first `bytes`.
[[nodiscard]] Status CutFile(const std::string& path, uint64_t bytes);

// Makes the creation, renaming and removal of files in `path` durable.
[[nodiscard]] Status SyncFolder(const std::string& path);

// The names in a folder, sorted, without "." and "..". NOT_FOUND if there is no such folder.
[[nodiscard]] StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

// The sum of the sizes of the files in a folder, not below; 0 if it cannot be read.
[[nodiscard]] uint64_t FolderBytes(const std::string& path);

}  // namespace kvd::storage
