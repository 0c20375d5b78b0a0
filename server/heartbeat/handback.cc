#include "server/heartbeat/handback.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::heartbeat {

Handback::Handback(Options options) : options_(options) {
  KVD_CHECK(options.first > Duration::zero(), "a returned node must wait at least a moment");
  KVD_CHECK(options.longest >= options.first, "the longest wait is not below the first");
}

void Handback::Observe(const HealthChange& change, Instant now) {
  const auto it = records_.find(change.peer);
  if (change.to == Health::kAlive) {
    if (it != records_.end() && !it->second.healthy_since) it->second.healthy_since = now;
    return;
  }

  if (it == records_.end()) {
    records_.emplace(change.peer, Record{.wait = options_.first});
    return;
  }
  Record& record = it->second;
  if (!record.healthy_since) return;
  const bool clean = now - *record.healthy_since >= options_.longest;
  record.wait = clean ? options_.first : std::min(2 * record.wait, options_.longest);
  record.healthy_since.reset();
}

void Handback::Forget(NodeId peer) {
  records_.erase(peer);
}

Instant Handback::MayOwnAt(NodeId peer) const {
  const auto it = records_.find(peer);
  if (it == records_.end()) return Instant::min();
  if (!it->second.healthy_since) return Instant::max();
  return *it->second.healthy_since + it->second.wait;
}

}  // namespace kvd::heartbeat
