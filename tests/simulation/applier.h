// The applier of a simulated process: does what runtime::ApplierThread does, in the same order, on
// a disk in whose time work takes a while.
//
// Threading: one world, one thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/node/node.h"
#include "server/partition/state_machines.h"
#include "server/partition/transfers.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/life.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Applier {
 public:
  using Truncations = std::vector<partition::StateMachines::Truncation>;

  // What came of a job, to be told to the shard that it is for.
  struct Report {
    std::function<uint32_t(uint32_t shards)> shard_of;
    std::function<void(node::Node&, Instant)> tell;
  };

  struct Callbacks {
    std::function<void(std::vector<Report>)> on_done;
    std::function<void(Truncations)> on_flushed;
    std::function<void(const Status&)> on_fatal;

    // For whoever judges: these entries were just applied; a snapshot that was installed, and that
    // the data of a removed replica is deleted, is durable.
    std::function<void(const partition::ApplyJob&, const partition::Applied&)> on_applied;
    std::function<void(PartitionId)> on_installed;
    std::function<void(PartitionId)> on_dropped;
  };

  struct Jobs {
    std::vector<partition::ApplyJob> applies;
    std::vector<node::InstallJob> installs;
    std::vector<node::ReadJob> reads;
    std::vector<node::FetchJob> fetches;
    std::vector<partition::StreamId> chunk_closes;
    std::vector<node::ChunkRead> chunk_reads;
    std::vector<node::ChunkWrite> chunk_writes;
    std::vector<PartitionId> drops;

    [[nodiscard]] bool empty() const;
  };

  Applier(const Surroundings& around, Life& life, Disk& disk, partition::StateMachines& machines,
          Callbacks callbacks);

  using Value = StatusOr<std::optional<storage::StoredValue>>;

  void Do(Jobs jobs);

  // What a read job would answer, if it happens to be in memory.
  [[nodiscard]] std::optional<Value> Peek(const node::ReadJob& job);

 private:
  using Done = std::vector<Report>;

  void Start();
  void Work();
  void TellWhenDurable();
  [[nodiscard]] Status WorkOff(const Jobs& jobs, Done& done);
  [[nodiscard]] Status Apply(const std::vector<partition::ApplyJob>& jobs, Done& done);
  [[nodiscard]] Status Install(const node::InstallJob& job, Done& done);
  [[nodiscard]] Status Fetch(const node::FetchJob& job, Done& done);
  [[nodiscard]] Status Transfer(const Jobs& jobs, Done& done);
  [[nodiscard]] Value ReadOne(const node::ReadJob& job);
  [[nodiscard]] Status Flush();
  void FlushLater();

  const Surroundings& around_;
  Life& life_;
  Disk& disk_;
  partition::StateMachines& machines_;
  partition::Transfers transfers_;
  const Callbacks callbacks_;
  Jobs jobs_;
  Done unflushed_;  // Of what is installed or dropped, and to be told when it is durable.
  bool flush_due_ = false;
  bool busy_ = false;
  std::map<std::pair<PartitionId, std::string>, Value> read_before_;  // For Sabotage::kReadStale.
  std::map<partition::StreamId, partition::SnapshotChunk::End> lacking_;  // kSendStaleSnapshot.
};

}  // namespace kvd::simulation
