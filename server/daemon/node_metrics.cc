#include "server/daemon/node_metrics.h"

#include <array>
#include <string>
#include <string_view>

namespace kvd::daemon {
namespace {

using observability::MetricsPage;
using observability::Seconds;

void AddGauge(MetricsPage& page, std::string_view name, std::string_view help, uint64_t value,
              const MetricsPage::Labels& labels = {}) {
  page.AddGauge(name, help, static_cast<double>(value), labels);
}

void AddCounter(MetricsPage& page, std::string_view name, std::string_view help, uint64_t value,
                const MetricsPage::Labels& labels = {}) {
  page.AddCounter(name, help, static_cast<double>(value), labels);
}

// As NodeState.
constexpr std::array<std::string_view, 5> kStates = {"up", "suspect", "down", "joining",
                                                     "draining"};

void AddNodes(MetricsPage& page, const node::ClusterView& view) {
  std::array<uint64_t, kStates.size()> count{};
  for (const node::NodeView& each : view.nodes) ++count.at(static_cast<size_t>(each.state));
  for (size_t i = 0; i < kStates.size(); ++i) {
    AddGauge(page, "kvd_topology_nodes", "Members of the cluster, as this node sees them.",
             count.at(i), {{"state", std::string(kStates.at(i))}});
  }
}

std::string_view NameOf(topology::JobKind kind) {
  switch (kind) {
    case topology::JobKind::kJoin:
      return "join";
    case topology::JobKind::kLeave:
      return "leave";
    case topology::JobKind::kRemove:
      return "remove";
    case topology::JobKind::kReplace:
      return "replace";
    case topology::JobKind::kRebalance:
      return "rebalance";
  }
  return "unknown";
}

// Of those before founding there is nothing to say.
void AddPeers(MetricsPage& page, const node::ClusterView& view) {
  if (!view.waiting_for.empty()) return;
  for (const node::NodeView& each : view.nodes) {
    if (each.card.uuid == view.self.uuid) continue;
    const MetricsPage::Labels peer = {{"peer", each.card.name}};
    page.AddCounter("kvd_heartbeat_suspicions_total", "How often this node suspected the peer.",
                    static_cast<double>(each.suspicions), peer);
    page.AddGauge("kvd_heartbeat_peer_gap_seconds",
                  "Time between what is heard of the peer, on average of late.",
                  Seconds(each.average_gap), peer);
  }
}

void AddGroups(MetricsPage& page, const node::Counts& counts) {
  // As ElectionCause.
  constexpr std::array<std::string_view, 3> kCauses = {"suspicion", "silence", "transfer"};
  static_assert(kCauses.size() == decltype(counts.groups.elections)().size());
  for (size_t i = 0; i < kCauses.size(); ++i) {
    AddCounter(page, "kvd_raft_elections_total",
               "Elections that replicas here began: their leader was suspected, or not heard for "
               "the election timeout, or gave its place away.",
               counts.groups.elections.at(i), {{"reason", std::string(kCauses.at(i))}});
  }
  AddGauge(page, "kvd_raft_led_groups", "Groups led here, that of the topology included.",
           counts.led);
  page.AddHistogram("kvd_raft_commit_seconds",
                    "Time from a write's proposal by its leader here until it is durable on a "
                    "majority, and here.",
                    counts.groups.commits);
}

void AddCounts(MetricsPage& page, const node::Counts& counts) {
  AddCounter(page, "kvd_node_forwards_total",
             "Times that an operation was sent to its owner on another node.", counts.forwards);
  AddCounter(page, "kvd_partition_duplicates_total",
             "Entries applied here that did nothing, because their request had been decided.",
             counts.duplicates);
  page.AddGauge("kvd_heartbeat_self_late_seconds",
                "How late this node's own heartbeats were, at the worst, in the last minute or "
                "two.",
                Seconds(counts.late));
}

// Those that ended are gone from the topology after a while: to count them would count down.
void AddJobs(MetricsPage& page, const NodeFacts& facts) {
  using enum topology::JobKind;
  using enum topology::JobState;
  for (const auto kind : {kJoin, kLeave, kRemove, kReplace, kRebalance}) {
    for (const auto state : {kRunning, kAborting}) {
      const auto found = facts.jobs.find({kind, state});
      AddGauge(page, "kvd_topology_jobs", "Changes of the cluster that are underway.",
               found == facts.jobs.end() ? 0 : found->second,
               {{"kind", std::string(NameOf(kind))},
                {"state", state == kRunning ? "running" : "aborting"}});
    }
  }
}

void AddPartitions(MetricsPage& page, const NodeFacts& facts) {
  AddGauge(page, "kvd_partition_replicas", "Partitions with a replica here.", facts.replicas);
  AddGauge(page, "kvd_partition_missing_replicas",
           "Partitions that the ring wants a replica of here, and that have none yet.",
           facts.missing);
  AddGauge(page, "kvd_partition_leaderless_replicas",
           "Partitions with a replica here whose owner is not known or not within reach.",
           facts.view.leaderless);
  AddGauge(page, "kvd_topology_partitions_under_replicated",
           "Partitions with a replica on a node that is not up, as this node sees it.",
           facts.under_replicated);
  for (const node::NodeView& each : facts.view.nodes) {
    if (each.card.uuid != facts.view.self.uuid) continue;
    AddGauge(page, "kvd_partition_owned", "Partitions this node owns.", each.owned);
    if (!each.load) continue;
    AddGauge(page, "kvd_partition_keys", "Keys of the replicas here.", each.load->keys);
    AddGauge(page, "kvd_raft_behind_entries",
             "Log entries that the replicas here have yet to receive, as their owners see it.",
             each.load->behind);
  }
}

}  // namespace

void StorageMetrics::NoteSynced(uint64_t bytes, Duration took) {
  fsync_.Observe(took);
  written_bytes_.Add(bytes);
}

void StorageMetrics::NoteDisk(const Disk& disk) {
  log_bytes_.Set(disk.log_bytes);
  data_bytes_.Set(disk.data_bytes);
  free_bytes_.Set(disk.free_bytes);
  capacity_bytes_.Set(disk.capacity_bytes);
  disk_known_ = true;
}

void StorageMetrics::AddTo(MetricsPage& page, const storage::RocksFigures& rocks,
                           uint64_t put_bytes) const {
  page.AddHistogram("kvd_storage_fsync_seconds",
                    "Time to write a batch of the log and to make it durable.", fsync_.value());
  page.AddHistogram("kvd_partition_apply_seconds",
                    "Time to apply a batch of committed entries, of all partitions, to the data.",
                    apply_.value());
  // What is written for a byte that is put: the three behind it, divided by it.
  AddCounter(page, "kvd_storage_put_bytes_total", "Keys and values put into the replicas here.",
             put_bytes);
  AddCounter(page, "kvd_storage_log_written_bytes_total", "Bytes written to the log.",
             written_bytes_.value());
  AddCounter(page, "kvd_storage_flushed_bytes_total", "Bytes of new files of the data.",
             rocks.flushed_bytes);
  AddCounter(page, "kvd_storage_compaction_written_bytes_total",
             "Bytes of the data written again by compactions.", rocks.compaction_written_bytes);
  AddCounter(page, "kvd_storage_compaction_read_bytes_total",
             "Bytes of the data read by compactions.", rocks.compaction_read_bytes);
  AddGauge(page, "kvd_storage_block_cache_bytes", "Blocks of the data kept in memory.",
           rocks.block_cache_bytes);
  AddCounter(page, "kvd_storage_block_cache_hits_total",
             "Blocks of the data that were asked for and in memory.", rocks.block_cache_hits);
  AddCounter(page, "kvd_storage_block_cache_misses_total",
             "Blocks of the data that were asked for and had to be read.",
             rocks.block_cache_misses);
  AddGauge(page, "kvd_storage_memtable_bytes", "Memory of what is not flushed.",
           rocks.memtable_bytes);
  AddGauge(page, "kvd_storage_pending_compaction_bytes", "Bytes that wait to be compacted, about.",
           rocks.pending_compaction_bytes);
  AddGauge(page, "kvd_storage_running_compactions", "Compactions now.", rocks.running_compactions);
  AddGauge(page, "kvd_storage_running_flushes", "Flushes now.", rocks.running_flushes);
  AddCounter(page, "kvd_storage_write_stalls_total",
             "How often writes to the data began to be slowed down or stopped.", rocks.stalls);
  page.AddCounter("kvd_storage_write_stall_seconds_total",
                  "Time that writes to the data waited for flushes and compactions.",
                  Seconds(rocks.stalled));
  if (!disk_known_) return;
  AddGauge(page, "kvd_storage_log_bytes", "Size of the log on disk.", log_bytes_.value());
  AddGauge(page, "kvd_storage_data_bytes", "Size of the data on disk.", data_bytes_.value());
  AddGauge(page, "kvd_storage_free_bytes", "Free space where the data directory is.",
           free_bytes_.value());
  AddGauge(page, "kvd_storage_capacity_bytes", "Size of the disk the data directory is on.",
           capacity_bytes_.value());
}

void AddNodeMetrics(MetricsPage& page, const std::vector<std::optional<NodeFacts>>& shards) {
  for (size_t i = 0; i < shards.size(); ++i) {
    AddGauge(page, "kvd_runtime_shard_answering",
             "1 if the shard answers; 0: it is stuck, and what the node would say is absent.",
             shards[i] ? 1 : 0, {{"shard", std::to_string(i)}});
  }
  const std::optional<NodeFacts> facts = Together(shards);
  if (!facts) return;
  AddGauge(page, "kvd_topology_epoch", "Epoch of the topology in force here; 0: none yet.",
           facts->view.epoch.value);
  AddNodes(page, facts->view);
  AddJobs(page, *facts);
  AddPeers(page, facts->view);
  AddGroups(page, facts->counts);
  AddCounts(page, facts->counts);
  AddPartitions(page, *facts);
}

}  // namespace kvd::daemon
