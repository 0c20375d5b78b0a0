// The two worlds in which the contracts of Log and Store must hold: in memory, and on disk.
//
// Threading: confined to the test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "common/check.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"
#include "server/storage/rocks/rocks_store.h"
#include "server/storage/segments/segment_log.h"
#include "server/storage/write_back.h"
#include "tests/unit/server/storage/temp_dir.h"

namespace kvd::storage {

class MemoryLogWorld {
 public:
  Log& log() { return log_; }
  void Crash() { log_.Crash(/*tear_last_batch=*/true); }
  void StopCleanly() {}

 private:
  MemoryLog log_;
};

// Copies a log as a crash would leave it, while it is open: its own thread may be renaming a file,
// then once more.
inline void CopyLog(const std::string& from, const std::string& to) {
  std::error_code changed;
  do {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, changed);
  } while (changed);
}

// Segments are small, so that every test uses many.
class SegmentLogWorld {
 public:
  SegmentLogWorld() { Open(/*last_stop_was_clean=*/true); }

  Log& log() { return *log_; }

  // A crash is what the files hold while the log is open.
  void Crash() {
    const std::string crashed = dir_ / std::to_string(++runs_);
    CopyLog(path_, crashed);
    path_ = crashed;
    Open(/*last_stop_was_clean=*/false);
  }

  void StopCleanly() {
    log_.reset();
    Open(/*last_stop_was_clean=*/true);
  }

 private:
  void Open(bool last_stop_was_clean) {
    auto opened = OpenSegmentLog(
        path_, {.last_stop_was_clean = last_stop_was_clean, .segment_bytes = 1024, .on_fatal = {}});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    KVD_CHECK(!opened->cut.has_value(), *opened->cut);
    log_ = std::move(opened->log);
  }

  TempDir dir_;
  int runs_ = 0;
  std::string path_ = dir_ / "0";
  std::unique_ptr<Log> log_;
};

class MemoryStoreWorld {
 public:
  Store& store() { return store_; }
  void Crash() { store_.Crash(); }
  void StopCleanly() { KVD_CHECK(store_.Flush().ok(), "flush"); }

 private:
  MemoryStore store_;
};

class RocksStoreWorld {
 public:
  RocksStoreWorld() { Open(); }

  Store& store() { return *store_; }

  void Crash() {
    const std::string crashed = dir_ / std::to_string(++runs_);
    std::filesystem::copy(path_, crashed, std::filesystem::copy_options::recursive);
    path_ = crashed;
    Open();
  }

  void StopCleanly() {
    store_.reset();
    Open();
  }

 private:
  void Open() {
    auto opened = OpenRocksStore(path_, {.memory = {}, .on_fatal = {}});
    KVD_CHECK(opened.ok(), opened.status().ToString());
    store_ = *std::move(opened);
  }

  TempDir dir_;
  int runs_ = 0;
  std::string path_ = dir_ / "0";
  std::unique_ptr<Store> store_;
};

// In front of RocksDB, with room for `kMaxBytes`.
template <uint64_t kMaxBytes>
class WriteBackWorld {
 public:
  Store& store() { return *store_; }

  void Crash() {
    behind_.Crash();
    Open();
  }

  void StopCleanly() {
    KVD_CHECK(store_->Flush().ok(), "flush");
    behind_.StopCleanly();
    Open();
  }

 private:
  void Open() { store_.emplace(behind_.store(), kMaxBytes); }

  RocksStoreWorld behind_;
  std::optional<WriteBackStore> store_ =
      std::make_optional<WriteBackStore>(behind_.store(), kMaxBytes);
};

}  // namespace kvd::storage
