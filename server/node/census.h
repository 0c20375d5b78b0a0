// Which replicas are on this node, which are about to come or to go, and which were here and may
// never be again. A replica comes in one step, its record in the log, and starts when that is
// durable. It goes in two: first its tombstone in the log, then its data; until both are gone no
// other replica of the group is made. So a crash at any point leaves a replica or a tombstone, and
// never a blank replica under an id that has voted.
//
// Pure. Threading: confined to the node.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>

#include "common/types.h"
#include "server/node/messages.h"
#include "server/raft/replica.h"

namespace kvd::node {

class Census {
 public:
  // What start-up found: this replica is here; no replica up to this id may be.
  void Found(PartitionId partition, ReplicaId replica) { places_[partition].here = replica; }
  void FoundTombstone(PartitionId partition, ReplicaId removed) {
    places_[partition].removed = removed;
  }

  // The answer to a message for a replica that does not run here; nullopt: it is about to come, and
  // will answer by itself, or about to go.
  [[nodiscard]] std::optional<NotHere> AnswerFor(GroupId group, ReplicaId replica) const;

  // A replica is to be made. What to make durable first; nullopt: it is under way, or it may never
  // be, or another one is in its place and has to be removed before.
  [[nodiscard]] std::optional<raft::Write> Begin(const Create& create);

  // The replica that is here ends. What to make durable.
  // REQUIRES: it is here.
  [[nodiscard]] raft::Write End(PartitionId partition);

  // Write `number` of the group is durable. `created`: this replica may start. `removed`: its data
  // is to be dropped, then OnDropped() called. Neither: the write was a replica's own.
  struct Durable {
    std::optional<Create> created = {};
    bool removed = false;
  };
  [[nodiscard]] Durable OnDurable(GroupId group, uint64_t number);
  void OnDropped(PartitionId partition);

 private:
  // Of the last write of a replica: above every number that the replica itself gives.
  static constexpr uint64_t kLastWrite = std::numeric_limits<uint64_t>::max();

  struct Place {
    ReplicaId here;
    ReplicaId removed;
    std::optional<Create> coming = {};
    bool going = false;
  };

  std::map<PartitionId, Place> places_;
};

}  // namespace kvd::node
