#include "server/storage/rocks/rocks_store.h"

#include <fmt/format.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"
#include "server/storage/files.h"
#include "server/storage/keys.h"
#include "server/storage/record.h"
#include "server/storage/rocks/database.h"

namespace kvd::storage {
namespace {

constexpr double kFilterBitsPerKey = 10;

// Every replica that arrives or leaves costs a flush, mostly of little, and small files in level 0
// cost every read a filter each, but merging them costs a rewrite of level 1.
constexpr int kMergeAfterFiles = 12;

// Adds each kind of change to a batch.
class BatchBuilder {
 public:
  void operator()(const StoreBatch::Put& put) {
    Expect(
        batch_.Put(DataKey(put.partition, put.generation, put.key), EncodeStoredValue(put.value)));
  }

  void operator()(const StoreBatch::Delete& gone) {
    Expect(batch_.Delete(DataKey(gone.partition, gone.generation, gone.key)));
  }

  void operator()(const StoreBatch::SetApplied& applied) {
    Expect(batch_.Put(AppliedKey(applied.partition), EncodeApplied(applied.record)));
  }

  void operator()(const StoreBatch::DropGeneration& drop) {
    Expect(batch_.DeleteRange(BeginOfGeneration(drop.partition, drop.generation),
                              EndOfGeneration(drop.partition, drop.generation)));
  }

  void operator()(const StoreBatch::DropPartition& drop) {
    Expect(batch_.DeleteRange(AppliedKey(drop.partition), EndOfPartition(drop.partition)));
  }

  void operator()(const StoreBatch::PutSession& put) {
    Expect(batch_.Put(SessionKey(put.partition, put.generation, put.session.client),
                      EncodeSession(put.session)));
  }

  void operator()(const StoreBatch::DeleteSession& gone) {
    Expect(batch_.Delete(SessionKey(gone.partition, gone.generation, gone.client)));
  }

  [[nodiscard]] rocksdb::WriteBatch& batch() { return batch_; }

 private:
  // Building a batch in memory cannot fail for reasons of the world.
  static void Expect(const rocksdb::Status& status) { KVD_CHECK(status.ok(), status.ToString()); }

  rocksdb::WriteBatch batch_;
};

// The data of one partition.
struct Place {
  PartitionId partition;
  Generation generation = 0;
};

// `moment` may be null: as it is now.
Status VisitAt(const Database& db, const Database::Moment* moment, const std::string& from,
               const std::string& to, const Database::Visitor& visit) {
  return moment == nullptr ? db.Visit(from, to, visit) : db.Visit(*moment, from, to, visit);
}

StatusOr<std::vector<StoredKey>> ScanValues(const Database& db, const Database::Moment* moment,
                                            Place place, std::string_view from, size_t max_keys) {
  std::vector<StoredKey> keys;
  if (max_keys == 0) return keys;
  const auto collect = [&](std::string_view data_key, std::string_view record) -> StatusOr<bool> {
    const std::string_view key = UserKey(data_key);
    KVD_ASSIGN_OR_RETURN(StoredValue value, DecodeStoredValue(place.partition, key, record));
    keys.push_back({.key = std::string(key), .value = std::move(value)});
    return keys.size() < max_keys;
  };
  KVD_RETURN_IF_ERROR(VisitAt(db, moment, DataKey(place.partition, place.generation, from),
                              EndOfValues(place.partition, place.generation), collect));
  return keys;
}

StatusOr<std::vector<StoredSession>> ScanSessionsOf(const Database& db,
                                                    const Database::Moment* moment, Place place,
                                                    uint64_t from, size_t max_sessions) {
  std::vector<StoredSession> sessions;
  if (max_sessions == 0) return sessions;
  const auto collect = [&](std::string_view key, std::string_view record) -> StatusOr<bool> {
    const auto client = ClientOfSessionKey(key);
    if (!client) return MalformedRecord("a session under a key of another length");
    KVD_ASSIGN_OR_RETURN(StoredSession session, DecodeSession(place.partition, *client, record));
    sessions.push_back(std::move(session));
    return sessions.size() < max_sessions;
  };
  KVD_RETURN_IF_ERROR(VisitAt(db, moment, SessionKey(place.partition, place.generation, from),
                              EndOfSessions(place.partition, place.generation), collect));
  return sessions;
}

class RocksView : public PartitionView {
 public:
  RocksView(const Database& db, std::unique_ptr<Database::Moment> moment, PartitionId partition,
            AppliedRecord applied)
      : db_(db), moment_(std::move(moment)), partition_(partition), applied_(std::move(applied)) {}

  [[nodiscard]] const AppliedRecord& applied() const override { return applied_; }
  [[nodiscard]] StatusOr<std::vector<StoredKey>> Scan(std::string_view from,
                                                      size_t max_keys) const override {
    return ScanValues(db_, moment_.get(), {partition_, applied_.generation}, from, max_keys);
  }
  [[nodiscard]] StatusOr<std::vector<StoredSession>> ScanSessions(
      uint64_t from, size_t max_sessions) const override {
    return ScanSessionsOf(db_, moment_.get(), {partition_, applied_.generation}, from,
                          max_sessions);
  }

 private:
  const Database& db_;
  const std::unique_ptr<Database::Moment> moment_;
  const PartitionId partition_;
  const AppliedRecord applied_;
};

class RocksStore : public StoreOnDisk {
 public:
  explicit RocksStore(std::unique_ptr<Database> db) : db_(std::move(db)) {}

  [[nodiscard]] Status Write(StoreBatch batch) override {
    BatchBuilder builder;
    for (const StoreBatch::Change& change : batch.changes()) std::visit(builder, change);
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return db_->Write(options, builder.batch());
  }

  [[nodiscard]] StatusOr<std::optional<StoredValue>> Get(PartitionId partition,
                                                         Generation generation,
                                                         std::string_view key) const override;
  [[nodiscard]] std::optional<KnownValue> Peek(PartitionId partition, Generation generation,
                                               std::string_view key) const override;
  [[nodiscard]] StatusOr<std::vector<StoredKey>> Scan(PartitionId partition, Generation generation,
                                                      std::string_view from,
                                                      size_t max_keys) const override;
  [[nodiscard]] StatusOr<std::vector<StoredSession>> ScanSessions(
      PartitionId partition, Generation generation, uint64_t from,
      size_t max_sessions) const override;
  [[nodiscard]] StatusOr<std::unique_ptr<PartitionView>> OpenView(
      PartitionId partition) const override;
  [[nodiscard]] StatusOr<std::vector<PartitionId>> Partitions() const override;
  [[nodiscard]] StatusOr<std::optional<AppliedRecord>> Applied(PartitionId partition,
                                                               Tier tier) const override;
  [[nodiscard]] Status Flush() override { return db_->Flush(); }
  [[nodiscard]] uint64_t disk_bytes() const override { return db_->disk_bytes(); }
  [[nodiscard]] RocksFigures figures() const override { return db_->figures(); }

 private:
  const std::unique_ptr<Database> db_;
};

StatusOr<std::optional<StoredValue>> RocksStore::Get(PartitionId partition, Generation generation,
                                                     std::string_view key) const {
  KVD_ASSIGN_OR_RETURN(const auto record, db_->Get({}, DataKey(partition, generation, key)));
  if (!record) return std::nullopt;
  KVD_ASSIGN_OR_RETURN(StoredValue value, DecodeStoredValue(partition, key, *record));
  return value;
}

std::optional<KnownValue> RocksStore::Peek(PartitionId partition, Generation generation,
                                           std::string_view key) const {
  const auto record = db_->Peek(DataKey(partition, generation, key));
  if (!record) return std::nullopt;
  if (!record->value) return KnownValue{std::nullopt};
  auto value = DecodeStoredValue(partition, key, *record->value);
  if (!value.ok()) return std::nullopt;
  return KnownValue{*std::move(value)};
}

StatusOr<std::vector<StoredKey>> RocksStore::Scan(PartitionId partition, Generation generation,
                                                  std::string_view from, size_t max_keys) const {
  return ScanValues(*db_, nullptr, {partition, generation}, from, max_keys);
}

StatusOr<std::vector<StoredSession>> RocksStore::ScanSessions(PartitionId partition,
                                                              Generation generation, uint64_t from,
                                                              size_t max_sessions) const {
  return ScanSessionsOf(*db_, nullptr, {partition, generation}, from, max_sessions);
}

StatusOr<std::unique_ptr<PartitionView>> RocksStore::OpenView(PartitionId partition) const {
  auto moment = std::make_unique<Database::Moment>(*db_);
  KVD_ASSIGN_OR_RETURN(const auto bytes, db_->Get(moment->options(), AppliedKey(partition)));
  AppliedRecord applied;
  if (bytes) {
    KVD_ASSIGN_OR_RETURN(applied, DecodeApplied(partition, *bytes));
  }
  return std::make_unique<RocksView>(*db_, std::move(moment), partition, std::move(applied));
}

StatusOr<std::vector<PartitionId>> RocksStore::Partitions() const {
  std::vector<PartitionId> partitions;
  std::string from = AppliedKey(PartitionId{0});
  const std::string end = EndOfPartition(PartitionId{std::numeric_limits<uint32_t>::max()});
  while (true) {
    KVD_ASSIGN_OR_RETURN(const auto record, db_->First(from, end));
    if (!record) return partitions;
    const auto partition = PartitionOfDataKey(record->key);
    if (!partition) {
      return MakeStatus(StatusCode::kDataLoss,
                        fmt::format("the data holds a record under a key of {} bytes, which no kvd "
                                    "writes; check the disk, then replace this node",
                                    record->key.size()));
    }
    // A partition without the record is a snapshot that was being received.
    if (record->key == AppliedKey(*partition)) partitions.push_back(*partition);
    from = EndOfPartition(*partition);
  }
}

StatusOr<std::optional<AppliedRecord>> RocksStore::Applied(PartitionId partition, Tier tier) const {
  rocksdb::ReadOptions options;
  if (tier == Tier::kFlushed) options.read_tier = rocksdb::kPersistedTier;
  KVD_ASSIGN_OR_RETURN(const auto bytes, db_->Get(options, AppliedKey(partition)));
  if (!bytes) return std::nullopt;
  KVD_ASSIGN_OR_RETURN(AppliedRecord record, DecodeApplied(partition, *bytes));
  return record;
}

rocksdb::CompressionType CompressionType(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return rocksdb::kNoCompression;
    case Compression::kLz4:
      return rocksdb::kLZ4Compression;
    case Compression::kZstd:
      return rocksdb::kZSTD;
    case Compression::kSnappy:
      return rocksdb::kSnappyCompression;
  }
  KVD_CHECK(false, "unknown compression");
}

rocksdb::Options StoreOptions(const RocksStoreOptions& options) {
  const auto memory = options.memory ? options.memory : MakeSharedMemory(options.block_cache_bytes);
  rocksdb::Options rocks = SafeOptions(*memory, options.must_exist);
  rocks.write_buffer_size = options.write_buffer_bytes;
  rocks.compression = CompressionType(options.compression);
  rocks.level0_file_num_compaction_trigger = kMergeAfterFiles;
  rocks.level0_slowdown_writes_trigger = 3 * kMergeAfterFiles;
  rocks.level0_stop_writes_trigger = 4 * kMergeAfterFiles;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = memory->block_cache();
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return rocks;
}

// DATA_LOSS if `path` holds a database's files and not the one that says which of them count:
// opening would begin an empty one.
Status CheckNotHeadless(const std::string& path) {
  const auto names = ListFolder(path);
  if (names.status().code() == StatusCode::kNotFound) return OkStatus();
  if (!names.ok()) return names.status();
  if (std::ranges::find(*names, "CURRENT") != names->end()) return OkStatus();
  for (const std::string& name : *names) {
    if (name.ends_with(".log") || name.ends_with(".sst")) {
      return MakeStatus(StatusCode::kDataLoss,
                        fmt::format("{}: holds {} but no CURRENT; check the disk, then replace "
                                    "this node or restore its data directory from a backup",
                                    path, name));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<StoreOnDisk>> OpenRocksStore(const std::string& path,
                                                      const RocksStoreOptions& options) {
  KVD_RETURN_IF_ERROR(Annotate(CheckNotHeadless(path), "open store " + path));
  KVD_ASSIGN_OR_RETURN(auto db, Database::Open(StoreOptions(options), path, options.on_fatal));
  return std::make_unique<RocksStore>(std::move(db));
}

}  // namespace kvd::storage
