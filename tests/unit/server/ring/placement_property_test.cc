// The promises of placement on thousands of random clusters: up to 24 nodes, zones of any size or
// none, R up to 5, and chains of joins and leaves, several at once.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "common/random.h"
#include "tests/unit/server/ring/exact_minimum.h"
#include "tests/unit/server/ring/topologies.h"

namespace kvd::ring {
namespace {

struct Cluster {
  std::vector<Member> members;
  uint32_t partitions = 1;
  uint32_t replication = 1;
};

Member DrawMember(NodeId id, uint32_t zones) {
  const auto zone = *rc::gen::inRange<uint32_t>(0, zones + 1);
  return {.id = id, .zone = zone == 0 ? "" : "zone " + std::to_string(zone)};
}

Cluster DrawCluster() {
  const auto nodes = *rc::gen::inRange<uint32_t>(1, 25);
  const auto zones = *rc::gen::inRange<uint32_t>(0, 7);
  Cluster cluster{.members = {},
                  .partitions = 1U << *rc::gen::inRange<uint32_t>(0, 10),
                  .replication = *rc::gen::inRange<uint32_t>(1, 6)};
  uint32_t id = 0;
  while (cluster.members.size() < nodes) {
    id += *rc::gen::inRange<uint32_t>(1, 4);
    cluster.members.push_back(DrawMember(NodeId{id}, zones));
  }
  return cluster;
}

// Up to three nodes leave and up to three join. Somebody stays.
std::vector<Member> DrawChange(std::vector<Member> members, uint32_t zones) {
  uint32_t next_id = 1;
  for (const Member& member : members) next_id = std::max(next_id, member.id.value + 1);
  for (auto leaves = *rc::gen::inRange(0, 4); leaves > 0 && members.size() > 1; --leaves) {
    members.erase(members.begin() + *rc::gen::inRange<int>(0, static_cast<int>(members.size())));
  }
  for (auto joins = *rc::gen::inRange(0, 4); joins > 0; --joins) {
    members.push_back(DrawMember(NodeId{next_id++}, zones));
  }
  return members;
}

// True if no copy could move from a node to one with at least two less, zones and all: shares are
// as even as separation permits. Moves within a zone, or between zones that may trade.
bool SharesAreFair(const Ring& ring, const std::vector<Member>& members) {
  const auto sizes = ZoneSizes(members);
  for (const Member& from : members) {
    for (const Member& to : members) {
      const uint32_t much = ring.LoadOf(from.id).replicas;
      const uint32_t little = ring.LoadOf(to.id).replicas;
      if (much < little + 2) continue;
      if (ZoneOf(from) == ZoneOf(to)) return false;
      for (uint32_t p = 0; p < ring.partitions(); ++p) {
        const auto copies = CopiesByZone(ring, PartitionId{p}, members);
        const uint32_t there = copies.at(ZoneOf(to));
        if (there < sizes.at(ZoneOf(to)) && copies.at(ZoneOf(from)) > there) return false;
      }
    }
  }
  return true;
}

void CheckPromises(const Ring& ring, const std::vector<Member>& members) {
  RC_ASSERT(SpreadsZonesEvenly(ring, members));
  RC_ASSERT(SharesAreFair(ring, members));
  if (HoldsEqually(ring, members)) RC_ASSERT(OwnsEqually(ring, members));
  for (const Member& member : members) {
    const uint64_t owned = ring.LoadOf(member.id).owned;
    RC_ASSERT(owned * members.size() < ring.partitions() + 2 * members.size());
  }
  if (ring.partitions() < 100 * members.size()) return;
  RC_ASSERT(ring.FullestByOwned(members.size()).IsAtMost(101, 100));
}

std::vector<Member> Shuffled(std::vector<Member> members, uint64_t seed) {
  Random random(seed);
  for (size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random.Below(i)]);
  return members;
}

RC_GTEST_PROP(PlacePropertyTest, RingKeepsEveryPromise, ()) {
  for (int i = 0; i < 20; ++i) {
    const Cluster cluster = DrawCluster();
    CheckPromises(Place(cluster.members, cluster.partitions, cluster.replication), cluster.members);
  }
}

RC_GTEST_PROP(PlacePropertyTest, OrderOfMembersDoesNotMatter, (uint64_t seed)) {
  const Cluster cluster = DrawCluster();
  const std::vector<Member> shuffled = Shuffled(cluster.members, seed);
  RC_ASSERT(Place(shuffled, cluster.partitions, cluster.replication) ==
            Place(cluster.members, cluster.partitions, cluster.replication));
}

RC_GTEST_PROP(PlacePropertyTest, NodesOfTheirOwnZonesHoldEqually, ()) {
  Cluster cluster = DrawCluster();
  for (Member& member : cluster.members) member.zone.clear();
  const Ring ring = Place(cluster.members, cluster.partitions, cluster.replication);
  RC_ASSERT(HoldsEqually(ring, cluster.members));
  if (cluster.partitions < 100 * cluster.members.size()) return;
  RC_ASSERT(ring.FullestByReplicas(cluster.members.size()).IsAtMost(101, 100));
}

RC_GTEST_PROP(RebalancePropertyTest, ChainsOfChangesKeepEveryPromise, ()) {
  Cluster cluster = DrawCluster();
  Ring ring = Place(cluster.members, cluster.partitions, cluster.replication);
  for (int step = 0; step < 6; ++step) {
    cluster.members = DrawChange(cluster.members, 4);
    ring = Rebalance(ring, cluster.members, cluster.replication);
    CheckPromises(ring, cluster.members);
    RC_ASSERT(Rebalance(ring, Shuffled(cluster.members, 1), cluster.replication) == ring);
  }
}

RC_GTEST_PROP(RebalancePropertyTest, JoinOrLeaveMovesAtMostATenthMoreThanTheMinimum, ()) {
  Cluster cluster = DrawCluster();
  cluster.partitions = std::min(cluster.partitions, 64U);  // The oracle is slow.
  const Ring ring = Place(cluster.members, cluster.partitions, cluster.replication);
  if (cluster.members.size() > 1 && *rc::gen::arbitrary<bool>()) {
    const auto gone = *rc::gen::inRange<size_t>(0, cluster.members.size());
    cluster.members.erase(cluster.members.begin() + static_cast<std::ptrdiff_t>(gone));
  } else {
    cluster.members.push_back(DrawMember(NodeId{1000}, 4));
  }
  const uint64_t minimum = ExactMinimumMoves(ring, cluster.members, cluster.replication);
  const Ring next = Rebalance(ring, cluster.members, cluster.replication);
  const uint64_t added = Count(Moves(ring, next)).added;
  RC_ASSERT(added >= minimum);
  // A tenth of few is less than one; where zones bind it was two once, in many thousand draws.
  RC_ASSERT(added <= std::max(minimum + 2, minimum * 11 / 10));
  RC_ASSERT(MinimumMoves(ring, cluster.members, cluster.replication) <= minimum);
}

RC_GTEST_PROP(RebalancePropertyTest, SeveralChangesAtOnceStayNearTheMinimum, ()) {
  Cluster cluster = DrawCluster();
  cluster.partitions = std::min(cluster.partitions, 64U);
  const Ring ring = Place(cluster.members, cluster.partitions, cluster.replication);
  cluster.members = DrawChange(cluster.members, 4);
  const uint64_t minimum = ExactMinimumMoves(ring, cluster.members, cluster.replication);
  const Ring next = Rebalance(ring, cluster.members, cluster.replication);
  RC_ASSERT(Count(Moves(ring, next)).added <= minimum + minimum / 2 + 1);
}

RC_GTEST_PROP(RebalancePropertyTest, WithoutZonesJoinsAndLeavesMoveWithinATenthOfTheMinimum, ()) {
  std::vector<Member> members = Nodes(*rc::gen::inRange<uint32_t>(1, 11));
  Ring ring = Place(members, 1024, 3);
  for (int step = 0; step < 6; ++step) {
    members = DrawChange(members, 0);
    const Ring next = Rebalance(ring, members, 3);
    RC_ASSERT(Count(Moves(ring, next)).added * 10 <= MinimumMoves(ring, members, 3) * 11);
    ring = next;
  }
}

RC_GTEST_PROP(RebalancePropertyTest, AnyReplicationIsReachedFromAnyOther, ()) {
  const Cluster cluster = DrawCluster();
  const auto replication = *rc::gen::inRange<uint32_t>(1, 6);
  const Ring ring = Place(cluster.members, cluster.partitions, cluster.replication);
  CheckPromises(Rebalance(ring, cluster.members, replication), cluster.members);
}

RC_GTEST_PROP(RebalancePropertyTest, DeathNeverPilesUpOnOneNode, ()) {
  std::vector<Member> members = Nodes(*rc::gen::inRange<uint32_t>(3, 9));
  Ring ring = Place(members, 1024, 3);
  for (int step = 0; step < 6; ++step) {
    members = DrawChange(members, 0);
    if (members.size() < 3) return;
    ring = Rebalance(ring, members, 3);
    RC_ASSERT(FullestAfterADeath(ring, members).IsAtMost(110, 100));
  }
}

}  // namespace
}  // namespace kvd::ring
