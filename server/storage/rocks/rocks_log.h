// The log on disk: a RocksDB database of its own, whose every batch is synced and begins with its
// number, so that after a power cut a torn write can be told from corruption.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/status.h"
#include "server/storage/log.h"
#include "server/storage/rocks/shared_memory.h"

namespace kvd::storage {

struct RocksLogOptions {
  // After a clean stop nothing may be torn: any damage is refused.
  bool last_stop_was_clean = false;

  // Refuse to begin an empty log: the node has been bound to a cluster and may have voted.
  bool must_exist = false;

  uint64_t write_buffer_bytes = uint64_t{64} << 20U;

  // Shared with the store; null: a small cache of its own.
  std::shared_ptr<SharedMemory> memory;

  // Told once, from any thread, of the error after which every call fails: stop the process.
  std::function<void(const Status&)> on_fatal;
};

struct OpenedRocksLog {
  std::unique_ptr<Log> log;  // Destroying it is the clean stop: it flushes.

  // A sentence for the operator's log, if a write torn by a crash was cut off.
  std::optional<std::string> cut;
};

// Opens the log in the folder `path`, creating it (its parent must exist). Errors:
//   DATA_LOSS            damage that is no torn write, naming the file; nothing was changed
//   FAILED_PRECONDITION  written by a newer kvd
//   INTERNAL, RESOURCE_EXHAUSTED, PERMISSION_DENIED  as the operating system says
[[nodiscard]] StatusOr<OpenedRocksLog> OpenRocksLog(const std::string& path,
                                                    const RocksLogOptions& options);

}  // namespace kvd::storage
