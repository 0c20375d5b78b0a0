// What a database of RocksDB shows of itself: where its memory and its work is, and how many bytes
// it has written for those that it was given.
//
// Pure values.
#pragma once

#include <cstdint>

#include "common/clock.h"

namespace kvd::storage {

// Now, and since the database was opened.
struct RocksFigures {
  uint64_t block_cache_bytes = 0;  // In use, of all databases that share it.
  uint64_t memtable_bytes = 0;     // Those being flushed included.
  uint64_t pending_compaction_bytes = 0;
  uint64_t running_compactions = 0;
  uint64_t running_flushes = 0;

  uint64_t block_cache_hits = 0;    // Blocks that were asked for and in memory,
  uint64_t block_cache_misses = 0;  // or had to be read.

  uint64_t flushed_bytes = 0;  // About: without the footers of the files.
  uint64_t compaction_read_bytes = 0;
  uint64_t compaction_written_bytes = 0;

  // How often it began to slow writes down or to stop them, and how long writes waited for that.
  uint64_t stalls = 0;
  Duration stalled{};
};

}  // namespace kvd::storage
