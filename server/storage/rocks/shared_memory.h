// The memory that a node's databases share: one cache of blocks, one bound for what is not yet
// flushed.
//
// Threading: thread-safe.
#pragma once

#include <cstdint>
#include <memory>

namespace kvd::storage {

class SharedMemory;  // Opaque: only rocks/ sees the databases' own types.

// `write_buffer_bytes` bounds, about, the unflushed bytes of all databases together; 0 leaves each
// to its own bound.
[[nodiscard]] std::shared_ptr<SharedMemory> MakeSharedMemory(uint64_t block_cache_bytes,
                                                             uint64_t write_buffer_bytes = 0);

}  // namespace kvd::storage
