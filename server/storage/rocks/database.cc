#include "server/storage/rocks/database.h"

#include <fmt/format.h>
#include <rocksdb/listener.h>
#include <rocksdb/statistics.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <utility>

#include "server/storage/files.h"
#include "server/storage/health.h"

namespace kvd::storage {

namespace {

constexpr std::string_view kMustStop = "kvd must stop: check the disk and its free space";

StatusCode CodeOf(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return StatusCode::kResourceExhausted;
  if (status.IsCorruption()) return StatusCode::kDataLoss;
  if (status.IsNotSupported()) return StatusCode::kFailedPrecondition;
  return StatusCode::kInternal;
}

Status Convert(const rocksdb::Status& status, std::string_view doing, std::string_view remedy) {
  return MakeStatus(CodeOf(status), fmt::format("{}: {}; {}", doing, status.ToString(), remedy));
}

// Background threads have nobody to return an error to.
class FatalErrors : public rocksdb::EventListener {
 public:
  FatalErrors(std::string path, std::shared_ptr<Health> health)
      : path_(std::move(path)), health_(std::move(health)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* error) override {
    health_->Fail(Convert(*error, "flush or compact " + path_, kMustStop));
  }

 private:
  const std::string path_;
  const std::shared_ptr<Health> health_;
};

uint64_t IntProperty(rocksdb::DB& db, const std::string& property) {
  uint64_t value = 0;
  db.GetIntProperty(property, &value);
  return value;
}

// Only the statistics know, which are text.
Duration StalledSince(rocksdb::DB& db) {
  std::map<std::string, std::string> stats;
  db.GetMapProperty(rocksdb::DB::Properties::kDBStats, &stats);
  const auto found = stats.find("db.user_write_stall_micros");
  if (found == stats.end()) return Duration::zero();
  return std::chrono::microseconds(std::strtoll(found->second.c_str(), nullptr, 10));
}

rocksdb::ReadOptions Bounded(const rocksdb::Slice& lower, const rocksdb::Slice& upper,
                             rocksdb::ReadOptions options = {}) {
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  return options;
}

std::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace

class Deeds : public rocksdb::EventListener {
 public:
  // Counts only: timers would read the clock twice for every read.
  Deeds() { statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers); }

  [[nodiscard]] const std::shared_ptr<rocksdb::Statistics>& statistics() const {
    return statistics_;
  }

  void OnFlushCompleted(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& done) override {
    const rocksdb::TableProperties& table = done.table_properties;
    flushed_bytes_ += table.data_size + table.index_size + table.filter_size;
  }

  void OnCompactionCompleted(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& done) override {
    read_bytes_ += done.stats.total_input_bytes;
    written_bytes_ += done.stats.total_output_bytes;
  }

  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& now) override {
    using enum rocksdb::WriteStallCondition;
    if (now.condition.prev == kNormal && now.condition.cur != kNormal) ++stalls_;
  }

  void AddTo(RocksFigures& figures) const {
    figures.flushed_bytes = flushed_bytes_;
    figures.compaction_read_bytes = read_bytes_;
    figures.compaction_written_bytes = written_bytes_;
    figures.stalls = stalls_;
    figures.block_cache_hits = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_HIT);
    figures.block_cache_misses = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_MISS);
  }

 private:
  const std::shared_ptr<rocksdb::Statistics> statistics_ = rocksdb::CreateDBStatistics();
  std::atomic<uint64_t> flushed_bytes_ = 0;
  std::atomic<uint64_t> read_bytes_ = 0;
  std::atomic<uint64_t> written_bytes_ = 0;
  std::atomic<uint64_t> stalls_ = 0;
};

SharedMemory::SharedMemory(uint64_t block_cache_bytes, uint64_t write_buffer_bytes)
    : block_cache_(rocksdb::NewLRUCache(block_cache_bytes)),
      write_buffers_(std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes)) {}

rocksdb::Options SafeOptions(const SharedMemory& memory, bool must_exist) {
  rocksdb::Options options;
  options.create_if_missing = !must_exist;
  options.write_buffer_manager = memory.write_buffers();
  options.max_open_files = -1;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 4;
  options.max_bgerror_resume_count = 0;
  options.keep_log_file_num = 10;
  options.max_log_file_size = size_t{64} << 20U;
  options.bytes_per_sync = uint64_t{1} << 20U;
  options.recycle_log_file_num = 0;
  options.wal_compression = rocksdb::kNoCompression;
  // The default mode silently drops everything after the first damaged batch.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.avoid_flush_during_shutdown = false;
  // Statistics of RocksDB's own, which nobody here reads, would cost it a timer thread.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

StatusOr<std::unique_ptr<Database>> Database::Open(rocksdb::Options options,
                                                   const std::string& path, OnFatal on_fatal) {
  auto health = std::make_shared<Health>(std::move(on_fatal));
  auto deeds = std::make_shared<Deeds>();
  options.listeners.push_back(std::make_shared<FatalErrors>(path, health));
  options.listeners.push_back(deeds);
  options.statistics = deeds->statistics();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, path, &db);
  if (opened.ok()) {
    return std::unique_ptr<Database>(
        new Database(path, std::move(health), std::move(deeds), std::unique_ptr<rocksdb::DB>(db)));
  }
  if (opened.IsInvalidArgument() && !options.create_if_missing) {
    return MakeStatus(
        StatusCode::kDataLoss,
        fmt::format("open {}: {}; a database that should be there is not: restore the "
                    "data directory from a backup or replace this node",
                    path, opened.ToString()));
  }
  return Convert(opened, "open " + path,
                 opened.IsNotSupported()
                     ? "start the newer kvd that wrote it"
                     : "check the disk, then replace this node or restore its data directory from "
                       "a backup");
}

Database::Database(std::string path, std::shared_ptr<Health> health,
                   std::shared_ptr<const Deeds> deeds, std::unique_ptr<rocksdb::DB> db)
    : path_(std::move(path)),
      health_(std::move(health)),
      deeds_(std::move(deeds)),
      db_(std::move(db)) {}

Database::~Database() {
  // What cannot be flushed is in the write-ahead log, or is rebuilt from the other database.
  if (Check().ok()) Flush().IgnoreError();
  db_->Close().PermitUncheckedError();
}

Status Database::Check() const {
  return health_->Check();
}

Status Database::Fatal(const rocksdb::Status& status, std::string_view doing) const {
  Status error = Convert(status, fmt::format("{} {}", doing, path_), kMustStop);
  health_->Fail(error);
  return error;
}

Status Database::ReadError(const rocksdb::Status& status) const {
  // RocksDB 7.8 may lose data if it goes on after the disk failed to be read; damage it has noticed
  // stays where it is.
  if (!status.IsCorruption()) return Fatal(status, "read");
  return Convert(status, "read " + path_,
                 "check the disk, then replace this node or restore its data from a backup");
}

Status Database::Write(const rocksdb::WriteOptions& options, rocksdb::WriteBatch& batch) {
  KVD_RETURN_IF_ERROR(Check());
  const rocksdb::Status written = db_->Write(options, &batch);
  return written.ok() ? OkStatus() : Fatal(written, "write");
}

Status Database::Flush() {
  KVD_RETURN_IF_ERROR(Check());
  const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions());
  return flushed.ok() ? OkStatus() : Fatal(flushed, "flush");
}

StatusOr<std::optional<std::string>> Database::Get(const rocksdb::ReadOptions& options,
                                                   const std::string& key) const {
  KVD_RETURN_IF_ERROR(Check());
  std::string value;
  const rocksdb::Status got = db_->Get(options, key, &value);
  if (got.ok()) return value;
  if (got.IsNotFound()) return std::nullopt;
  return ReadError(got);
}

std::optional<Database::Known> Database::Peek(const std::string& key) const {
  if (!Check().ok()) return std::nullopt;
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  std::string value;
  const rocksdb::Status got = db_->Get(options, key, &value);
  if (got.ok()) return Known{std::move(value)};
  if (got.IsNotFound()) return Known{std::nullopt};
  return std::nullopt;
}

StatusOr<std::optional<Database::Record>> Database::First(const std::string& from,
                                                          const std::string& to) const {
  std::optional<Record> first;
  KVD_RETURN_IF_ERROR(Visit(from, to, [&](std::string_view key, std::string_view value) {
    first = Record{.key = std::string(key), .value = std::string(value)};
    return false;
  }));
  return first;
}

StatusOr<std::optional<Database::Record>> Database::Last(const std::string& from,
                                                         const std::string& to) const {
  KVD_RETURN_IF_ERROR(Check());
  const rocksdb::Slice lower(from);
  const rocksdb::Slice upper(to);
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(Bounded(lower, upper)));
  it->SeekToLast();
  if (!it->status().ok()) return ReadError(it->status());
  if (!it->Valid()) return std::nullopt;
  return Record{.key = it->key().ToString(), .value = it->value().ToString()};
}

rocksdb::ReadOptions Database::Moment::options() const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  return options;
}

Status Database::Visit(const std::string& from, const std::string& to, const Visitor& visit) const {
  return VisitWith({}, from, to, visit);
}

Status Database::Visit(const Moment& moment, const std::string& from, const std::string& to,
                       const Visitor& visit) const {
  return VisitWith(moment.options(), from, to, visit);
}

Status Database::VisitWith(rocksdb::ReadOptions options, const std::string& from,
                           const std::string& to, const Visitor& visit) const {
  KVD_RETURN_IF_ERROR(Check());
  const rocksdb::Slice lower(from);
  const rocksdb::Slice upper(to);
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(Bounded(lower, upper, std::move(options))));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    KVD_ASSIGN_OR_RETURN(const bool go_on, visit(View(it->key()), View(it->value())));
    if (!go_on) return OkStatus();
  }
  return it->status().ok() ? OkStatus() : ReadError(it->status());
}

uint64_t Database::disk_bytes() const {
  return FolderBytes(path_);
}

RocksFigures Database::figures() const {
  using Properties = rocksdb::DB::Properties;
  RocksFigures figures{
      .block_cache_bytes = IntProperty(*db_, Properties::kBlockCacheUsage),
      .memtable_bytes = IntProperty(*db_, Properties::kCurSizeAllMemTables),
      .pending_compaction_bytes = IntProperty(*db_, Properties::kEstimatePendingCompactionBytes),
      .running_compactions = IntProperty(*db_, Properties::kNumRunningCompactions),
      .running_flushes = IntProperty(*db_, Properties::kNumRunningFlushes),
      .stalled = StalledSince(*db_)};
  deeds_->AddTo(figures);
  return figures;
}

}  // namespace kvd::storage
