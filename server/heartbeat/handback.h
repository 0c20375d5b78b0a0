// Decides when a returned node may own partitions again. Ownership moves away at once and comes
// back slowly, so that a node that flaps does not make its partitions flap with it: after a
// suspicion a node must stay healthy for a while, for twice as long after each further one.
//
// Pure: driven by the failure detector's changes and by `now`. Threading: confined to the shard
// that runs the node's heartbeats.
#pragma once

#include <map>
#include <optional>

#include "server/heartbeat/failure_detector.h"

namespace kvd::heartbeat {

class Handback {
 public:
  // A node waits `first` after its first suspicion and twice the last wait after each further one,
  // up to `longest`. A node that stayed healthy for `longest` has a clean record again.
  struct Options {
    Duration first = std::chrono::seconds(10);
    Duration longest = std::chrono::minutes(10);  // Not below first.
  };

  explicit Handback(Options options);

  // Records a change of health. A repeated change counts once.
  void Observe(const HealthChange& change, Instant now);

  // Forgets `peer`; it is as if never suspected.
  void Forget(NodeId peer);

  // The earliest instant at which `peer` may own again if it stays healthy: Instant::min() if it
  // was never suspected, Instant::max() while it is.
  [[nodiscard]] Instant MayOwnAt(NodeId peer) const;

 private:
  struct Record {
    Duration wait{};
    std::optional<Instant> healthy_since = std::nullopt;  // Unset while suspect.
  };

  const Options options_;
  std::map<NodeId, Record> records_;  // Of peers that were suspected.
};

}  // namespace kvd::heartbeat
