// The data: for every partition its keys, and how far its log has been applied to them. Writes are
// not durable by themselves: they become so by flushes, in the order in which they were made, and
// are rebuilt from the log after a crash. A batch is atomic: after a crash all of it is there, or
// none.
//
// Threading: thread-safe. Calls may block on the disk: never call from a shard.
#pragma once

#include <cstdint>
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

// How far a partition has been applied; written in the same batch as the entries' effects.
struct AppliedRecord {
  Index index = 0;
  Term term = 0;
  Generation generation = 1;
  uint64_t keys = 0;          // Live keys in this generation.
  uint64_t value_bytes = 0;   // Sum of the sizes of keys and values.
  std::string configuration;  // Of the group at this index, encoded by its owner; may be empty.

  friend bool operator==(const AppliedRecord&, const AppliedRecord&) = default;
};

struct StoredKey {
  std::string key;
  StoredValue value;
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
  // Deletes every key of a generation.
  struct DropGeneration {
    PartitionId partition;
    Generation generation;
  };
  using Change = std::variant<Put, Delete, SetApplied, DropGeneration>;

  void Add(Change change) { changes_.push_back(std::move(change)); }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] bool empty() const { return changes_.empty(); }

 private:
  std::vector<Change> changes_;
};

class Store {
 public:
  virtual ~Store() = default;

  // Visible to readers when it returns; durable after the next Flush(). After an error the store is
  // unusable and the process must stop.
  [[nodiscard]] virtual Status Write(const StoreBatch& batch) = 0;

  // nullopt: the key is absent. A damaged record is a DATA_LOSS error, never an absence.
  [[nodiscard]] virtual StatusOr<std::optional<StoredValue>> Get(PartitionId partition,
                                                                 Generation generation,
                                                                 std::string_view key) const = 0;

  // Up to `max_keys` keys of a generation at or after `from`, in byte order.
  [[nodiscard]] virtual StatusOr<std::vector<StoredKey>> Scan(PartitionId partition,
                                                              Generation generation,
                                                              std::string_view from,
                                                              size_t max_keys) const = 0;

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
