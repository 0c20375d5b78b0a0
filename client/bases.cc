#include "client/bases.h"

#include <algorithm>

#include "common/hash.h"

namespace kvd::client {

void Bases::Learn(PartitionId partition, Index index) {
  const absl::MutexLock lock(&mu_);
  Index& known = known_[partition];
  known = std::max(known, index);
}

void Bases::Learn(const Ring& ring) {
  const absl::MutexLock lock(&mu_);
  partitions_ = static_cast<uint32_t>(ring.partitions.size());
  for (uint32_t p = 0; p < partitions_; ++p) {
    Index& known = known_[PartitionId{p}];
    known = std::max(known, ring.partitions[p].base);
  }
}

Index Bases::Of(std::string_view key) const {
  const absl::MutexLock lock(&mu_);
  if (partitions_ == 0) return 0;
  const auto it = known_.find(PartitionOf(key, partitions_));
  return it == known_.end() ? 0 : it->second;
}

}  // namespace kvd::client
