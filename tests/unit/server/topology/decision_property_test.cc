// Random histories of commands, sensible and senseless ones: what holds after each of them.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "common/random.h"
#include "server/ring/moves.h"
#include "server/topology/wish.h"
#include "tests/unit/server/topology/world.h"

namespace kvd::topology {
namespace {

NodeCard DrawCard(Random& random) {
  const auto number = static_cast<uint8_t>(random.Between(1, 40));
  NodeCard card = CardOf(number);
  card.zone = random.Chance(500'000) ? "" : "z" + std::to_string(random.Below(4));
  if (random.Chance(200'000)) card.uuid = UuidOf(static_cast<uint8_t>(random.Between(41, 250)));
  return card;
}

NodeId DrawNode(Random& random, const Topology& topology) {
  return NodeId{static_cast<uint32_t>(random.Between(1, topology.next_node.value))};
}

Command DrawCommand(Random& random, const Topology& topology) {
  const NodeId node = DrawNode(random, topology);
  const JobId job{random.Between(1, topology.next_job.value)};
  switch (random.Below(12)) {
    case 0:
      return StartLeave{node, random.Chance(500'000), "ops"};
    case 1:
      return StartRemove{node, random.Chance(500'000), "ops"};
    case 2:
      return StartReplace{node, DrawCard(random), "ops"};
    case 3:
      return ReplaceWiped{node, DrawCard(random)};
    case 4:
      return StartRebalance{"ops"};
    case 5:
      return NoteCard{node, DrawCard(random)};
    case 6:
      return SetVoters{{node}};
    case 7:
      return FinishJoin{node};
    case 8:
      return FinishRemoval{node};
    case 9:
      return FinishJob{job};
    case 10:
      return AbortJob{job};
    default:
      return AddMembers{{DrawCard(random), DrawCard(random)}, "ops"};
  }
}

void CheckAfter(const Topology& before, const Topology& after) {
  RC_ASSERT(after.epoch.value == before.epoch.value + 1);
  RC_ASSERT(after.next_replica >= before.next_replica);
  RC_ASSERT(DecodeTopology(EncodeTopology(after)).value() == after);
  std::map<NodeId, Uuid> known;
  for (const Member& member : after.members) known[member.id] = member.card.uuid;
  for (const auto& replicas : after.ring) {
    RC_ASSERT(replicas.size() == after.copies);
    for (const Replica& replica : replicas) RC_ASSERT(after.Find(replica.node)->TakesCopies());
  }
}

// No replica id ever stands for two places.
void CheckIds(std::map<ReplicaId, std::pair<size_t, NodeId>>& places, const Topology& topology) {
  const auto check = [&](size_t group, const Replica& replica) {
    const auto place = std::pair(group, replica.node);
    RC_ASSERT(places.try_emplace(replica.id, place).first->second == place);
  };
  for (size_t p = 0; p < topology.ring.size(); ++p) {
    for (const Replica& replica : topology.ring[p]) check(p, replica);
  }
  for (const Replica& replica : topology.system_voters) check(topology.ring.size(), replica);
}

RC_GTEST_PROP(DecisionPropertyTest, EveryHistoryKeepsTheTopologySound, (uint64_t seed)) {
  Random random(seed);
  Topology topology = FoundedBy(static_cast<uint8_t>(random.Between(1, 6)), 32);
  std::map<ReplicaId, std::pair<size_t, NodeId>> places;
  CheckIds(places, topology);
  for (Index index = 1; index <= 60; ++index) {
    const Command command = DrawCommand(random, topology);
    const Decision decision = Decide(topology, index, command);
    if (const auto* rejection = std::get_if<Rejection>(&decision); rejection != nullptr) {
      RC_ASSERT(!Explain(*rejection, topology).message.empty());
      continue;
    }
    CheckAfter(topology, std::get<Topology>(decision));
    topology = std::get<Topology>(decision);
    CheckIds(places, topology);
  }
}

RC_GTEST_PROP(DecisionPropertyTest, EveryNodeComputesTheSameBytes, (uint64_t seed)) {
  Random random(seed);
  Topology one = FoundedBy(3, 32);
  Topology other = one;
  for (Index index = 1; index <= 30; ++index) {
    const Command command = DrawCommand(random, one);
    const Decision decision = Decide(one, index, command);
    // The other node reads command and topology from its disk.
    const Decision again = Decide(DecodeTopology(EncodeTopology(other)).value(), index,
                                  DecodeCommand(EncodeCommand(command)).value());
    RC_ASSERT(decision == again);
    if (std::holds_alternative<Rejection>(decision)) continue;
    one = std::get<Topology>(decision);
    other = std::get<Topology>(again);
    RC_ASSERT(EncodeTopology(one) == EncodeTopology(other));
  }
}

// P7, for each join, leave or replacement by itself, with as many partitions as users are told.
RC_GTEST_PROP(DecisionPropertyTest, FewCopiesMoveAndTheRingIsEven, (uint64_t seed)) {
  Random random(seed);
  const auto nodes = static_cast<uint8_t>(random.Between(3, 9));
  Topology topology = FoundedBy(nodes, 1024);
  for (uint8_t n = 1; n <= 4; ++n) {
    const auto fresh = static_cast<uint8_t>(nodes + n);
    const NodeId node = topology.members[random.Below(topology.members.size())].id;
    const std::vector<Command> commands = {AddMembers{{CardOf(fresh)}, ""},
                                           StartLeave{node, false, ""},
                                           StartReplace{node, CardOf(fresh), ""}};
    const Decision decision = Decide(topology, n, commands[random.Below(3)]);
    if (std::holds_alternative<Rejection>(decision)) continue;
    const Topology& next = std::get<Topology>(decision);
    const auto members = Placeable(next);
    const uint64_t minimum = ring::MinimumMoves(RingOf(topology), members, next.copies);
    RC_ASSERT(next.jobs.back().copies_to_add * 10 <= minimum * 11);
    RC_ASSERT(RingOf(next).FullestByReplicas(members.size()).IsAtMost(101, 100));
    RC_ASSERT(RingOf(next).FullestByOwned(members.size()).IsAtMost(101, 100));
    topology = next;
  }
}

}  // namespace
}  // namespace kvd::topology
