// What a node counts and times for those who watch it. Nothing is decided by it.
//
// Pure values.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/durations.h"
#include "common/types.h"
#include "server/raft/replica.h"

namespace kvd::node {

// Since the node started, of all groups with a replica here.
struct GroupCounts {
  // Begun here, as ElectionCause.
  std::array<uint64_t, static_cast<size_t>(raft::ElectionCause::kTransfer) + 1> elections{};

  // From an operation's proposal here until it was committed, and durable here.
  Durations commits;
};

// Since the node started, but for what is so now.
struct Counts {
  uint64_t forwards = 0;    // Tries to have an operation served by its owner elsewhere.
  uint64_t duplicates = 0;  // Entries applied here whose request had been decided before.
  GroupCounts groups;
  uint32_t led = 0;  // Groups led here now, the system group included.
  Duration late{};   // See Peers::Late().
};

// Adds what another shard of the same node counted.
inline void Merge(Counts& first, const Counts& other) {
  first.forwards += other.forwards;
  first.duplicates += other.duplicates;
  for (size_t i = 0; i < first.groups.elections.size(); ++i) {
    first.groups.elections.at(i) += other.groups.elections.at(i);
  }
  first.groups.commits.Add(other.groups.commits);
  first.led += other.led;
  first.late = std::max(first.late, other.late);
}

// What a group's leader proposed, and when, as long as it is not committed.
class Proposals {
 public:
  // REQUIRES: indexes ascend until Forget().
  void Add(Index index, Instant at) { underway_.emplace_back(index, at); }

  // All of them up to `through` are committed.
  void Commit(Index through, Instant now, Durations& took) {
    auto it = underway_.begin();
    for (; it != underway_.end() && it->first <= through; ++it) took.Add(now - it->second);
    underway_.erase(underway_.begin(), it);
  }

  // Who leads no more does not learn what becomes of them.
  void Forget() { underway_.clear(); }

 private:
  std::vector<std::pair<Index, Instant>> underway_;
};

}  // namespace kvd::node
