// The log on disk: batches of all groups, one behind the other, in files that are written in order
// and dropped in order. A batch is one write and one fdatasync.
//
// Each segment begins with the extents of all groups, so that the ones before it can go as soon as
// no entry stands in them. Where few entries of a quiet group keep old segments alive, so that the
// segments take more than twice the room of the entries, those entries are written again with the
// next batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/clock.h"
#include "common/status.h"
#include "server/storage/log.h"

namespace kvd::storage {

struct SegmentLogOptions {
  // After a clean stop nothing may be torn: any damage is refused.
  bool last_stop_was_clean = false;

  // Refuse to begin an empty log: the node has been bound to a cluster and may have voted.
  bool must_exist = false;

  // A batch that is larger has a segment of its own size. REQUIRES: 1 KiB to 512 MiB.
  uint64_t segment_bytes = uint64_t{4} << 20U;

  // Told once, from any thread, of the error after which every call fails: stop the process.
  std::function<void(const Status&)> on_fatal = {};

  // Told of every batch when it is durable, by whoever appended: its bytes, and how long it took,
  // by `clock`, to write and to sync them. Both are given, or neither; the clock outlives the log.
  std::function<void(uint64_t bytes, Duration took)> on_synced = {};
  const Clock* clock = nullptr;
};

struct OpenedSegmentLog {
  std::unique_ptr<Log> log;  // Destroying it is the clean stop: it says so in the log.

  // A sentence for the operator's log, if a write torn by a crash was cut off.
  std::optional<std::string> cut;
};

// Opens the log in the folder `path`, creating it (its parent must exist). What can be told from a
// torn write and what not is said in recovery.h. Errors:
//   DATA_LOSS            damage that is no torn write, naming the file; nothing was changed
//   FAILED_PRECONDITION  written by a newer kvd, or by a pre-release
//   INTERNAL, RESOURCE_EXHAUSTED, PERMISSION_DENIED  as the operating system says
[[nodiscard]] StatusOr<OpenedSegmentLog> OpenSegmentLog(const std::string& path,
                                                        const SegmentLogOptions& options);

}  // namespace kvd::storage
