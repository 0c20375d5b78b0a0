// One RocksDB database, as the log and the store need it: opened with the options that
// reference/toolchain.md found safe in 7.8.3, and dead for good after the first error that leaves
// its state in doubt.
//
// Private to rocks/: the room's other headers do not show RocksDB's types.
//
// Threading: thread-safe.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "server/storage/rocks/figures.h"

namespace kvd::storage {

class SharedMemory {
 public:
  SharedMemory(uint64_t block_cache_bytes, uint64_t write_buffer_bytes);

  [[nodiscard]] const std::shared_ptr<rocksdb::Cache>& block_cache() const { return block_cache_; }
  [[nodiscard]] const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers() const {
    return write_buffers_;
  }

 private:
  const std::shared_ptr<rocksdb::Cache> block_cache_;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
};

// The options both databases share. REQUIRES: `memory` is not null.
[[nodiscard]] rocksdb::Options SafeOptions(const SharedMemory& memory, bool must_exist);

// The first fatal error, told once.
class Health;

// What background threads have done.
class Deeds;

class Database {
 public:
  // Called at most once, from any thread and never under a lock of ours, with the error that made
  // the database unusable.
  using OnFatal = std::function<void(const Status&)>;

  // DATA_LOSS if the files contradict each other, or if `options` does not allow to create the
  // database and there is none; FAILED_PRECONDITION if a newer RocksDB wrote them.
  [[nodiscard]] static StatusOr<std::unique_ptr<Database>> Open(rocksdb::Options options,
                                                                const std::string& path,
                                                                OnFatal on_fatal);

  // Flushes, unless the database failed, and closes.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // The error that made the database unusable; OK until then. Every command and query below checks
  // it first.
  [[nodiscard]] Status Check() const;

  // Any error is fatal.
  [[nodiscard]] Status Write(const rocksdb::WriteOptions& options, rocksdb::WriteBatch& batch);
  [[nodiscard]] Status Flush();

  struct Record {
    std::string key;
    std::string value;
  };

  // A damaged block is DATA_LOSS; an error of the disk is fatal.
  [[nodiscard]] StatusOr<std::optional<std::string>> Get(const rocksdb::ReadOptions& options,
                                                         const std::string& key) const;

  // As Get(), of what is in memory; nullopt: ask Get().
  struct Known {
    std::optional<std::string> value;
  };
  [[nodiscard]] std::optional<Known> Peek(const std::string& key) const;

  // The first or last record in [from, to).
  [[nodiscard]] StatusOr<std::optional<Record>> First(const std::string& from,
                                                      const std::string& to) const;
  [[nodiscard]] StatusOr<std::optional<Record>> Last(const std::string& from,
                                                     const std::string& to) const;

  // Shows the records in [from, to), in order and as of one moment, until there is none or `visit`
  // answers false or fails.
  using Visitor = std::function<StatusOr<bool>(std::string_view key, std::string_view value)>;
  [[nodiscard]] Status Visit(const std::string& from, const std::string& to,
                             const Visitor& visit) const;

  // One moment, kept readable until it is destroyed, which must be before the database is.
  class Moment {
   public:
    explicit Moment(const Database& db) : db_(db), snapshot_(db.db_->GetSnapshot()) {}
    ~Moment() { db_.db_->ReleaseSnapshot(snapshot_); }
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;

    [[nodiscard]] rocksdb::ReadOptions options() const;

   private:
    const Database& db_;
    const rocksdb::Snapshot* const snapshot_;
  };

  // As of `moment`.
  [[nodiscard]] Status Visit(const Moment& moment, const std::string& from, const std::string& to,
                             const Visitor& visit) const;

  [[nodiscard]] uint64_t disk_bytes() const;
  [[nodiscard]] RocksFigures figures() const;

 private:
  Database(std::string path, std::shared_ptr<Health> health, std::shared_ptr<const Deeds> deeds,
           std::unique_ptr<rocksdb::DB> db);

  [[nodiscard]] Status VisitWith(rocksdb::ReadOptions options, const std::string& from,
                                 const std::string& to, const Visitor& visit) const;
  [[nodiscard]] Status Fatal(const rocksdb::Status& status, std::string_view doing) const;
  [[nodiscard]] Status ReadError(const rocksdb::Status& status) const;

  const std::string path_;
  const std::shared_ptr<Health> health_;
  const std::shared_ptr<const Deeds> deeds_;
  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace kvd::storage
