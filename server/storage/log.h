// The durable memory of consensus: for every group which replica of it is here, its term, its vote
// and its entries. What Append() has returned for is on disk; nothing else is promised.
//
// A replica that was removed leaves a tombstone, so that none is ever made again under its id: it
// would have forgotten its votes and what it acknowledged.
//
// The log knows nothing of what entries mean. Whether a suffix may be overwritten or a prefix
// forgotten is decided above this interface, so that the simulator covers it.
//
// Threading: one thread appends, truncates and removes (the log writer): one batch is in flight at
// a time. Reads are thread-safe beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/shared_bytes.h"
#include "common/status.h"
#include "common/types.h"

namespace kvd::storage {

// What Raft keeps beside the entries (Ongaro & Ousterhout 2014, figure 2): never decreasing in
// term.
struct HardState {
  Term term = 0;
  ReplicaId voted_for;  // 0: nobody in this term.

  friend bool operator==(const HardState&, const HardState&) = default;
};

// What an entry is for: a command of the group's state machine (an empty one does nothing), or a
// configuration of the group itself.
enum class EntryKind : uint8_t { kCommand = 0, kConfiguration = 1 };

struct Entry {
  Index index = 0;
  Term term = 0;
  SharedBytes payload;  // Means something to whoever `kind` is for; may be empty.
  EntryKind kind = EntryKind::kCommand;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// What one group adds. Entries are consecutive. If they start at or below the group's last index,
// what stood from there on is deleted in the same batch.
struct GroupWrite {
  // A snapshot took the place of the whole log: every entry is deleted, and the log begins behind
  // `index`, an entry of `term`. Entries in the same write come after it.
  struct Reset {
    Index index = 0;
    Term term = 0;

    friend bool operator==(const Reset&, const Reset&) = default;
  };

  // A replica begins here. It is blank, unless the group's log is older than this record: then it
  // gives that log its name.
  struct Create {
    ReplicaId id;
    std::string initial = {};  // The configuration the group began with, encoded by its owner.

    friend bool operator==(const Create&, const Create&) = default;
  };

  GroupId group;
  std::optional<HardState> hard_state = {};
  std::vector<Entry> entries = {};
  std::optional<Reset> reset = {};

  // The replica of this id ends, if it is here: its term, its vote and its entries are deleted. No
  // replica up to this id is here ever again. Comes before everything else, `create` second.
  std::optional<ReplicaId> remove = {};
  std::optional<Create> create = {};
};

// The extent of one group's log. An empty log has last == first - 1.
struct GroupExtent {
  GroupId group;
  HardState hard_state = {};
  Index first = 1;
  Index last = 0;
  Term last_term = 0;      // 0 if the log never held an entry.
  Term previous_term = 0;  // Of entry first - 1; 0 if the log begins at 1.

  // The replica that is here, and the configuration its group began with. 0: none, or, if none was
  // removed either, one whose name was never written: it is of the time of the founding.
  ReplicaId replica = {};
  std::string initial = {};
  ReplicaId removed = {};  // The tombstone: no replica up to this id; 0: none was removed.

  friend bool operator==(const GroupExtent&, const GroupExtent&) = default;
};

class Log {
 public:
  virtual ~Log() = default;

  // Makes all writes durable together, in order: one batch, one fsync. Merge() (merge.h) makes one
  // write of several of a group. After an error the log is unusable: an
  // fsync that failed is never tried again, the process must stop.
  // REQUIRES: a group's entries leave no gap: they start at most one above its last index, and not
  // below its first. A reset goes to no index below first - 1. What is created is above the
  // tombstone, and the replica before it was removed; creating the one that is here is a no-op.
  // What is removed is not below the replica that is here.
  [[nodiscard]] virtual Status Append(std::span<const GroupWrite> writes) = 0;

  // Every group that has a record, in order of GroupId.
  [[nodiscard]] virtual StatusOr<std::vector<GroupExtent>> Groups() const = 0;

  // The entries of `group` in [from, to], or fewer: at least one, then as many as fit `max_bytes`
  // of payload. OUT_OF_RANGE unless all of [from, to] is within the group's extent: it may have
  // been overwritten or truncated since the caller looked. An entry that should be there and is
  // not, or is damaged, is a DATA_LOSS error. REQUIRES: from <= to.
  [[nodiscard]] virtual StatusOr<std::vector<Entry>> Read(GroupId group, Index from, Index to,
                                                          uint64_t max_bytes) const = 0;

  // Forgets the entries of `group` up to and including `through`; no-op if they are gone already.
  // The term of entry `through` stays known as long as the log is empty above it. REQUIRES: through
  // <= the group's last index.
  [[nodiscard]] virtual Status TruncatePrefix(GroupId group, Index through) = 0;

  // The same for several groups, as one batch with one fsync where the log is on a disk.
  struct Prefix {
    GroupId group;
    Index through = 0;
  };
  [[nodiscard]] virtual Status TruncatePrefixes(std::span<const Prefix> prefixes) {
    for (const auto& [group, through] : prefixes) {
      if (Status status = TruncatePrefix(group, through); !status.ok()) return status;
    }
    return OkStatus();
  }

  // Bytes on disk, about.
  [[nodiscard]] virtual uint64_t disk_bytes() const = 0;
};

}  // namespace kvd::storage
