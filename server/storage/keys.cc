#include "server/storage/keys.h"

#include <limits>

#include "common/check.h"

namespace kvd::storage {
namespace {

constexpr size_t kDataPrefixBytes = 12;

// What stands beside each other in a generation.
enum class DataSpace : uint8_t { kSessions = 1, kValues = 2 };

template <typename T>
void AppendBigEndian(std::string& out, T value) {
  for (size_t i = sizeof(T); i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)));
}

// REQUIRES: at least as many bytes as T has.
template <typename T>
T ParseBigEndian(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value << 8U) | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

std::string DataPrefix(PartitionId partition, Generation generation) {
  std::string key;
  AppendBigEndian(key, partition.value);
  AppendBigEndian(key, generation);
  return key;
}

std::string SpacePrefix(PartitionId partition, Generation generation, int space) {
  return DataPrefix(partition, generation) + static_cast<char>(space);
}

void CheckGeneration(Generation generation) {
  KVD_CHECK(generation >= 1 && generation < std::numeric_limits<Generation>::max(),
            "generations count from 1");
}

}  // namespace

std::string DataKey(PartitionId partition, Generation generation, std::string_view key) {
  CheckGeneration(generation);
  return SpacePrefix(partition, generation, static_cast<int>(DataSpace::kValues)).append(key);
}

std::string SessionKey(PartitionId partition, Generation generation, uint64_t client) {
  CheckGeneration(generation);
  std::string key = SpacePrefix(partition, generation, static_cast<int>(DataSpace::kSessions));
  AppendBigEndian(key, client);
  return key;
}

std::string AppliedKey(PartitionId partition) {
  return DataPrefix(partition, 0);
}

std::string EndOfPartition(PartitionId partition) {
  return DataPrefix(partition, std::numeric_limits<Generation>::max());
}

std::string BeginOfGeneration(PartitionId partition, Generation generation) {
  CheckGeneration(generation);
  return DataPrefix(partition, generation);
}

std::string EndOfSessions(PartitionId partition, Generation generation) {
  CheckGeneration(generation);
  return SpacePrefix(partition, generation, static_cast<int>(DataSpace::kSessions) + 1);
}

std::string EndOfValues(PartitionId partition, Generation generation) {
  CheckGeneration(generation);
  return SpacePrefix(partition, generation, static_cast<int>(DataSpace::kValues) + 1);
}

std::string EndOfGeneration(PartitionId partition, Generation generation) {
  CheckGeneration(generation);
  return DataPrefix(partition, generation + 1);
}

std::string_view UserKey(std::string_view data_key) {
  KVD_CHECK_OP(>, data_key.size(), kDataPrefixBytes);
  return data_key.substr(kDataPrefixBytes + 1);
}

std::optional<uint64_t> ClientOfSessionKey(std::string_view session_key) {
  if (session_key.size() != kDataPrefixBytes + 1 + 8) return std::nullopt;
  if (session_key[kDataPrefixBytes] != static_cast<char>(DataSpace::kSessions)) return std::nullopt;
  return ParseBigEndian<uint64_t>(session_key.substr(kDataPrefixBytes + 1));
}

std::optional<PartitionId> PartitionOfDataKey(std::string_view data_key) {
  if (data_key.size() < kDataPrefixBytes) return std::nullopt;
  return PartitionId{ParseBigEndian<uint32_t>(data_key)};
}

}  // namespace kvd::storage
