#include "tests/simulation/swarm.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/check.h"
#include "server/raft/rules.h"
#include "server/topology/rules.h"

namespace kvd::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Draw {
 public:
  explicit Draw(Random& random) : random_(random) {}

  bool Coin() { return random_.Chance(500'000); }
  uint32_t Between(uint32_t low, uint32_t high) {
    return static_cast<uint32_t>(random_.Between(low, high));
  }
  Duration Between(Duration low, Duration high) {
    return Duration(static_cast<int64_t>(
        random_.Between(static_cast<uint64_t>(low.count()), static_cast<uint64_t>(high.count()))));
  }

  // Zero in half of the seeds.
  uint32_t Ppm(uint32_t max) { return Coin() ? Between(0, max) : 0; }
  Plague Strikes(Duration every_min, Duration every_max, Duration at_most) {
    if (Coin()) return {};
    return {Between(every_min, every_max), Between(at_most / 20, at_most)};
  }

 private:
  Random& random_;
};

void DrawNetwork(Draw& draw, Swarm& swarm) {
  swarm.delay_min = draw.Between(microseconds(20), milliseconds(2));
  swarm.delay_max = swarm.delay_min + draw.Between(Duration::zero(), milliseconds(20));
  if (draw.Ppm(1) != 0) swarm.delay_max += draw.Between(Duration::zero(), milliseconds(100));
  swarm.tail_ppm = draw.Ppm(50'000);
  swarm.loss_ppm = draw.Ppm(300'000);
  swarm.duplication_ppm = draw.Ppm(500'000);
  swarm.raft_loss_ppm = draw.Ppm(100'000);
  swarm.cuts = draw.Strikes(seconds(1), seconds(6), seconds(8));
  swarm.one_way_cuts = draw.Coin();
  swarm.link_breaks = draw.Strikes(milliseconds(100), seconds(4), milliseconds(20));
  if (draw.Ppm(3) == 1) swarm.max_queued_bytes = draw.Between(200, 2000);
  swarm.link_timeout = draw.Between(seconds(1), seconds(13));
}

void DrawMachines(Draw& draw, Swarm& swarm) {
  swarm.crashes = draw.Strikes(milliseconds(300), seconds(5), seconds(4));
  swarm.all_crash_ppm = draw.Ppm(300'000);
  swarm.pauses = draw.Strikes(milliseconds(500), seconds(5), seconds(5));
  if (draw.Coin()) swarm.slowness = draw.Strikes(seconds(1), seconds(8), milliseconds(100));
  swarm.clock_spread_ppm = draw.Ppm(100'000);
  swarm.write_max = draw.Coin() ? draw.Between(milliseconds(1), seconds(1)) : milliseconds(2);
  swarm.slow_write_ppm = draw.Ppm(500'000);
  swarm.io_error_ppm = draw.Coin() ? draw.Ppm(20'000) : 0;
  if (draw.Coin()) swarm.full_disks = draw.Strikes(seconds(1), seconds(8), seconds(3));
  if (draw.Coin()) swarm.stalls = draw.Strikes(seconds(2), seconds(8), seconds(5));
  swarm.flush_every = draw.Between(milliseconds(50), seconds(10));
}

// Three copies are what people have; one, two and five have their own rare paths.
uint32_t DrawReplication(Draw& draw, uint32_t nodes) {
  const uint32_t dice = draw.Between(1, 100);
  const uint32_t wished = dice <= 65 ? 3 : dice <= 80 ? 5 : dice <= 90 ? 2 : 1;
  return std::min(wished, nodes);
}

void DrawClients(Draw& draw, Swarm& swarm) {
  swarm.think_max = draw.Between(milliseconds(2), milliseconds(400));
  swarm.budget_max = draw.Between(milliseconds(50), seconds(4));
  swarm.lost_answer_ppm = draw.Ppm(100'000);
  swarm.named_ppm = draw.Between(0, 1'000'000);
  swarm.persistent_ppm = draw.Coin() ? 1'000'000 : draw.Between(0, 1'000'000);
  swarm.stale_ppm = draw.Ppm(200'000);
  swarm.max_inflight_bytes = draw.Ppm(3) == 1 ? draw.Between(2500, 6000) : 64U << 20U;
}

// Nodes to move to, and few groups: each then changes often.
void DrawSteps(Draw& draw, Swarm& swarm) {
  swarm.nodes = std::max(swarm.nodes, draw.Between(3, 5));
  swarm.partitions = std::min(swarm.partitions, 4U);
  swarm.steps = {draw.Between(milliseconds(30), milliseconds(500)),
                 draw.Between(milliseconds(500), seconds(8))};
}

// Nodes that come and go, hence a long time. What befalls machines comes more seldom, by a factor
// of the seed's own: moving data has to succeed now and then.
void DrawMembers(Draw& draw, Swarm& swarm) {
  swarm.nodes = draw.Between(1, 5);
  swarm.spares = draw.Between(1, 3);
  swarm.replication = DrawReplication(draw, swarm.nodes + swarm.spares);
  swarm.partitions = std::min(swarm.partitions, 4U);
  swarm.safety_phase = draw.Between(seconds(60), seconds(200));
  swarm.operations = {draw.Between(seconds(1), seconds(8)), draw.Between(seconds(20), seconds(80))};
  swarm.remove_after = draw.Coin() ? draw.Between(seconds(30), seconds(40)) : minutes(5);
  swarm.think_max = 20 * swarm.think_max;
  const auto calm = draw.Between(1, 30);
  for (Plague* plague : {&swarm.cuts, &swarm.link_breaks, &swarm.crashes, &swarm.pauses,
                         &swarm.slowness, &swarm.full_disks, &swarm.stalls}) {
    plague->every *= calm;
  }
}

}  // namespace

Swarm DrawSwarm(Random& random, NemesisKind nemesis) {
  Draw draw(random);
  Swarm swarm{.nodes = draw.Between(1, 10) == 1 ? draw.Between(1, 2) : draw.Between(3, 7),
              .partitions = 1U << draw.Between(0, 4),
              .keys = draw.Between(1, 6),
              .clients = draw.Between(1, 6),
              .safety_phase = draw.Between(seconds(5), seconds(20))};
  swarm.replication = DrawReplication(draw, swarm.nodes);
  DrawNetwork(draw, swarm);
  DrawMachines(draw, swarm);
  swarm.handback.first = draw.Between(milliseconds(200), seconds(10));
  swarm.handback.longest = swarm.handback.first + draw.Between(seconds(1), seconds(10));
  swarm.stall_pause = draw.Between(seconds(1), seconds(10));
  // Small limits make rare paths common.
  if (draw.Coin()) swarm.replicas.max_append_bytes = draw.Between(1, 1000);
  if (draw.Coin()) swarm.replicas.max_inflight_bytes = draw.Between(1, 2000);
  if (draw.Ppm(3) == 1) swarm.replicas.max_uncommitted_bytes = draw.Between(1, 1000);
  if (draw.Coin()) swarm.replicas.cache_bytes = draw.Between(0, 1000);
  swarm.replicas.flushes_kept = 1;
  if (draw.Coin()) swarm.max_chunk_bytes = draw.Between(1, 500);
  DrawClients(draw, swarm);
  if (nemesis == NemesisKind::kReconfigure) DrawSteps(draw, swarm);
  if (nemesis == NemesisKind::kMembers) DrawMembers(draw, swarm);
  return swarm;
}

namespace {

struct Named {
  Sabotage sabotage;
  std::string_view name;
  std::variant<std::monostate, raft::Rule, topology::Rule> rule = {};
};

constexpr std::array kNames = {
    Named{Sabotage::kNone, "none"},
    Named{Sabotage::kAcknowledgeBeforeSync, "acknowledge-before-sync"},
    Named{Sabotage::kLoseVote, "lose-vote"},
    Named{Sabotage::kTruncateUnflushed, "truncate-unflushed"},
    Named{Sabotage::kForgetSessions, "forget-sessions"},
    Named{Sabotage::kSendNoSessions, "send-no-sessions"},
    Named{Sabotage::kForgetDisk, "forget-disk"},
    Named{Sabotage::kAnswerBeforeBound, "answer-before-bound"},
    Named{Sabotage::kReadStale, "read-stale"},
    Named{Sabotage::kReuseBoot, "reuse-boot"},
    Named{Sabotage::kForgetAnswer, "forget-answer"},
    Named{Sabotage::kForgetTombstones, "forget-tombstones"},
    Named{Sabotage::kIgnoreReplicaIds, "ignore-replica-ids"},
    Named{Sabotage::kCreateBeforeSync, "create-before-sync"},
    Named{Sabotage::kSendStaleSnapshot, "send-stale-snapshot"},
    Named{Sabotage::kRollBackUnnoticed, "roll-back-unnoticed"},
    Named{Sabotage::kVoteWhenWiped, "vote-when-wiped"},
    Named{Sabotage::kRaftVoteBeforeSync, "raft-vote-before-sync", raft::Rule::kVoteBeforeSync},
    Named{Sabotage::kRaftAckBeforeSync, "raft-ack-before-sync", raft::Rule::kAckBeforeSync},
    Named{Sabotage::kRaftReadWithoutConfirmation, "raft-read-without-confirmation",
          raft::Rule::kReadWithoutConfirmation},
    Named{Sabotage::kRaftCommitOldTermByCounting, "raft-commit-old-term-by-counting",
          raft::Rule::kCommitOldTermByCounting},
    Named{Sabotage::kRaftApplyBeforeCommit, "raft-apply-before-commit",
          raft::Rule::kApplyBeforeCommit},
    Named{Sabotage::kRaftVoteWithoutLogCheck, "raft-vote-without-log-check",
          raft::Rule::kVoteWithoutLogCheck},
    Named{Sabotage::kRaftNewMajorityOnly, "raft-new-majority-only", raft::Rule::kNewMajorityOnly},
    Named{Sabotage::kRaftLearnerCounted, "raft-learner-counted", raft::Rule::kLearnerCounted},
    Named{Sabotage::kRaftTwoChangesAtOnce, "raft-two-changes-at-once",
          raft::Rule::kTwoChangesAtOnce},
    Named{Sabotage::kRaftPromoteUnfilled, "raft-promote-unfilled", raft::Rule::kPromoteUnfilled},
    Named{Sabotage::kTopologyRemoveWhoCounts, "topology-remove-who-counts",
          topology::Rule::kRemoveWhoCounts},
};

const Named& Find(Sabotage sabotage) {
  const auto* found = std::ranges::find(kNames, sabotage, &Named::sabotage);
  KVD_CHECK(found != kNames.end(), "every sabotage has a name");
  return *found;
}

}  // namespace

std::string_view NemesisName(NemesisKind nemesis) {
  switch (nemesis) {
    case NemesisKind::kFaults:
      return "faults";
    case NemesisKind::kReconfigure:
      return "reconfigure";
    case NemesisKind::kMembers:
      return "members";
  }
  KVD_CHECK(false, "every nemesis has a name");
}

void Break(Sabotage sabotage) {
  raft::broken.clear();
  topology::broken.clear();
  const auto& rule = Find(sabotage).rule;
  if (const auto* of_raft = std::get_if<raft::Rule>(&rule)) raft::broken = {*of_raft};
  if (const auto* of_topology = std::get_if<topology::Rule>(&rule)) {
    topology::broken = {*of_topology};
  }
}

NemesisKind NemesisFor(Sabotage sabotage) {
  switch (sabotage) {
    case Sabotage::kForgetTombstones:
    case Sabotage::kIgnoreReplicaIds:
    case Sabotage::kCreateBeforeSync:
    case Sabotage::kSendStaleSnapshot:
    case Sabotage::kRaftNewMajorityOnly:
    case Sabotage::kRaftLearnerCounted:
    case Sabotage::kRaftTwoChangesAtOnce:
    case Sabotage::kRaftPromoteUnfilled:
      return NemesisKind::kReconfigure;
    case Sabotage::kRollBackUnnoticed:
    case Sabotage::kVoteWhenWiped:
    case Sabotage::kTopologyRemoveWhoCounts:
      return NemesisKind::kMembers;
    default:
      return NemesisKind::kFaults;
  }
}

std::string_view SabotageName(Sabotage sabotage) {
  return Find(sabotage).name;
}

std::optional<Sabotage> ParseSabotage(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name, &Named::name);
  return found == kNames.end() ? std::nullopt : std::optional(found->sabotage);
}

}  // namespace kvd::simulation
