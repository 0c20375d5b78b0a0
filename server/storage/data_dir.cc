#include "server/storage/data_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "server/storage/files.h"

namespace kvd::storage {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::string_view kIdentity = "IDENTITY";
constexpr std::string_view kCondemned = "CONDEMNED";
constexpr std::string_view kLock = "LOCK";
constexpr std::string_view kClean = "CLEAN";

// What a blank directory may hold: a fresh file system's own folder, and what a process that died
// before it had an identity left.
constexpr std::array<std::string_view, 4> kNotData = {"lost+found", kLock, "IDENTITY.tmp",
                                                      "RESERVE"};

std::string In(const std::string& path, std::string_view name) {
  return (std::filesystem::path(path) / name).string();
}

std::string_view FileOf(KeptRecord which) {
  return which == KeptRecord::kTopology ? "TOPOLOGY" : "BOOTS";
}

// Errors of the disk other than "may not" keep the code that DataDir promises.
Status AsDataDirError(const Status& status, const std::string& path) {
  const bool may_not =
      status.code() == StatusCode::kPermissionDenied || status.code() == StatusCode::kNotFound;
  return MakeStatus(
      may_not ? StatusCode::kPermissionDenied : StatusCode::kInternal,
      fmt::format("data directory {}: {}; {}", path, Message(status),
                  may_not ? "data_dir must be a folder that kvd may create, read and write"
                          : "check the disk"));
}

Status CreateFolder(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && access(parent.c_str(), F_OK) != 0 && parent != path) {
    KVD_RETURN_IF_ERROR(CreateFolder(parent));
  }
  if (mkdir(path.c_str(), kFolderMode) == 0) return SyncFolder(parent.empty() ? "." : parent);
  if (errno != EEXIST) return ErrnoStatus("create " + path);
  return OkStatus();
}

// The first name in the folder that only a data directory, or somebody else's, would hold.
StatusOr<std::optional<std::string>> FirstData(const std::string& path) {
  KVD_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  for (const std::string& name : names) {
    if (std::ranges::find(kNotData, name) == kNotData.end()) return name;
  }
  return std::nullopt;
}

// Where it cannot be told, it may be.
Status CheckNotCondemned(const std::string& path) {
  const auto why = ReadFile(In(path, kCondemned));
  if (why.ok()) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("data directory {}: {}", path, *why));
  }
  if (why.status().code() == StatusCode::kNotFound) return OkStatus();
  return AsDataDirError(why.status(), path);
}

StatusOr<std::optional<Identity>> ReadIdentity(const std::string& path) {
  const auto bytes = ReadFile(In(path, kIdentity));
  if (bytes.ok()) {
    KVD_RETURN_IF_ERROR(CheckNotCondemned(path));
    auto identity = DecodeIdentity(*bytes);
    if (!identity.ok()) return Annotate(identity.status(), "data directory " + path);
    return *std::move(identity);
  }
  if (bytes.status().code() != StatusCode::kNotFound) return AsDataDirError(bytes.status(), path);

  const auto data = FirstData(path);
  if (!data.ok()) return AsDataDirError(data.status(), path);
  if (!data->has_value()) return std::nullopt;
  return MakeStatus(
      StatusCode::kFailedPrecondition,
      fmt::format("data directory {}: holds {} but no IDENTITY, so it is not known whose data this "
                  "is; restore IDENTITY, or set data_dir to an empty folder",
                  path, Quoted(**data)));
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown host";
  return name.data();
}

// When the file was last written: the file system tells the time, so that this room needs no clock.
std::string WrittenAt(int fd) {
  struct stat info {};
  std::tm utc{};
  if (fstat(fd, &info) != 0 || gmtime_r(&info.st_mtime, &utc) == nullptr) return "unknown";
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return {text.data(), size};
}

// Tells the next process who holds the lock. Only for people: the lock itself is the kernel's.
Status SignLock(int fd, const std::string& path) {
  if (ftruncate(fd, 0) != 0) return ErrnoStatus("write " + path);
  KVD_RETURN_IF_ERROR(WriteAll(fd, fmt::format("pid {} on {}", getpid(), HostName()), path));
  return WriteAll(fd, fmt::format(" since {}\n", WrittenAt(fd)), path);
}

Status HeldBy(const std::string& path) {
  std::string holder = ReadFile(In(path, kLock)).value_or("");
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  const bool signed_by_kvd =
      holder.starts_with("pid ") && holder.find(" since ") != std::string::npos;
  return MakeStatus(
      StatusCode::kUnavailable,
      fmt::format("data directory {}: in use by {}; stop that kvd or give this one a data_dir of "
                  "its own",
                  path, signed_by_kvd ? holder : "another process"));
}

}  // namespace

struct DataDir::State {
  State(std::string folder, int lock_fd) : path(std::move(folder)), lock(lock_fd) {}

  std::string path;
  FileHandle lock;  // Closing it releases the lock.
  std::optional<Identity> identity;
  bool was_clean = false;
};

DataDir::DataDir(std::unique_ptr<State> state) : state_(std::move(state)) {}

DataDir::~DataDir() = default;

StatusOr<std::unique_ptr<DataDir>> DataDir::Open(const std::string& path) {
  if (const Status created = CreateFolder(path); !created.ok()) {
    return AsDataDirError(created, path);
  }
  // Before LOCK is created too, so that nothing is left in a folder that is somebody else's.
  if (const auto identity = ReadIdentity(path); !identity.ok()) return identity.status();

  const std::string lock_path = In(path, kLock);
  auto state = std::make_unique<State>(
      path, open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!state->lock.ok()) return AsDataDirError(ErrnoStatus("open " + lock_path), path);
  if (flock(state->lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return HeldBy(path);
    return AsDataDirError(ErrnoStatus("lock " + lock_path), path);
  }
  if (const Status signed_lock = SignLock(state->lock.get(), lock_path); !signed_lock.ok()) {
    return AsDataDirError(signed_lock, path);
  }

  KVD_ASSIGN_OR_RETURN(state->identity, ReadIdentity(path));
  state->was_clean = !state->identity || access(In(path, kClean).c_str(), F_OK) == 0;
  return std::unique_ptr<DataDir>(new DataDir(std::move(state)));
}

const std::optional<Identity>& DataDir::identity() const {
  return state_->identity;
}

Status DataDir::SetIdentity(const Identity& identity) {
  const Status replaced = ReplaceFile(In(state_->path, kIdentity), EncodeIdentity(identity));
  if (!replaced.ok()) return AsDataDirError(replaced, state_->path);
  state_->identity = identity;
  return OkStatus();
}

StatusOr<std::optional<std::string>> DataDir::Read(KeptRecord which) const {
  auto record = ReadFile(In(state_->path, FileOf(which)));
  if (record.ok()) return *std::move(record);
  if (record.status().code() == StatusCode::kNotFound) return std::nullopt;
  return AsDataDirError(record.status(), state_->path);
}

Status DataDir::Keep(KeptRecord which, std::string_view record) {
  const Status replaced = ReplaceFile(In(state_->path, FileOf(which)), record);
  return replaced.ok() ? replaced : AsDataDirError(replaced, state_->path);
}

Status DataDir::Condemn(std::string_view why) const {
  const Status written = ReplaceFile(In(state_->path, kCondemned), why);
  return written.ok() ? written : AsDataDirError(written, state_->path);
}

bool DataDir::was_clean() const {
  return state_->was_clean;
}

Status DataDir::MarkRunning() {
  const Status removed = RemoveFile(In(state_->path, kClean));
  return removed.ok() ? removed : AsDataDirError(removed, state_->path);
}

Status DataDir::MarkClean() {
  const Status marked = ReplaceFile(In(state_->path, kClean), "");
  return marked.ok() ? marked : AsDataDirError(marked, state_->path);
}

const std::string& DataDir::path() const {
  return state_->path;
}

std::string DataDir::log_path() const {
  return In(state_->path, "log");
}

std::string DataDir::data_path() const {
  return In(state_->path, "data");
}

}  // namespace kvd::storage
