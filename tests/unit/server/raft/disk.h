// The disk of one replica, as far as consensus can tell: term, vote and entries that were synced,
// and the state machine's last flush. What was only written is lost in a crash.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "server/raft/replica.h"
#include "server/storage/log.h"

namespace kvd::raft::test {

// What a state machine is here: the commands it applied, and where it stands.
struct Machine {
  Index index = 0;
  Term term = 0;
  Configuration configuration;
  std::vector<std::string> commands;

  void Apply(const storage::Entry& entry);
  [[nodiscard]] SnapshotPoint Point() const { return {index, term, configuration}; }

  friend bool operator==(const Machine&, const Machine&) = default;
};

class Disk {
 public:
  explicit Disk(Configuration founding) { flushed.configuration = std::move(founding); }

  // What the log holds after `write`.
  void Apply(const storage::GroupWrite& write);

  void TruncateThrough(Index through);

  // Entries [from, to] or fewer; empty if some are gone.
  [[nodiscard]] std::vector<storage::Entry> Read(Index from, Index to, uint64_t max_bytes) const;

  // Whether entry (index, term) is there, in the log or behind what was flushed.
  [[nodiscard]] bool Holds(Index index, Term term) const;

  // As the node's recovery would: a log that ends before the flushed state, or contradicts it,
  // begins behind it.
  [[nodiscard]] Restored Restore();

  storage::HardState hard_state;
  Machine flushed;

  [[nodiscard]] Index first() const { return base_ + 1; }
  [[nodiscard]] Index last() const { return base_ + entries_.size(); }

 private:
  [[nodiscard]] Term TermAt(Index index) const;

  Index base_ = 0;
  Term base_term_ = 0;
  std::deque<storage::Entry> entries_;  // From base_ + 1 on.
};

}  // namespace kvd::raft::test
