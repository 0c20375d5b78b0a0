// Reads the segments of a log and decides what they are: intact, or ending in a write torn by a
// crash, or damaged. Damage is refused, and nothing is changed then.
//
// Of every batch but the last one somebody was told, because the next one is begun only then. So a
// batch that is not intact was torn, and is cut off, if none follows it and a crash came before;
// everything else is damage. After a clean stop, which is a batch of its own, all is damage. What
// is kept of a log that was not stopped cleanly is durable on return.
//
// What cannot be told from a torn write, after a crash: damage to the very last batch although it
// was acknowledged, and damage that takes every batch from some place to the end, as when the last
// sectors written read as zeros again. A disk that does that loses what it said was written; the
// other replicas have it.
//
// Threading: confined to the opener of the log.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "server/storage/segments/log_index.h"
#include "server/storage/segments/segment_file.h"

namespace kvd::storage {

struct Segment {
  std::shared_ptr<SegmentFile> file;
  uint64_t end = 0;  // Of its last batch.
};

struct Recovered {
  LogIndex index;
  std::map<SegmentNumber, Segment> segments;  // Those that hold a batch; empty if the log is new.
  std::shared_ptr<SegmentFile> ready;         // The one behind them, if it was made already.
  std::vector<std::string> spares;
  uint64_t last_batch = 0;
  std::optional<std::string> cut;  // A sentence about what was cut off, if something was.
};

struct RecoveryOptions {
  bool last_stop_was_clean = false;
  bool must_exist = false;
};

// Errors as OpenSegmentLog(). A folder that is not there holds no log.
[[nodiscard]] StatusOr<Recovered> RecoverLog(const std::string& path,
                                             const RecoveryOptions& options);

}  // namespace kvd::storage
