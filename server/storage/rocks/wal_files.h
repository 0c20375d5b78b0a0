// Decides, before a database is opened, whether its write-ahead files may be opened: they are
// intact, or end in a torn write, which is cut off, or are corrupt, which is refused.
//
// Threading: confined to the opener of the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/status.h"

namespace kvd::storage {

struct WalCheck {
  uint64_t last_batch = 0;         // The last intact one; 0 if the files hold none.
  std::optional<std::string> cut;  // A sentence about what was cut off, if something was.
};

// Checks the write-ahead files in `path` and cuts a torn last batch off, durably. Damage that an
// intact later batch follows, and any damage if `last_stop_was_clean`, is DATA_LOSS, and nothing is
// changed. A folder that does not exist holds no batch.
[[nodiscard]] StatusOr<WalCheck> CheckWal(const std::string& path, bool last_stop_was_clean);

// DATA_LOSS if `path` holds a database's files and not the one that says which of them count:
// opening would begin an empty one.
[[nodiscard]] Status CheckNotHeadless(const std::string& path);

}  // namespace kvd::storage
