// The wish that follows from the members: who should hold a copy of which partition. Placement
// itself is decided in server/ring; here it meets ids: a copy that stays keeps its id, a new one
// gets a number that no replica ever had.
//
// Pure. Threading: values.
#pragma once

#include <vector>

#include "server/ring/ring.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// `topology` with the ring its members should have: those who take copies share them, as few move
// as server/ring/placement.h promises. Repeating it changes nothing. Lists of the ring that are all
// empty are placed anew.
// REQUIRES: some member takes copies.
[[nodiscard]] Topology WithWishedRing(Topology topology);

// `topology` with these voters of the system group. Who votes already keeps its replica id.
// REQUIRES: `voters` are different members, in order.
[[nodiscard]] Topology WithVoters(Topology topology, const std::vector<NodeId>& voters);

// The nodes of the ring. REQUIRES: no list is empty.
[[nodiscard]] ring::Ring RingOf(const Topology& topology);

// The members who take copies.
[[nodiscard]] std::vector<ring::Member> Placeable(const Topology& topology);

}  // namespace kvd::topology
