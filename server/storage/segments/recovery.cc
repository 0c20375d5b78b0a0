#include "server/storage/segments/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/storage/files.h"

namespace kvd::storage {
namespace {

constexpr std::string_view kRemedy =
    "acknowledged writes may be lost: check the disk, then replace this node or restore its data "
    "directory from a backup";

Status Damaged(std::string_view where, std::string_view why) {
  return MakeStatus(StatusCode::kDataLoss, fmt::format("{}: {}; {}", where, why, kRemedy));
}

// A log of RocksDB, as pre-releases wrote it, is not read and not written over.
Status RefuseOtherFormats(const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name != "CURRENT" && !name.starts_with("MANIFEST-")) continue;
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("{}: holds the log of a pre-release of kvd ({}), which this kvd "
                                  "does not read; empty the data directory to join as a new node",
                                  path, name));
  }
  return OkStatus();
}

class Recovery {
 public:
  Recovery(std::string path, const RecoveryOptions& options)
      : path_(std::move(path)), options_(options) {}

  [[nodiscard]] StatusOr<Recovered> Run();

 private:
  // Where bytes stand that are no batch and not zero.
  struct Remains {
    std::shared_ptr<SegmentFile> file;
    uint64_t at = 0;
  };

  [[nodiscard]] StatusOr<std::vector<SegmentNumber>> Numbers(const std::vector<std::string>& names);
  [[nodiscard]] Status ReadSegment(SegmentNumber number, bool is_last);
  [[nodiscard]] Status ApplyAll(const std::shared_ptr<SegmentFile>& file, const SegmentScan& scan);
  [[nodiscard]] Status CheckEmpty(const std::shared_ptr<SegmentFile>& file, bool is_last) const;
  [[nodiscard]] Status CheckWhole() const;
  [[nodiscard]] Status SecureLastBatch() const;
  [[nodiscard]] Status Cut();

  const std::string path_;
  const RecoveryOptions options_;
  Recovered log_;
  std::optional<Remains> remains_;
  std::string last_bytes_;  // Of the last batch, with the zeros behind it.
};

StatusOr<Recovered> Recovery::Run() {
  const auto names = ListFolder(path_);
  if (!names.ok() && names.status().code() != StatusCode::kNotFound) return names.status();
  std::vector<SegmentNumber> numbers;
  if (names.ok()) {
    KVD_RETURN_IF_ERROR(RefuseOtherFormats(path_, *names));
    KVD_ASSIGN_OR_RETURN(numbers, Numbers(*names));
    std::ranges::copy_if(*names, std::back_inserter(log_.spares), IsSpare);
  }
  for (const SegmentNumber number : numbers) {
    KVD_RETURN_IF_ERROR(ReadSegment(number, number == numbers.back()));
  }
  KVD_RETURN_IF_ERROR(CheckWhole());
  if (names.ok() && !options_.last_stop_was_clean) {
    KVD_RETURN_IF_ERROR(SecureLastBatch());
    KVD_RETURN_IF_ERROR(Cut());
  }
  return std::move(log_);
}

StatusOr<std::vector<SegmentNumber>> Recovery::Numbers(const std::vector<std::string>& names) {
  std::vector<SegmentNumber> numbers;  // In order, because the names are.
  for (const std::string& name : names) {
    const auto number = NumberOfSegment(name);
    if (!number) continue;
    if (!numbers.empty() && *number != numbers.back() + 1) {
      return Damaged(path_ + "/" + SegmentName(numbers.back() + 1),
                     fmt::format("is missing although {} is there", name));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Status Recovery::ReadSegment(SegmentNumber number, bool is_last) {
  const std::string path = path_ + "/" + SegmentName(number);
  KVD_ASSIGN_OR_RETURN(const auto file, SegmentFile::Open(path));
  KVD_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  const SegmentHeader& header = file->header();
  if (header.number != number) {
    return Damaged(path, fmt::format("is segment {} by its header", header.number));
  }
  if (bytes.size() < header.filled_bytes) {
    return Damaged(path, fmt::format("is {} bytes long and was made {} bytes long", bytes.size(),
                                     header.filled_bytes));
  }
  std::optional<uint64_t> expected;
  if (!log_.segments.empty()) expected = log_.last_batch + 1;
  const SegmentScan scan = ScanSegment(bytes, header.salt, expected);
  const bool continues = scan.begun || scan.stray_batch || !scan.batches.empty();
  if (remains_ && continues) {
    return Damaged(remains_->file->path(),
                   fmt::format("damaged at byte {}, and {} goes on after it, so this is no torn "
                               "write",
                               remains_->at, path));
  }
  if (scan.stray_batch) {
    return Damaged(
        path,
        fmt::format("damaged at byte {}, after batch {}, and batch {} after it "
                    "is intact, so this is no torn write",
                    scan.end, scan.batches.empty() ? log_.last_batch : scan.batches.back().number,
                    *scan.stray_batch));
  }
  if (scan.begun) remains_ = Remains{.file = file, .at = scan.end};
  if (!scan.batches.empty()) return ApplyAll(file, scan);
  KVD_RETURN_IF_ERROR(CheckEmpty(file, is_last));
  log_.ready = file;
  return OkStatus();
}

Status Recovery::ApplyAll(const std::shared_ptr<SegmentFile>& file, const SegmentScan& scan) {
  for (const Batch& batch : scan.batches) {
    const Status applied = log_.index.Apply(batch, file->number());
    if (!applied.ok()) {
      return Annotate(applied, fmt::format("{}: batch {}", file->path(), batch.number));
    }
  }
  log_.last_batch = scan.batches.back().number;
  last_bytes_ = EncodeBatch(file->header().salt, log_.last_batch, scan.batches.back().body);
  log_.segments.emplace(file->number(), Segment{.file = file, .end = scan.end});
  return OkStatus();
}

// Only the segment behind the last one in use may be empty. The one after it is made when it is in
// use itself, and the first one is dropped when others are.
Status Recovery::CheckEmpty(const std::shared_ptr<SegmentFile>& file, bool is_last) const {
  if (!is_last) return Damaged(file->path(), "holds no intact batch although others follow");
  if (log_.segments.empty() && file->number() != 1) {
    return Damaged(file->path(), "holds no intact batch, and there is no segment before it");
  }
  return OkStatus();
}

Status Recovery::CheckWhole() const {
  const bool is_new = log_.segments.empty();
  if (is_new && options_.must_exist) {
    return MakeStatus(StatusCode::kDataLoss,
                      fmt::format("{}: a log that should be there is not: restore the data "
                                  "directory from a backup or replace this node",
                                  path_));
  }
  if (const auto missing = log_.index.Missing()) {
    return Damaged(path_, fmt::format("log entry {} of group {} is in no segment", missing->index,
                                      missing->group.value));
  }
  if (!options_.last_stop_was_clean) return OkStatus();
  if (remains_) {
    return Damaged(remains_->file->path(),
                   fmt::format("damaged at byte {}, and the last stop was clean, so this is no "
                               "torn write",
                               remains_->at));
  }
  if (is_new && !log_.ready) return OkStatus();
  if (!is_new && log_.index.stopped()) return OkStatus();
  return Damaged(is_new ? path_ : log_.segments.rbegin()->second.file->path(),
                 fmt::format("ends with batch {}, which is no clean stop, although the last stop "
                             "was clean",
                             log_.last_batch));
}

// Whoever wrote the last batch may have died before, or of, its sync, and the same goes for the
// renaming of files: that it can be read says nothing of the disk. Written again, because pages
// whose sync failed count as clean.
Status Recovery::SecureLastBatch() const {
  KVD_RETURN_IF_ERROR(SyncFolder(path_));
  if (log_.segments.empty()) return OkStatus();
  const auto& [file, end] = log_.segments.rbegin()->second;
  return file->WriteSynced(end + kBatchHeaderBytes - last_bytes_.size(), last_bytes_);
}

Status Recovery::Cut() {
  if (!remains_) return OkStatus();
  // Where the header of a batch would stand: what is behind it means nothing without.
  const std::string zeros(kBatchHeaderBytes, '\0');
  KVD_RETURN_IF_ERROR(remains_->file->WriteSynced(remains_->at, zeros));
  log_.cut = fmt::format(
      "cut {} off at byte {}: a batch after batch {} was torn by a crash before anybody was told "
      "of it",
      remains_->file->path(), remains_->at, log_.last_batch);
  return OkStatus();
}

}  // namespace

StatusOr<Recovered> RecoverLog(const std::string& path, const RecoveryOptions& options) {
  return Recovery(path, options).Run();
}

}  // namespace kvd::storage
