// Who may read a partition's data beside the thread that changes it: as long as that thread does
// not take it away, to put a snapshot in its place or to drop it, everybody who knows its
// generation.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "common/types.h"
#include "server/storage/store.h"

namespace kvd::runtime {

// Threading: thread-safe. With std::mutex for the reason that Queue gives.
class ReadGate {
 public:
  // The partition may be read in this generation. A no-op if it is open already.
  void Open(PartitionId partition, storage::Generation generation) {
    const std::lock_guard lock(mu_);
    const auto [at, fresh] = open_.try_emplace(partition);
    if (fresh) at->second = {generation, ++openings_};
  }

  // Before its data is taken away. What is being read meanwhile does not count.
  void Shut(PartitionId partition) {
    const std::lock_guard lock(mu_);
    open_.erase(partition);
  }

  // What `read(generation)` answers, an optional; nullopt if the partition is shut, or was while it
  // was read.
  template <typename Read>
  auto Try(PartitionId partition, const Read& read) const -> decltype(read(storage::Generation{})) {
    const auto before = Find(partition);
    if (!before) return std::nullopt;
    auto found = read(before->generation);
    const auto after = Find(partition);
    if (!after || after->number != before->number) return std::nullopt;
    return found;
  }

 private:
  struct Opening {
    storage::Generation generation = 0;
    uint64_t number = 0;  // Another partition of this id may get the same generation.
  };

  [[nodiscard]] std::optional<Opening> Find(PartitionId partition) const {
    const std::lock_guard lock(mu_);
    const auto at = open_.find(partition);
    if (at == open_.end()) return std::nullopt;
    return at->second;
  }

  mutable std::mutex mu_;
  std::map<PartitionId, Opening> open_;
  uint64_t openings_ = 0;
};

}  // namespace kvd::runtime
