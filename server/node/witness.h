// What members tell the leader of the system group when it asks, beside the reports of the groups
// they lead; and what follows from all of it: for how long a majority of the system group's voters
// has not heard a node.
//
// Pure. Threading: Witnesses is confined to its owner.
#pragma once

#include <map>
#include <vector>

#include "common/clock.h"
#include "common/types.h"
#include "server/topology/silence.h"
#include "server/topology/topology.h"

namespace kvd::node {

struct Witness {
  Term asked_in = 0;                  // The term of the leader that asked.
  std::map<NodeId, Duration> silent;  // Whom the sender does not hear, and since when.
  topology::Disk disk;                // Its own.

  friend bool operator==(const Witness&, const Witness&) = default;
};

class Witnesses {
 public:
  void Take(NodeId from, Witness witness, Instant now);

  // Whether `node` bore witness at all, however long ago.
  [[nodiscard]] bool HasTold(NodeId node) const { return told_.contains(node); }

  // What a majority of `voters` agrees on about the members of `topology`. A voter that was not
  // heard lately agrees to nothing.
  [[nodiscard]] topology::Silences Agreed(const topology::Topology& topology,
                                          const std::vector<NodeId>& voters, Instant now) const;

  // As they told last.
  [[nodiscard]] std::map<NodeId, topology::Disk> disks() const;

 private:
  struct Told {
    Witness witness;
    Instant at;
  };

  std::map<NodeId, Told> told_;
};

}  // namespace kvd::node
