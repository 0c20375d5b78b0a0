// Makes rings. Place() starts from nothing, Rebalance() from the ring there is and moves as little
// as it can; both promise the same of the ring they return:
//
// - Zones. With at least R zones, the replicas of a partition are in R different ones. With fewer,
//   they are spread as evenly as the zones' sizes allow: let k be the smallest number such that
//   zones of min(size, k) nodes could take all R copies; then every partition has min(size, k - 1)
//   copies in each zone and the remaining ones in different zones, one each. Example: R = 3 on two
//   zones is 2 + 1, and R = 5 on zones of 1, 3 and 3 nodes is 1 + 2 + 2. A member without a zone is
//   a zone of its own.
// - Replicas. Within that rule every node holds its fair share, rounded down or up: R*P/N where the
//   zones permit. Where they do not, zones fill like connected vessels: a zone that must hold more
//   (or can hold only less) than the common level gets exactly that and splits it evenly among its
//   nodes, and the others share one level. With R = 3 on zones of 1, 2 and 3 nodes each zone holds
//   P copies, so a node holds P, P/2 or P/3: separation wins over balance.
// - Owners. Every node owns P/N partitions, rounded down or up. (Proven where all shares are equal.
//   Where zones force unequal shares, owners are as even as the copies permit: on small rings a
//   node may, rarely, own one more or one less.)
// - Moves. Rebalance() adds as few replicas as any ring with these promises needs, or at most a
// tenth
//   more (one more, where a tenth is less than one) when a node joins or leaves.
// - Next owners. The second replicas of the partitions of one owner are spread over the other
//   nodes, so that its death does not burden one of them.
//
// How: the shares are fixed first (quotas.h), then copies are assigned (replica_choice.h) and,
// where a direct choice is blocked, shifted along an alternating path (reroute.h); owners and next
// owners are an optimal semi-matching (even_choice.h). Meant for up to a few thousand nodes: memory
// grows with the square of their number (4 MB for 1000).
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <span>

#include "server/ring/ring.h"

namespace kvd::ring {

// The ring of a new cluster. The order of `members` does not matter. With fewer members than
// `replication`, each partition has a copy on every member.
// REQUIRES: `partitions` is a power of two; `replication` is at least 1; there is a member; ids are
// distinct and none is 0.
[[nodiscard]] Ring Place(std::span<const Member> members, uint32_t partitions,
                         uint32_t replication);

// The ring for `members`, reached from `previous` by few moves: nodes not among the members lose
// their copies, new ones take their share, zones may have changed, and all of it at once. Owners
// change only where their load or the loss of a node demands it. Repeating it with the same members
// changes nothing.
// REQUIRES: as for Place().
[[nodiscard]] Ring Rebalance(const Ring& previous, std::span<const Member> members,
                             uint32_t replication);

}  // namespace kvd::ring
