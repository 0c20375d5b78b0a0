#include "server/storage/segments/segment_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "common/check.h"
#include "server/storage/record.h"

namespace kvd::storage {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr uint64_t kPieceBytes = uint64_t{512} << 10U;
constexpr std::string_view kSuffix = ".segment";
constexpr std::string_view kSparePrefix = "spare-";

StatusOr<std::string> ReadUpTo(int fd, uint64_t offset, uint64_t bytes, const std::string& path) {
  std::string found(bytes, '\0');
  uint64_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(fd, found.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("read " + path);
    if (got == 0) break;
    done += static_cast<uint64_t>(got);
  }
  found.resize(done);
  return found;
}

Status WriteAt(int fd, uint64_t offset, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus("write " + path);
    offset += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return OkStatus();
}

Status Sync(int fd, const std::string& path) {
  return fdatasync(fd) == 0 ? OkStatus() : ErrnoStatus("fdatasync " + path);
}

Status Resize(int fd, uint64_t bytes, const std::string& path) {
  return ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? OkStatus() : ErrnoStatus("cut " + path);
}

// Piece by piece, each synced, so that the writes of others to this disk never wait for long.
Status FillWithZeros(int fd, uint64_t from, uint64_t to, const std::string& path,
                     const std::function<SegmentFile::Filling()>& how) {
  const std::string zeros(std::min(kPieceBytes, to - from), '\0');
  for (const uint64_t begin = from; from < to;) {
    if (from > begin && how() != SegmentFile::Filling::kGoOn) {
      return MakeStatus(StatusCode::kCancelled, "not filled");
    }
    const uint64_t bytes = std::min<uint64_t>(zeros.size(), to - from);
    KVD_RETURN_IF_ERROR(WriteAt(fd, from, std::string_view(zeros).substr(0, bytes), path));
    KVD_RETURN_IF_ERROR(Sync(fd, path));
    from += bytes;
  }
  return OkStatus();
}

// Makes the file `bytes` long, or empty where the disk has no room or nobody the time. The size it
// has then.
StatusOr<uint64_t> BringTo(int fd, uint64_t bytes, const std::string& path,
                           const std::function<SegmentFile::Filling()>& how) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return ErrnoStatus("stat " + path);
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > bytes) KVD_RETURN_IF_ERROR(Resize(fd, bytes, path));
  if (size >= bytes) return bytes;
  const Status filled = FillWithZeros(fd, size, bytes, path, how);
  if (filled.ok()) return bytes;
  const bool is_left =
      filled.code() == StatusCode::kCancelled && how() == SegmentFile::Filling::kLeave;
  if (!is_left && filled.code() != StatusCode::kResourceExhausted) return filled;
  KVD_RETURN_IF_ERROR(Resize(fd, 0, path));
  return 0;
}

}  // namespace

std::string SegmentName(SegmentNumber number) {
  return fmt::format("{:010}{}", number, kSuffix);
}

std::optional<SegmentNumber> NumberOfSegment(std::string_view name) {
  SegmentNumber number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  if (number == 0 || name != SegmentName(number)) return std::nullopt;
  return number;
}

std::string SpareName(SegmentNumber number) {
  return fmt::format("{}{:010}", kSparePrefix, number);
}

bool IsSpare(std::string_view name) {
  return name.starts_with(kSparePrefix);
}

StatusOr<std::shared_ptr<SegmentFile>> SegmentFile::Open(const std::string& path) {
  auto file = std::make_unique<FileHandle>(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file->ok()) return ErrnoStatus("open " + path);
  KVD_ASSIGN_OR_RETURN(const std::string bytes,
                       ReadUpTo(file->get(), 0, kSegmentHeaderBytes, path));
  auto header = DecodeSegmentHeader(bytes);
  if (!header.ok()) return Annotate(header.status(), path);
  return std::make_shared<SegmentFile>(path, std::move(file), *header);
}

StatusOr<std::shared_ptr<SegmentFile>> SegmentFile::Make(const std::string& folder,
                                                         const std::string& from,
                                                         SegmentHeader header,
                                                         const std::function<Filling()>& how) {
  const std::string before = folder + "/" + from;
  const std::string path = folder + "/" + SegmentName(header.number);
  auto file =
      std::make_unique<FileHandle>(open(before.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!file->ok()) return ErrnoStatus("create " + before);
  KVD_ASSIGN_OR_RETURN(header.filled_bytes, BringTo(file->get(), header.filled_bytes, before, how));
  // Of what the file held before, nothing may stand where the first batch will begin.
  std::string bytes = EncodeSegmentHeader(header);
  bytes.append(kBatchHeaderBytes, '\0');
  KVD_RETURN_IF_ERROR(WriteAt(file->get(), 0, bytes, before));
  if (fsync(file->get()) != 0) return ErrnoStatus("fsync " + before);
  if (rename(before.c_str(), path.c_str()) != 0) return ErrnoStatus("rename " + before);
  KVD_RETURN_IF_ERROR(SyncFolder(folder));
  return std::make_shared<SegmentFile>(path, std::move(file), header);
}

StatusOr<std::string> SegmentFile::Read(uint64_t offset, uint64_t bytes) const {
  KVD_ASSIGN_OR_RETURN(std::string found, ReadUpTo(file_->get(), offset, bytes, path_));
  if (found.size() == bytes) return found;
  return Annotate(MalformedRecord(fmt::format("ends {} bytes after byte {} instead of {}",
                                              found.size(), offset, bytes)),
                  path_);
}

Status SegmentFile::WriteSynced(uint64_t offset, std::string_view bytes) const {
  KVD_RETURN_IF_ERROR(WriteAt(file_->get(), offset, bytes, path_));
  return Sync(file_->get(), path_);
}

}  // namespace kvd::storage
