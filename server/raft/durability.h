// What the disk has, what it has been given, and what it must be given next: the numbers of writes,
// and for everything a message may claim the number of the write it has to wait for.
//
// Writes are durable in order. A suffix that a later write overwrites is durable no more from the
// moment it is overwritten here: the entries of the earlier write, once it is reported, do not
// count.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "common/types.h"
#include "server/storage/log.h"

namespace kvd::raft {

class Durability {
 public:
  // What the next write has to carry.
  struct Plan {
    uint64_t number = 0;
    bool hard_state = false;
    Index from = 0;  // Entries [from, to]; none if to < from.
    Index to = 0;
    std::optional<storage::GroupWrite::Reset> reset;
  };

  // Everything up to `last` is on the disk.
  explicit Durability(Index last) : last_(last), written_(last), durable_(last) {}

  // What changed in memory since the last Begin().
  void HardStateChanged() { hard_state_changed_ = true; }
  void Appended(Index last) { last_ = last; }
  void CutFrom(Index from);
  void Reset(Index index, Term term);

  // Whether there is anything to write.
  [[nodiscard]] bool IsDirty() const;

  // All of it becomes the next write. REQUIRES: IsDirty().
  [[nodiscard]] Plan Begin();

  // Write `number` and all before it are durable. An old number is a no-op.
  // REQUIRES: it was begun.
  void OnDurable(uint64_t number);

  // The last entry that is durable with all before it.
  [[nodiscard]] Index durable() const { return durable_; }

  // The write that makes the present term and vote durable, or entry `index`; of the past if they
  // are already.
  [[nodiscard]] uint64_t HardStateNumber() const;
  [[nodiscard]] uint64_t NumberOf(Index index) const;
  [[nodiscard]] bool IsDone(uint64_t number) const { return number <= done_; }
  [[nodiscard]] uint64_t done() const { return done_; }

 private:
  struct Written {
    uint64_t number = 0;
    Index to = 0;
  };

  Index last_;
  Index written_;  // The last entry that a write was given.
  Index durable_;
  std::deque<Written> under_way_;
  uint64_t next_ = 1;
  uint64_t done_ = 0;
  bool hard_state_changed_ = false;
  uint64_t hard_state_number_ = 0;
  std::optional<storage::GroupWrite::Reset> reset_;
  uint64_t reset_number_ = 0;
};

}  // namespace kvd::raft
