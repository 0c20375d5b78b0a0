// The hash that places keys, and checksums of records. Both are XXH3-64 with seed 0: a contract
// with every disk and every client, held by golden vectors.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/types.h"

namespace kvd {

[[nodiscard]] uint64_t Hash64(std::string_view bytes);

// The low half of Hash64: enough to notice damage in one record.
[[nodiscard]] uint32_t Checksum32(std::string_view bytes);

// The partition of `key`: the top log2(partitions) bits of its hash, so that each partition is one
// contiguous arc and P can be reasoned about as a prefix.
// REQUIRES: `partitions` is a power of two, at least 1.
[[nodiscard]] PartitionId PartitionOf(std::string_view key, uint32_t partitions);

}  // namespace kvd
