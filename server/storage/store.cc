#include "server/storage/store.h"

namespace kvd::storage {

StatusOr<std::optional<StoredHead>> Store::Head(PartitionId partition, Generation generation,
                                                std::string_view key) const {
  KVD_ASSIGN_OR_RETURN(const auto value, Get(partition, generation, key));
  if (!value) return std::nullopt;
  return StoredHead{.version = value->version, .bytes = value->value.size()};
}

}  // namespace kvd::storage
