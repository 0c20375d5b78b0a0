#include "server/ring/moves.h"

#include <algorithm>

#include "common/check.h"
#include "server/ring/quotas.h"
#include "server/ring/roster.h"
#include "server/ring/zone_rule.h"

namespace kvd::ring {
namespace {

std::vector<NodeId> Sorted(std::span<const NodeId> nodes) {
  std::vector<NodeId> sorted(nodes.begin(), nodes.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

Move MoveOf(PartitionId partition, const Ring& from, const Ring& to) {
  Move move{.partition = partition, .added = {}, .removed = {}, .owner = std::nullopt};
  const std::vector<NodeId> before = Sorted(from.Replicas(partition));
  const std::vector<NodeId> after = Sorted(to.Replicas(partition));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(move.added));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(move.removed));
  if (from.Owner(partition) != to.Owner(partition)) {
    move.owner = OwnerChange{.from = from.Owner(partition), .to = to.Owner(partition)};
  }
  return move;
}

}  // namespace

std::vector<Move> Moves(const Ring& from, const Ring& to) {
  KVD_CHECK_OP(==, from.partitions(), to.partitions());
  std::vector<Move> moves;
  for (uint32_t partition = 0; partition < from.partitions(); ++partition) {
    Move move = MoveOf(PartitionId{partition}, from, to);
    if (move.added.empty() && move.removed.empty() && !move.owner) continue;
    moves.push_back(std::move(move));
  }
  return moves;
}

MoveCount Count(std::span<const Move> moves) {
  MoveCount count;
  for (const Move& move : moves) {
    count.added += move.added.size();
    count.removed += move.removed.size();
    count.owners += move.owner ? 1 : 0;
  }
  return count;
}

uint64_t MinimumMoves(const Ring& previous, std::span<const Member> members, uint32_t replication) {
  const Roster roster(members);
  const ZoneRule rule(roster, std::min(replication, roster.size()));
  const auto survivors = Survivors(roster, previous);
  const std::vector<uint32_t> held = CountHeld(roster, survivors);
  const Quotas quotas(roster, rule, previous.partitions(), held);
  uint64_t within_shares = 0;
  for (MemberIndex member = 0; member < roster.size(); ++member) {
    within_shares += std::min(held[member], quotas.Of(member));
  }
  uint64_t within_zones = 0;
  for (const auto& list : survivors) within_zones += rule.Keepable(list);
  return uint64_t{rule.copies()} * previous.partitions() - std::min(within_shares, within_zones);
}

}  // namespace kvd::ring
