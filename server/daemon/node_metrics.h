// What the rooms below observability's reach count, and what the node says of itself, under the
// names by which operators know it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "server/daemon/node_probe.h"
#include "server/observability/metrics.h"
#include "server/observability/metrics_page.h"
#include "server/storage/rocks/figures.h"

namespace kvd::daemon {

// Threading: thread-safe, without a lock.
class StorageMetrics {
 public:
  // A batch of the log is durable.
  void NoteSynced(uint64_t bytes, Duration took);

  // A batch of committed entries is applied.
  void NoteApplied(Duration took) { apply_.Observe(took); }

  // How the disk was found.
  struct Disk {
    uint64_t log_bytes = 0;
    uint64_t data_bytes = 0;
    uint64_t free_bytes = 0;  // For kvd, reserves of others taken off.
    uint64_t capacity_bytes = 0;
  };
  void NoteDisk(const Disk& disk);

  // `put_bytes`: as WriteBackStore has it. The disk is left out until it was looked at.
  void AddTo(observability::MetricsPage& page, const storage::RocksFigures& rocks,
             uint64_t put_bytes) const;

 private:
  observability::Histogram fsync_;
  observability::Histogram apply_;
  observability::Counter written_bytes_;
  observability::Gauge log_bytes_;
  observability::Gauge data_bytes_;
  observability::Gauge free_bytes_;
  observability::Gauge capacity_bytes_;
  std::atomic<bool> disk_known_ = false;
};

// `shards`: what each said. If one does not answer, that is all that is said of the node.
void AddNodeMetrics(observability::MetricsPage& page,
                    const std::vector<std::optional<NodeFacts>>& shards);

}  // namespace kvd::daemon
