// Messages on their way out: those that may leave, and those that claim what is not durable yet.
// Leaving late is harmless, leaving early is how acknowledged data gets lost.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/types.h"
#include "server/raft/replica.h"

namespace kvd::raft {

class Outbox {
 public:
  // May leave at once.
  void Put(Outgoing message) { ready_.push_back(std::move(message)); }

  // May leave when write `number` is durable.
  void Hold(uint64_t number, Outgoing message) { held_.emplace(number, std::move(message)); }

  // Lets go of what waited for write `number` or an earlier one, in the order it was put in. What
  // was said in a term below `term` is dropped: nobody listens to it any more, and the entries it
  // spoke of may have been overwritten meanwhile.
  void Release(uint64_t number, Term term);

  [[nodiscard]] bool HasReady() const { return !ready_.empty(); }
  [[nodiscard]] std::vector<Outgoing> TakeReady();

 private:
  std::multimap<uint64_t, Outgoing> held_;
  std::vector<Outgoing> ready_;
};

}  // namespace kvd::raft
