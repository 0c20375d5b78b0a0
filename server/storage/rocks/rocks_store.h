// The data on disk: a RocksDB database of its own, without a write-ahead log, because the log
// rebuilds what a crash takes. Values and applied records share one column family, so that every
// flush is a consistent cut.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/status.h"
#include "server/storage/rocks/figures.h"
#include "server/storage/rocks/shared_memory.h"
#include "server/storage/store.h"

namespace kvd::storage {

enum class Compression : uint8_t { kNone, kLz4, kZstd, kSnappy };

struct RocksStoreOptions {
  // Refuse to begin an empty store.
  bool must_exist = false;

  // Bounds what is replayed after a crash: the store flushes by itself when it is full.
  uint64_t write_buffer_bytes = uint64_t{32} << 20U;

  Compression compression = Compression::kLz4;

  // Shared with the log; null: a cache of `block_cache_bytes` of its own.
  std::shared_ptr<SharedMemory> memory;
  uint64_t block_cache_bytes = uint64_t{64} << 20U;

  // Told once, from any thread, of the error after which every call fails: stop the process.
  std::function<void(const Status&)> on_fatal;
};

class StoreOnDisk : public Store {
 public:
  // Thread-safe; waits for no disk.
  [[nodiscard]] virtual RocksFigures figures() const = 0;
};

// Opens the store in the folder `path`, creating it (its parent must exist). Destroying it flushes.
// Errors: DATA_LOSS for damage, naming the file; FAILED_PRECONDITION if a newer kvd wrote it;
// INTERNAL, RESOURCE_EXHAUSTED, PERMISSION_DENIED as the operating system says.
[[nodiscard]] StatusOr<std::unique_ptr<StoreOnDisk>> OpenRocksStore(
    const std::string& path, const RocksStoreOptions& options);

}  // namespace kvd::storage
