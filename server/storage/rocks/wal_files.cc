#include "server/storage/rocks/wal_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "server/storage/files.h"
#include "server/storage/rocks/wal.h"

namespace kvd::storage {
namespace {

constexpr std::string_view kWalSuffix = ".log";

struct WalFile {
  uint64_t number;
  std::string path;
};

std::optional<uint64_t> NumberOfFile(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

// In the order in which they were written.
StatusOr<std::vector<WalFile>> WalFiles(const std::string& path) {
  const auto names = ListFolder(path);
  if (names.status().code() == StatusCode::kNotFound) return std::vector<WalFile>{};
  if (!names.ok()) return names.status();
  std::vector<WalFile> files;
  for (const std::string& name : *names) {
    if (const auto number = NumberOfFile(name, kWalSuffix)) {
      files.push_back({.number = *number, .path = path + "/" + name});
    }
  }
  std::ranges::sort(files, {}, &WalFile::number);
  return files;
}

// The first damage met, in the order of the files.
struct Damage {
  std::string path;
  uint64_t intact_bytes;
  uint64_t file_bytes;
  uint64_t last_batch;  // The last intact one before it; 0 if the files hold none.
};

Status Corrupt(const Damage& damage, std::string_view evidence) {
  return MakeStatus(
      StatusCode::kDataLoss,
      fmt::format("write-ahead file {}: damaged at byte {} of {}, after batch {}, and {}; "
                  "acknowledged writes may be lost: check the disk, then replace this node or "
                  "restore its data directory from a backup",
                  damage.path, damage.intact_bytes, damage.file_bytes, damage.last_batch,
                  evidence));
}

Status CorruptBefore(const Damage& damage, uint64_t later_batch) {
  return Corrupt(damage,
                 fmt::format("batch {} after it is intact, so this is no torn write", later_batch));
}

StatusOr<std::string> Cut(const Damage& damage) {
  KVD_RETURN_IF_ERROR(CutFile(damage.path, damage.intact_bytes));
  return fmt::format(
      "cut {} off {} at byte {}: a batch after batch {} was torn by a crash before "
      "anybody was told of it",
      FormatBytes(damage.file_bytes - damage.intact_bytes), damage.path, damage.intact_bytes,
      damage.last_batch);
}

}  // namespace

StatusOr<WalCheck> CheckWal(const std::string& path, bool last_stop_was_clean) {
  KVD_ASSIGN_OR_RETURN(const std::vector<WalFile> files, WalFiles(path));
  WalCheck check;
  std::optional<Damage> damage;
  for (const WalFile& file : files) {
    KVD_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file.path));
    const WalScan scan = ScanWal(bytes, check.last_batch);
    if (damage) {
      const auto later = scan.last_batch ? scan.last_batch : scan.batch_after_damage;
      if (later && *later > check.last_batch) return CorruptBefore(*damage, *later);
      continue;
    }
    check.last_batch = std::max(check.last_batch, scan.last_batch.value_or(0));
    if (!scan.damaged) continue;
    damage = Damage{.path = file.path,
                    .intact_bytes = scan.intact_bytes,
                    .file_bytes = bytes.size(),
                    .last_batch = check.last_batch};
    if (scan.batch_after_damage) return CorruptBefore(*damage, *scan.batch_after_damage);
  }
  if (!damage) return check;
  if (last_stop_was_clean) {
    return Corrupt(*damage, "the last stop was clean, so this is no torn write");
  }
  KVD_ASSIGN_OR_RETURN(check.cut, Cut(*damage));
  return check;
}

Status CheckNotHeadless(const std::string& path) {
  const auto names = ListFolder(path);
  if (names.status().code() == StatusCode::kNotFound) return OkStatus();
  if (!names.ok()) return names.status();
  if (std::ranges::find(*names, "CURRENT") != names->end()) return OkStatus();
  for (const std::string& name : *names) {
    if (NumberOfFile(name, kWalSuffix) || NumberOfFile(name, ".sst")) {
      return MakeStatus(StatusCode::kDataLoss,
                        fmt::format("{}: holds {} but no CURRENT; check the disk, then replace "
                                    "this node or restore its data directory from a backup",
                                    path, name));
    }
  }
  return OkStatus();
}

}  // namespace kvd::storage
