#include "common/hash.h"

#include <xxhash.h>

#include <bit>

#include "common/check.h"

namespace kvd {

uint64_t Hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

uint32_t Checksum32(std::string_view bytes) {
  return static_cast<uint32_t>(Hash64(bytes));
}

PartitionId PartitionOf(std::string_view key, uint32_t partitions) {
  KVD_CHECK(std::has_single_bit(partitions), "partitions must be a power of two");
  const int bits = std::countr_zero(partitions);
  if (bits == 0) return PartitionId{0};  // A shift by 64 is undefined.
  return PartitionId{static_cast<uint32_t>(Hash64(key) >> (64 - bits))};
}

}  // namespace kvd
