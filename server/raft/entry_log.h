// The log as one replica sees it: the term of every entry, and the newest entries themselves. All
// entries above the applied one are kept in memory, and below it as many as the budget allows; the
// rest is on the disk only.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/types.h"
#include "server/raft/replica.h"
#include "server/storage/log.h"

namespace kvd::raft {

// What an entry counts for, against every budget in bytes: what it costs beside its payload is the
// same everywhere, whatever the compiler makes of it.
[[nodiscard]] inline uint64_t BytesOf(const storage::Entry& entry) {
  constexpr uint64_t kOverhead = 56;
  return kOverhead + entry.payload.size();
}

// A position and its term.
struct Position {
  Index index = 0;
  Term term = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

class EntryLog {
 public:
  // REQUIRES: `restored` is consistent, as replica.h says.
  EntryLog(const Restored& restored, uint64_t cache_bytes);

  [[nodiscard]] Index first() const { return first_; }
  [[nodiscard]] Index last() const { return last_; }
  [[nodiscard]] Term last_term() const { return runs_.back().term; }

  // nullopt: outside [first - 1, last].
  [[nodiscard]] std::optional<Term> TermAt(Index index) const;

  // The last entry at or below `limit.index` whose term is not above `limit.term`: where a log that
  // ends in `limit` can at most agree with this one. The position before the log if none is known.
  [[nodiscard]] Position LastWithin(Position limit) const;

  // Whether a candidate whose log ends in `end` has at least what this log has.
  [[nodiscard]] bool IsCoveredBy(Position end) const;

  // Whether entries from `from` on can be read from memory.
  [[nodiscard]] bool IsCached(Index from) const { return from >= cached_from_; }
  [[nodiscard]] Index cached_from() const { return cached_from_; }

  // The entries from `from` on, at least one and then as many as fit `max_bytes`; empty if there
  // are none. REQUIRES: they are cached.
  [[nodiscard]] std::vector<storage::Entry> Slice(Index from, uint64_t max_bytes) const;

  // Exactly [from, to]. REQUIRES: they are cached.
  [[nodiscard]] std::vector<storage::Entry> Range(Index from, Index to) const;

  // REQUIRES: the entry is cached.
  [[nodiscard]] const storage::Entry& At(Index index) const;

  // REQUIRES: `entry` follows the last one, in its term or a later one.
  void Append(storage::Entry entry);

  // Drops the entries from `from` on. REQUIRES: first <= from <= last.
  void CutFrom(Index from);

  // A snapshot took the place of the log: it is empty, and begins behind `position`.
  void Reset(Position position);

  // The entries up to `through` are gone from the disk. REQUIRES: through <= applied.
  void ForgetThrough(Index through);

  // The entries up to `index` need not be kept in memory. REQUIRES: index <= last.
  void Applied(Index index);
  [[nodiscard]] Index applied() const { return applied_; }

 private:
  void Evict();
  void PopFront();

  const uint64_t budget_;
  Index first_ = 1;
  Index last_ = 0;
  Index applied_ = 0;

  // Where each term begins, ascending; the first covers first - 1.
  std::deque<Restored::TermStart> runs_;

  std::deque<storage::Entry> cache_;  // [cached_from_, last_].
  Index cached_from_ = 1;
  uint64_t applied_bytes_ = 0;  // Of the cached entries up to applied_.
};

}  // namespace kvd::raft
