// Who votes in the system group (DESIGN 3.3): all nodes up to 3, 3 of fewer than 7, 5 from 7 on,
// spread over zones. Few, because each votes on every change of the topology and each is told the
// liveness of all; enough that any one or two may be lost.
//
// Pure. Threading: values.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "server/topology/topology.h"

namespace kvd::topology {

// How many voters a cluster of `nodes` has.
[[nodiscard]] size_t VotersFor(size_t nodes);

// The voters, in order of id, among the active members: as many zones as possible, of equals those
// who vote already (`present`). Members in `down` are passed over while others can be had.
// With none active there is none.
[[nodiscard]] std::vector<NodeId> ChooseVoters(const std::vector<Member>& members,
                                               const std::set<NodeId>& present,
                                               const std::set<NodeId>& down);

// The voters that `topology` should have if the members in `down` are agreed to be silent; nullopt:
// those it has. Somebody silent keeps the vote as long as nobody can take it over, and so does
// somebody who leaves: the group never shrinks before a substitute is there.
[[nodiscard]] std::optional<std::vector<NodeId>> VotersDue(const Topology& topology,
                                                           const std::set<NodeId>& down);

}  // namespace kvd::topology
