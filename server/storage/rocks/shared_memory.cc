#include "server/storage/rocks/shared_memory.h"

#include "server/storage/rocks/database.h"

namespace kvd::storage {

std::shared_ptr<SharedMemory> MakeSharedMemory(uint64_t block_cache_bytes,
                                               uint64_t write_buffer_bytes) {
  return std::make_shared<SharedMemory>(block_cache_bytes, write_buffer_bytes);
}

}  // namespace kvd::storage
