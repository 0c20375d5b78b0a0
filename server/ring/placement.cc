#include "server/ring/placement.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/check.h"
#include "server/ring/even_choice.h"
#include "server/ring/replica_choice.h"
#include "server/ring/roster.h"
#include "server/ring/zone_rule.h"

namespace kvd::ring {
namespace {

using Lists = std::vector<std::vector<MemberIndex>>;

// In an order of their own for every partition, whatever order they were found in.
void Scatter(const Roster& roster, Lists& replicas) {
  for (uint32_t partition = 0; partition < replicas.size(); ++partition) {
    std::sort(replicas[partition].begin(), replicas[partition].end(),
              [&](MemberIndex a, MemberIndex b) {
                return std::pair(roster.Scatter(partition, a), a) <
                       std::pair(roster.Scatter(partition, b), b);
              });
  }
}

// Puts the chosen member at `place`; those before it stay where they are.
void BringForward(std::vector<MemberIndex>& replicas, size_t place, MemberIndex chosen) {
  const auto first = replicas.begin() + static_cast<std::ptrdiff_t>(place);
  std::rotate(first, std::find(first, replicas.end(), chosen),
              std::find(first, replicas.end(), chosen) + 1);
}

// Owners stay where the owner of `before` still holds the partition, as far as evenness permits.
std::vector<MemberIndex> ChooseOwners(const Roster& roster, const Lists& replicas,
                                      const std::vector<std::optional<MemberIndex>>& before) {
  EvenChoice choice{.options = replicas,
                    .chosen = std::vector<std::optional<MemberIndex>>(replicas.size()),
                    .load = std::vector<uint32_t>(roster.size())};
  for (uint32_t partition = 0; partition < replicas.size(); ++partition) {
    const auto& options = replicas[partition];
    const auto& owner = before[partition];
    if (owner && std::find(options.begin(), options.end(), *owner) != options.end()) {
      choice.chosen[partition] = owner;
    }
  }
  return ChooseEvenly(std::move(choice));
}

// Brings forward the next owners of one member's partitions, so that those who would inherit them
// end up with even loads.
void ChooseNextOwners(std::span<const uint32_t> partitions, const std::vector<uint32_t>& owned,
                      Lists& replicas) {
  EvenChoice choice{.options = {},
                    .chosen = std::vector<std::optional<MemberIndex>>(partitions.size()),
                    .load = owned};
  for (const uint32_t partition : partitions) {
    choice.options.emplace_back(replicas[partition].begin() + 1, replicas[partition].end());
  }
  const std::vector<MemberIndex> next = ChooseEvenly(std::move(choice));
  for (size_t i = 0; i < partitions.size(); ++i) BringForward(replicas[partitions[i]], 1, next[i]);
}

void Order(const Roster& roster, const std::vector<std::optional<MemberIndex>>& owners_before,
           Lists& replicas) {
  Scatter(roster, replicas);
  const std::vector<MemberIndex> owners = ChooseOwners(roster, replicas, owners_before);
  std::vector<uint32_t> owned(roster.size());
  std::vector<std::vector<uint32_t>> owned_by(roster.size());
  for (uint32_t partition = 0; partition < replicas.size(); ++partition) {
    BringForward(replicas[partition], 0, owners[partition]);
    ++owned[owners[partition]];
    owned_by[owners[partition]].push_back(partition);
  }
  if (replicas.front().size() == 1) return;
  for (const auto& partitions : owned_by) ChooseNextOwners(partitions, owned, replicas);
}

Ring Finish(const Roster& roster, const Lists& replicas) {
  std::vector<std::vector<NodeId>> lists(replicas.size());
  for (uint32_t partition = 0; partition < replicas.size(); ++partition) {
    for (const MemberIndex member : replicas[partition]) {
      lists[partition].push_back(roster.IdOf(member));
    }
  }
  StatusOr<Ring> ring = Ring::FromLists(lists);
  KVD_CHECK(ring.ok(), Message(ring.status()));
  return *std::move(ring);
}

Ring Arrange(const Roster& roster, const Lists& before,
             const std::vector<std::optional<MemberIndex>>& owners_before, uint32_t replication) {
  KVD_CHECK_OP(>=, replication, 1U);
  const ZoneRule rule(roster, std::min(replication, roster.size()));
  Lists replicas = ChooseReplicas(roster, rule, before);
  Order(roster, owners_before, replicas);
  return Finish(roster, replicas);
}

}  // namespace

Ring Place(std::span<const Member> members, uint32_t partitions, uint32_t replication) {
  KVD_CHECK(std::has_single_bit(partitions), "the number of partitions is a power of two");
  return Arrange(Roster(members), Lists(partitions),
                 std::vector<std::optional<MemberIndex>>(partitions), replication);
}

Ring Rebalance(const Ring& previous, std::span<const Member> members, uint32_t replication) {
  const Roster roster(members);
  std::vector<std::optional<MemberIndex>> owners;
  for (uint32_t partition = 0; partition < previous.partitions(); ++partition) {
    owners.push_back(roster.Find(previous.Owner(PartitionId{partition})));
  }
  return Arrange(roster, Survivors(roster, previous), owners, replication);
}

}  // namespace kvd::ring
