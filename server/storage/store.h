// The data: for every partition its keys, and how far its log has been applied to them. Writes are
// not durable by themselves: they become so by flushes, those of one partition in the order in
// which they were made, and are rebuilt from the log after a crash. What a batch holds of one
// partition is atomic: after a crash all of it is there, or none.
//
// Threading: thread-safe. Calls may block on the disk, but for Peek(): never call from a shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/status.h"
#include "common/types.h"

namespace kvd::storage {

// Partitions are filled anew (by a snapshot) under the next generation, and switched in one batch.
using Generation = uint64_t;

struct StoredValue {
  Version version = 0;
  std::string value;

  friend bool operator==(const StoredValue&, const StoredValue&) = default;
};

// What a key holds; nullopt: it is absent.
struct KnownValue {
  std::optional<StoredValue> value;

  friend bool operator==(const KnownValue&, const KnownValue&) = default;
};

// What there is to say of a key's value beside its bytes.
struct StoredHead {
  Version version = 0;
  uint64_t bytes = 0;  // Of the value.

  friend bool operator==(const StoredHead&, const StoredHead&) = default;
};

// How far a partition has been applied; written in the same batch as the entries' effects.
struct AppliedRecord {
  Index index = 0;
  Term term = 0;
  Generation generation = 1;
  uint64_t keys = 0;               // Live keys in this generation.
  uint64_t value_bytes = 0;        // Sum of the sizes of keys and values.
  std::string configuration = {};  // Of the group here, encoded by its owner; empty: the initial.

  // Sessions touched at or below this index may have been forgotten (partition/sessions.h).
  Index floor = 0;

  // Where a snapshot installed this generation; 0: none did. The data may be ahead of its log at
  // this very index, because the log is reset after the switch.
  Index snapshot_index = 0;

  friend bool operator==(const AppliedRecord&, const AppliedRecord&) = default;
};

struct StoredKey {
  std::string key;
  StoredValue value;

  friend bool operator==(const StoredKey&, const StoredKey&) = default;
};

// What a partition remembers of one client, beside its keys; `state` is encoded by its owner.
struct StoredSession {
  uint64_t client = 0;
  std::string state;

  friend bool operator==(const StoredSession&, const StoredSession&) = default;
};

// An atomic set of changes. Later changes to a key win over earlier ones.
class StoreBatch {
 public:
  struct Put {
    PartitionId partition;
    Generation generation;
    std::string key;
    StoredValue value;
  };
  struct Delete {
    PartitionId partition;
    Generation generation;
    std::string key;
  };
  struct SetApplied {
    PartitionId partition;
    AppliedRecord record;
  };
  // Deletes every key and every session of a generation.
  struct DropGeneration {
    PartitionId partition;
    Generation generation;
  };
  struct PutSession {
    PartitionId partition;
    Generation generation;
    StoredSession session;
  };
  struct DeleteSession {
    PartitionId partition;
    Generation generation;
    uint64_t client = 0;
  };
  // Deletes everything of a partition, its applied record included: it was never applied then.
  struct DropPartition {
    PartitionId partition;
  };
  using Change = std::variant<Put, Delete, SetApplied, DropGeneration, PutSession, DeleteSession,
                              DropPartition>;

  template <typename T>
  void Add(T change) {
    changes_.emplace_back(std::in_place_type<T>, std::move(change));
  }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] std::vector<Change>& changes() { return changes_; }
  [[nodiscard]] bool empty() const { return changes_.empty(); }

 private:
  std::vector<Change> changes_;
};

// One partition as it stood at one moment, whatever is written meanwhile. Does not outlive its
// store.
//
// Threading: thread-safe. Calls may block on the disk.
class PartitionView {
 public:
  virtual ~PartitionView() = default;

  // The record as of that moment; a default one if the partition was never applied. What follows is
  // of its generation.
  [[nodiscard]] virtual const AppliedRecord& applied() const = 0;

  // As Store's.
  [[nodiscard]] virtual StatusOr<std::vector<StoredKey>> Scan(std::string_view from,
                                                              size_t max_keys) const = 0;
  [[nodiscard]] virtual StatusOr<std::vector<StoredSession>> ScanSessions(
      uint64_t from, size_t max_sessions) const = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Visible to readers when it returns; durable after the next Flush(). After an error the store is
  // unusable and the process must stop.
  [[nodiscard]] virtual Status Write(StoreBatch batch) = 0;

  // nullopt: the key is absent. A damaged record is a DATA_LOSS error, never an absence.
  [[nodiscard]] virtual StatusOr<std::optional<StoredValue>> Get(PartitionId partition,
                                                                 Generation generation,
                                                                 std::string_view key) const = 0;

  // As Get(), without the bytes: for whoever writes over them.
  [[nodiscard]] virtual StatusOr<std::optional<StoredHead>> Head(PartitionId partition,
                                                                 Generation generation,
                                                                 std::string_view key) const;

  // As Get(), of what is in memory: never blocks on the disk, nor on anybody who might. nullopt:
  // ask Get(), which may find it, or say what is wrong.
  [[nodiscard]] virtual std::optional<KnownValue> Peek(PartitionId partition, Generation generation,
                                                       std::string_view key) const = 0;

  // Up to `max_keys` keys of a generation at or after `from`, in byte order.
  [[nodiscard]] virtual StatusOr<std::vector<StoredKey>> Scan(PartitionId partition,
                                                              Generation generation,
                                                              std::string_view from,
                                                              size_t max_keys) const = 0;

  // Up to `max_sessions` sessions of a generation of clients at or above `from`, in their order. A
  // damaged one is a DATA_LOSS error.
  [[nodiscard]] virtual StatusOr<std::vector<StoredSession>> ScanSessions(
      PartitionId partition, Generation generation, uint64_t from, size_t max_sessions) const = 0;

  [[nodiscard]] virtual StatusOr<std::unique_ptr<PartitionView>> OpenView(
      PartitionId partition) const = 0;

  // Every partition that has an applied record, in order.
  [[nodiscard]] virtual StatusOr<std::vector<PartitionId>> Partitions() const = 0;

  enum class Tier { kLatest, kFlushed };

  // The applied record as last written, or as a crash right now would leave it (kFlushed: the log
  // may be truncated up to its index, never beyond). nullopt: the partition was never applied.
  [[nodiscard]] virtual StatusOr<std::optional<AppliedRecord>> Applied(PartitionId partition,
                                                                       Tier tier) const = 0;

  // Makes everything written so far durable.
  [[nodiscard]] virtual Status Flush() = 0;

  // Bytes on disk, about.
  [[nodiscard]] virtual uint64_t disk_bytes() const = 0;
};

}  // namespace kvd::storage
