// The fewest replicas that must be added to reach any ring with the promises of placement.h,
// computed without the room's own way of searching: as a minimum-cost flow from partitions over
// zones to the nodes' shares, where only a copy that was not there before costs anything. Slow, for
// small rings.
#pragma once

#include <cstdint>
#include <span>

#include "server/ring/ring.h"

namespace kvd::ring {

[[nodiscard]] uint64_t ExactMinimumMoves(const Ring& previous, std::span<const Member> members,
                                         uint32_t replication);

}  // namespace kvd::ring
