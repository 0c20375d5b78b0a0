// Decides which nodes hold which partition, in four steps: drop what the rule of zones forbids, fix
// the fair shares, let nodes beyond their share hand copies to nodes below it, and fill the gaps.
// Each step takes the best direct choice and leaves what is blocked to reroute.h.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/ring/assignment.h"

namespace kvd::ring {

// Who holds each partition, in no order. `before` lists, partition by partition and in ring order,
// the members that hold it now; empty lists for a new ring.
[[nodiscard]] std::vector<std::vector<MemberIndex>> ChooseReplicas(
    const Roster& roster, const ZoneRule& rule, std::span<const std::vector<MemberIndex>> before);

}  // namespace kvd::ring
