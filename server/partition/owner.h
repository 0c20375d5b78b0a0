// One partition as its owner runs it: gives writes their place in the log, and finds out when an
// entry is committed and what it did. With a single copy an entry is committed once it is durable
// here.
//
// Pure. Threading: confined to the partition's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "common/types.h"
#include "server/partition/applier.h"
#include "server/partition/mutation.h"
#include "server/storage/log.h"

namespace kvd::partition {

// Whoever proposed an entry and waits for its outcome.
using Ticket = Id<struct TicketTag, uint64_t>;

class Owner {
 public:
  struct Options {
    PartitionId partition;
    ReplicaId replica;
    Term term = 1;   // Of this ownership: above that of every entry in the log.
    Index last = 0;  // Of the log, all of it applied: StateMachines::Recover() comes first.
  };

  explicit Owner(Options options);

  // The next entry of the log. The caller makes it durable and reports OnDurable().
  [[nodiscard]] storage::Entry Propose(Ticket ticket, const Mutation& mutation);

  // Everything up to `index` is durable. Returns the entries that may now be applied, in order;
  // those of an earlier run are not among them, see NeedsReplay(). REQUIRES: index was proposed and
  // is not below an earlier one.
  [[nodiscard]] std::vector<storage::Entry> OnDurable(Index index);

  // Entries up to the last of `outcomes` are applied. Returns who waited for which.
  [[nodiscard]] std::vector<std::pair<Ticket, Outcome>> OnApplied(
      const std::vector<Outcome>& outcomes);

  [[nodiscard]] PartitionId partition() const { return options_.partition; }
  [[nodiscard]] ReplicaId replica() const { return options_.replica; }
  [[nodiscard]] Term term() const { return options_.term; }
  [[nodiscard]] Index applied() const { return applied_; }
  [[nodiscard]] Index last() const { return last_; }

 private:
  const Options options_;
  Index last_;     // Proposed.
  Index durable_;  // Committed, with one copy.
  Index applied_;
  std::deque<storage::Entry> not_durable_;
  std::map<Index, Ticket> waiting_;
};

}  // namespace kvd::partition
