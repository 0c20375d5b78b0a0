// The thread that applies and reads, so that no shard ever waits for the data's disk; what is in
// memory, a shard reads itself, because waking a thread costs more than that. Also has the
// data flushed, beside its work, every so many bytes and now and then: that lets the log forget
// what is flushed, and bounds what a start after a crash applies again; and when a snapshot was
// installed or a replica dropped, which is done when it is durable. Watches the disk's free space.
//
// Owns: its thread, and one more during a flush. Threading: thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "common/types.h"
#include "server/node/effects.h"
#include "server/partition/state_machines.h"
#include "server/partition/transfers.h"
#include "server/runtime/queue.h"
#include "server/runtime/read_gate.h"

namespace kvd::runtime {

// How much room there is where the node keeps its data.
struct DiskSpace {
  uint64_t used_bytes = 0;   // By this node.
  topology::Disk disk = {};  // The whole it is on, by anybody.
  bool full = false;         // Less than storage.min_free is left.
};

class ApplierThread {
 public:
  struct ReadResult {
    node::Ticket ticket;
    StatusOr<std::optional<storage::StoredValue>> value;
  };

  struct FetchResult {
    PartitionId partition;
    ReplicaId follower;
    std::vector<storage::Entry> entries;  // Empty: they are no longer in the log.
  };

  struct ChunkResult {
    partition::StreamId stream;
    StatusOr<partition::Transfers::Chunk> chunk;
  };
  struct WriteResult {
    partition::StreamId stream;
    PartitionId partition;
    NodeId peer;
    bool ok = false;
  };
  struct DropResult {
    PartitionId partition;
  };
  struct InstallResult {
    PartitionId partition;
    raft::SnapshotPoint snapshot;
    StatusOr<uint64_t> keys;
  };

  // One per job, in this order; installs and drops come later, when they are durable.
  using Result = std::variant<partition::Applied, InstallResult, ReadResult, FetchResult,
                              ChunkResult, WriteResult, DropResult>;
  using Done = std::vector<Result>;

  // Called on this thread. After on_fatal nothing more is applied.
  struct Callbacks {
    std::function<void(Done)> on_done;
    std::function<void(std::vector<partition::StateMachines::Truncation>)> on_flushed;
    std::function<void(DiskSpace)> on_disk;
    std::function<DiskSpace()> measure_disk;
    std::function<void(Status)> on_fatal;

    // Of each batch of entries: how long it took to apply them.
    std::function<void(Duration)> on_applied = {};
  };

  // When the log may forget. Whichever comes first.
  struct FlushEvery {
    Duration interval = std::chrono::seconds(60);
    uint64_t bytes = uint64_t{32} << 20U;  // Of applied entries.
  };

  // Everything referred to must outlive the thread.
  ApplierThread(partition::StateMachines& machines, const storage::Log& log, const Clock& clock,
                FlushEvery flush_every, Callbacks callbacks);

  // Finishes what is queued, flushes, then ends the thread.
  ~ApplierThread();

  // Does the jobs of these kinds, after those before them.
  struct Jobs {
    std::vector<partition::ApplyJob> applies;
    std::vector<node::InstallJob> installs;
    std::vector<node::ReadJob> reads;
    std::vector<node::FetchJob> fetches;
    std::vector<partition::StreamId> chunk_closes;
    std::vector<node::ChunkRead> chunk_reads;
    std::vector<node::ChunkWrite> chunk_writes;
    std::vector<PartitionId> drops;
    bool flush_done = false;  // Said by the thread that flushes.

    [[nodiscard]] bool empty() const;
  };
  void Do(Jobs jobs);

  // What the job would answer, if it is in memory: never blocks. nullopt: Do() it. After what the
  // thread has said to have applied when this is called, at least; and of partitions that have been
  // read by Do() since they are as they are.
  [[nodiscard]] std::optional<storage::KnownValue> Peek(const node::ReadJob& job) const;

 private:
  void Run();
  [[nodiscard]] Status Work(std::vector<Jobs> pending);
  [[nodiscard]] Status DoApplies(const std::vector<partition::ApplyJob>& jobs, Done& done);
  [[nodiscard]] Status DoInstalls(const std::vector<node::InstallJob>& jobs, Done& done);
  [[nodiscard]] Status DoTransfers(const Jobs& jobs, Done& done);
  [[nodiscard]] ReadResult DoRead(const node::ReadJob& job);
  [[nodiscard]] StatusOr<FetchResult> DoFetch(const node::FetchJob& job) const;
  [[nodiscard]] Status DoDrops(const std::vector<PartitionId>& partitions);
  [[nodiscard]] Instant NextFlush() const;
  void FlushIfDue();
  [[nodiscard]] Status EndFlush();
  [[nodiscard]] Status LastFlush();

  partition::StateMachines& machines_;
  const storage::Log& log_;
  const Clock& clock_;
  const FlushEvery flush_every_;
  const Callbacks callbacks_;
  partition::Transfers transfers_;
  ReadGate gate_;  // Opened by who reads, shut by who takes the data away.
  Queue<Jobs> jobs_;
  uint64_t unflushed_bytes_ = 0;      // Of what was applied since the last flush began.
  Done unflushed_;                    // To be told after a flush that has yet to begin,
  Instant tell_at_ = Instant::max();  // which is due then.
  Instant truncate_at_;               // Another is due then, after which the log may forget.
  std::future<Status> flushing_;      // Valid while a flush is underway.
  Done being_flushed_;                // To be told after that one.
  bool truncating_ = false;           // The log may forget after that one.
  std::thread thread_;
};

}  // namespace kvd::runtime
