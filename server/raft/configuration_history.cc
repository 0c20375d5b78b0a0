#include "server/raft/configuration_history.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace kvd::raft {

ConfigurationHistory::ConfigurationHistory(Index index, Configuration configuration) {
  by_index_.emplace(index, std::move(configuration));
}

void ConfigurationHistory::Append(Index index, Configuration configuration) {
  KVD_CHECK_OP(>, index, this->index());
  by_index_.emplace(index, std::move(configuration));
}

void ConfigurationHistory::CutFrom(Index from) {
  KVD_CHECK_OP(<, by_index_.begin()->first, from);
  by_index_.erase(by_index_.lower_bound(from), by_index_.end());
}

void ConfigurationHistory::ForgetBelow(Index committed) {
  const auto above = by_index_.upper_bound(committed);
  if (above == by_index_.begin()) return;
  by_index_.erase(by_index_.begin(), std::prev(above));
}

bool ConfigurationHistory::MayBeVoter(ReplicaId id) const {
  return std::ranges::any_of(by_index_,
                             [&](const auto& entry) { return entry.second.IsVoter(id); });
}

}  // namespace kvd::raft
