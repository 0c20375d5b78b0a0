#include "server/topology/plan.h"

#include <utility>

#include "server/ring/moves.h"
#include "server/topology/wish.h"

namespace kvd::topology {
namespace {

Balance BalanceOf(const Topology& topology, const ring::Ring& ring) {
  const size_t members = Placeable(topology).size();
  return {.replicas = ring.FullestByReplicas(members), .owned = ring.FullestByOwned(members)};
}

}  // namespace

Plan MakePlan(const Topology& before, const Topology& after,
              const std::map<PartitionId, uint64_t>& sizes) {
  const ring::Ring from = RingOf(before);
  const ring::Ring to = RingOf(after);
  Plan plan;
  std::map<std::pair<std::optional<NodeId>, NodeId>, Transfer> transfers;
  for (const ring::Move& move : ring::Moves(from, to)) {
    const auto size = sizes.find(move.partition);
    const uint64_t bytes = size != sizes.end() ? size->second : 0;
    for (size_t i = 0; i < move.added.size(); ++i) {
      const bool replaces = i < move.removed.size();
      const auto giver = replaces ? std::optional(move.removed[i]) : std::nullopt;
      Transfer& transfer = transfers[{giver, move.added[i]}];
      transfer.from = giver;
      transfer.to = move.added[i];
      ++transfer.copies;
      transfer.bytes += bytes;
      ++plan.copies;
      plan.bytes += bytes;
      plan.bytes_to_take[move.added[i]] += bytes;
    }
  }
  for (const auto& [nodes, transfer] : transfers) plan.transfers.push_back(transfer);
  plan.minimum_copies = ring::MinimumMoves(from, Placeable(after), after.copies);
  plan.loads_before = from.loads();
  plan.loads_after = to.loads();
  plan.balance_before = BalanceOf(before, from);
  plan.balance_after = BalanceOf(after, to);
  plan.exposures_before = ExposuresOf(before);
  plan.exposures_after = ExposuresOf(after);
  return plan;
}

}  // namespace kvd::topology
