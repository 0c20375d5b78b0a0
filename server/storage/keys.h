// Under which keys records stand in a database that orders its keys by bytes. Numbers are
// big-endian, so that order by bytes is order by number: a generation of a partition is one
// contiguous range that can be walked and dropped as a whole.
//
//   data             partition u32 | generation u64 | space u8 | key, or client u64
//   applied record   partition u32 | generation 0, which no data has
//
// These layouts are a contract with every disk, held by golden vectors.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/types.h"
#include "server/storage/store.h"

namespace kvd::storage {

// REQUIRES: 1 <= generation < 2^64 - 1, here and below.
[[nodiscard]] std::string DataKey(PartitionId partition, Generation generation,
                                  std::string_view key);
[[nodiscard]] std::string SessionKey(PartitionId partition, Generation generation, uint64_t client);
[[nodiscard]] std::string AppliedKey(PartitionId partition);

// Above every key of the partition, and below every key of the next one.
[[nodiscard]] std::string EndOfPartition(PartitionId partition);

// The smallest key of the generation; the smallest ones above every session, every value, and every
// key of the generation.
[[nodiscard]] std::string BeginOfGeneration(PartitionId partition, Generation generation);
[[nodiscard]] std::string EndOfSessions(PartitionId partition, Generation generation);
[[nodiscard]] std::string EndOfValues(PartitionId partition, Generation generation);
[[nodiscard]] std::string EndOfGeneration(PartitionId partition, Generation generation);

// The user's key within a data key. REQUIRES: made by DataKey().
[[nodiscard]] std::string_view UserKey(std::string_view data_key);

// The client of a session's key; nullopt for every other key.
[[nodiscard]] std::optional<uint64_t> ClientOfSessionKey(std::string_view session_key);

// The partition a key of the data belongs to; nullopt for what is no such key.
[[nodiscard]] std::optional<PartitionId> PartitionOfDataKey(std::string_view data_key);

}  // namespace kvd::storage
