// The state machines of all partitions a node holds, on one store: applies committed entries in
// batches across partitions, reads, and takes and installs snapshots.
//
// No thread, clock or disk of its own: the daemon drives it on RocksDB, the simulator on the twins.
//
// Threading: confined to the thread that applies, but for FlushData() and Peek().
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/partition/applier.h"
#include "server/partition/snapshot.h"
#include "server/storage/log.h"
#include "server/storage/store.h"

namespace kvd::partition {

// Committed entries of one partition, in order.
struct ApplyJob {
  PartitionId partition;
  std::vector<storage::Entry> entries;
};

// What a job did.
struct Applied {
  PartitionId partition;
  std::vector<Outcome> outcomes;
  uint64_t keys = 0;   // Live keys of the partition behind it.
  uint64_t bytes = 0;  // Of keys and values.
};

class StateMachines {
 public:
  explicit StateMachines(storage::Store& store) : store_(store) {}

  // Opens every partition of the store, as it stands there: to be called once, first. Entries above
  // the applied record stay in the log until Raft commits them (see recovery.h). `extents` are the
  // log's; DATA_LOSS, naming it, if a partition has data and no log, and for damage. Of a partition
  // whose replica was removed the data is dropped, if the process died before it was.
  struct Opened {
    PartitionId partition;
    uint64_t clients = 0;  // Read with their sessions: what recovery time is made of.
  };
  [[nodiscard]] StatusOr<std::vector<Opened>> Open(std::span<const storage::GroupExtent> extents);

  // Applies all jobs in one batch of the store. After an error the node must stop.
  [[nodiscard]] StatusOr<std::vector<Applied>> Apply(std::span<const ApplyJob> jobs);

  // The value of `key` as applied so far; nullopt if absent.
  [[nodiscard]] StatusOr<std::optional<storage::StoredValue>> Read(PartitionId partition,
                                                                   std::string_view key) const;

  // As Store::Peek(). `generation` is the one in which the partition is applied, for as long as the
  // call takes: neither SwitchTo() nor Drop() may be called meanwhile, or the answer means nothing.
  // Threading: thread-safe.
  [[nodiscard]] std::optional<storage::KnownValue> Peek(PartitionId partition,
                                                        storage::Generation generation,
                                                        std::string_view key) const {
    return store_.Peek(partition, generation, key);
  }

  // How far a partition is applied; a default record if it never was.
  [[nodiscard]] const storage::AppliedRecord& applied(PartitionId partition) const;

  // Begins to send, or to receive, a snapshot of a partition, which goes on being applied and read.
  // One is received at a time for each partition.
  [[nodiscard]] StatusOr<SnapshotReader> ReadSnapshot(PartitionId partition) const;
  [[nodiscard]] StatusOr<SnapshotWriter> WriteSnapshot(PartitionId partition) const;

  // Makes what SnapshotWriter::Finish() answered the partition's state, and the state before it
  // gone. Once it is durable, after a FlushData() that begins later, the caller has the log reset;
  // a crash in between is recovered by LoadReplica(). Refused, with nothing changed:
  // FAILED_PRECONDITION if the partition has been applied as far already, or switched since; an
  // error of Sessions::Restore() if the sessions received make no sense. After any other error the
  // node must stop.
  [[nodiscard]] Status SwitchTo(PartitionId partition, const storage::AppliedRecord& received);

  // Deletes everything of the partition: its replica here was removed from the log, and another one
  // may begin once this is durable, after a FlushData() that begins later. A no-op for a partition
  // that was never applied.
  [[nodiscard]] Status Drop(PartitionId partition);

  // See DigestOf() (snapshot.h).
  [[nodiscard]] StatusOr<uint64_t> Digest(PartitionId partition) const;

  // Makes what was applied before the call durable, whatever is applied meanwhile. Takes its time.
  // Threading: thread-safe.
  [[nodiscard]] Status FlushData() { return store_.Flush(); }

  // Up to where the log of each partition is needed no more, after what was flushed. A partition
  // that a snapshot has just been switched to is left out: its log is yet to be reset.
  struct Truncation {
    PartitionId partition;
    Index through = 0;
  };
  [[nodiscard]] StatusOr<std::vector<Truncation>> Flushed() const;

  // Both in one.
  [[nodiscard]] StatusOr<std::vector<Truncation>> Flush();

 private:
  [[nodiscard]] Applier& ApplierOf(PartitionId partition);

  storage::Store& store_;
  std::map<PartitionId, Applier> appliers_;
};

}  // namespace kvd::partition
