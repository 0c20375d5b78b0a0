// Reads that wait for the confirmation that their leader still led after they arrived (ReadIndex,
// Ongaro's dissertation 6.4). A read joins a round of beats that has not begun; it is confirmed
// when a majority has answered that round or a later one, and once an entry of the leader's own
// term is committed.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/types.h"
#include "server/raft/replica.h"

namespace kvd::raft {

class Reads {
 public:
  // Joins `round`. `index`: the commit index, if an entry of the own term is committed.
  // REQUIRES: rounds do not go down.
  void Add(ReadId id, uint64_t round, std::optional<Index> index);

  // An entry of the own term is committed, at `commit` or below: reads that arrived before may be
  // served there.
  void OnReadable(Index commit);

  // The reads that are confirmed by answers of a majority to `round`, in order of arrival.
  [[nodiscard]] std::vector<ConfirmedRead> TakeConfirmed(uint64_t round);

  // All that are left: their leader leads no more.
  [[nodiscard]] std::vector<ReadId> TakeAll();

  // The round the youngest read waits for; nullopt if none does.
  [[nodiscard]] std::optional<uint64_t> newest_round() const;

 private:
  struct Pending {
    ReadId id;
    uint64_t round = 0;
    std::optional<Index> index;
  };

  std::deque<Pending> pending_;
};

}  // namespace kvd::raft
