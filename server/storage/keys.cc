#include "server/storage/keys.h"

#include <limits>

#include "common/check.h"

namespace kvd::storage {
namespace {

enum class LogKeyKind : uint8_t { kHardState = 0, kStart = 1, kEntry = 2 };

constexpr uint32_t kNoGroup = std::numeric_limits<uint32_t>::max();
constexpr size_t kGroupBytes = 4;
constexpr size_t kEntryKeyBytes = kGroupBytes + 1 + 8;
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

std::string LogKey(GroupId group, LogKeyKind kind) {
  KVD_CHECK_OP(<, group.value, kNoGroup);
  std::string key;
  AppendBigEndian(key, group.value);
  key += static_cast<char>(kind);
  return key;
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

std::string HardStateKey(GroupId group) {
  return LogKey(group, LogKeyKind::kHardState);
}

std::string LogStartKey(GroupId group) {
  return LogKey(group, LogKeyKind::kStart);
}

std::string EntryKey(GroupId group, Index index) {
  std::string key = LogKey(group, LogKeyKind::kEntry);
  AppendBigEndian(key, index);
  return key;
}

std::string BatchNumberKey() {
  std::string key;
  AppendBigEndian(key, kNoGroup);
  return key;
}

std::optional<GroupId> GroupOfLogKey(std::string_view log_key) {
  if (log_key.size() <= kGroupBytes) return std::nullopt;
  return GroupId{ParseBigEndian<uint32_t>(log_key)};
}

std::optional<Index> IndexOfEntryKey(std::string_view log_key) {
  if (log_key.size() != kEntryKeyBytes) return std::nullopt;
  if (log_key[kGroupBytes] != static_cast<char>(LogKeyKind::kEntry)) return std::nullopt;
  return ParseBigEndian<Index>(log_key.substr(kGroupBytes + 1));
}

std::string EndOfGroup(GroupId group) {
  KVD_CHECK_OP(<, group.value, kNoGroup);
  std::string key;
  AppendBigEndian(key, group.value + 1);
  return key;
}

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
