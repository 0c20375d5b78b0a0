// Reads RocksDB's write-ahead log itself, to tell a torn write from corruption: RocksDB only says
// "corrupt" to both, and one is what a power cut leaves of a batch that nobody was promised, the
// other the loss of batches that somebody was.
//
// The log of kvd has one batch in flight at a time, and every batch begins with its number. So what
// is damaged and followed by no later batch was never acknowledged; what is damaged and followed by
// an intact later batch was.
//
// The format (RocksDB 7.8, db/log_format.h): blocks of 32 KiB, in them fragments of masked crc32c
// u32 | length u16 | type u8 | payload, where a batch is one full fragment or a first, middles and
// a last. A block's last bytes, if too few for a fragment's header, are zero.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kvd::storage {

// What one write-ahead file holds.
struct WalScan {
  // Whole batches, each numbered one above the one before it, reach up to here.
  uint64_t intact_bytes = 0;

  // The number of the last of them; nullopt if none has a number.
  std::optional<uint64_t> last_batch;

  // Bytes follow that are no whole batch, or not the next one.
  bool damaged = false;

  // The number of an intact batch after the damage, later than `last_batch`; nullopt if there is
  // none. It is looked for at every byte, because damage may have hit a length.
  std::optional<uint64_t> batch_after_damage;
};

// REQUIRES: `bytes` is the file from its beginning. `previous_batch` is the last one of the file
// before it; 0 if there is none.
[[nodiscard]] WalScan ScanWal(std::string_view bytes, uint64_t previous_batch);

}  // namespace kvd::storage
