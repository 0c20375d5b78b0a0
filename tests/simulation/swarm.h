// Which faults a seed has, and how much of each. Many are zero: combinations of few strong faults
// find more than all of them weakly at once (Groce et al., ISSTA'12).
//
// Pure values, but for the rules that are broken.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/random.h"
#include "server/heartbeat/handback.h"
#include "server/node/replicas.h"

namespace kvd::simulation {

// How often something befalls the cluster, and for how long. `every` zero: never.
struct Plague {
  Duration every{};
  Duration at_most{};

  [[nodiscard]] bool strikes() const { return every > Duration::zero(); }
};

struct Swarm {
  uint32_t nodes = 1;   // That found the cluster.
  uint32_t spares = 0;  // That may join it.
  uint32_t replication = 1;
  uint32_t partitions = 1;
  uint32_t keys = 1;
  uint32_t clients = 1;
  Duration safety_phase{};  // Under faults; then all is healed.

  // The network. A frame on a link is never lost alone: losing its packet delays it.
  Duration delay_min{};
  Duration delay_max{};
  uint32_t tail_ppm = 0;  // Messages that take 30 times as long.
  uint32_t loss_ppm = 0;
  uint32_t duplication_ppm = 0;
  uint32_t raft_loss_ppm = 0;  // Messages of consensus that find the queue full.
  Plague cuts = {};
  bool one_way_cuts = false;
  Plague link_breaks = {};
  uint64_t max_queued_bytes = 4U << 20U;
  Duration link_timeout = std::chrono::seconds(13);

  // The machines.
  Plague crashes = {};
  uint32_t all_crash_ppm = 0;  // Crashes that are a power cut of all nodes.
  Plague pauses = {};
  Plague slowness = {};
  uint32_t clock_spread_ppm = 0;  // Rates are 1 +- this.

  // The disks.
  Duration write_max{};
  uint32_t slow_write_ppm = 0;  // Writes that take long; the others are quick.
  uint32_t io_error_ppm = 0;
  Plague full_disks = {};
  Plague stalls = {};
  Duration flush_every{};

  // The nodes. A process has as many shards as it drew when it started.
  uint32_t max_shards = 1;
  heartbeat::Handback::Options handback = {};
  Duration stall_pause{};
  node::Replicas::Options replicas = {};
  uint64_t max_chunk_bytes = 256U << 10U;

  // Who is where: steps of the oracle, and the time after which it wants something else.
  Plague steps = {};

  // Who is a member: how often the operator does something, and for how long a machine is off.
  // Whoever is silent for longer than `remove_after` is removed by itself; zero: nobody is.
  Plague operations = {};
  Duration remove_after = std::chrono::minutes(5);

  // The clients.
  Duration think_max{};
  Duration budget_max{};
  uint32_t lost_answer_ppm = 0;
  uint32_t named_ppm = 0;       // Operations with a request id.
  uint32_t persistent_ppm = 0;  // Of those: repeated until the outcome is known.
  uint32_t stale_ppm = 0;       // Reads of any replica.
  uint64_t max_inflight_bytes = 0;
};

enum class NemesisKind : uint8_t {
  kFaults,       // Everybody stays where epoch 1 put them.
  kReconfigure,  // Replicas move all the time.
  kMembers,      // Nodes come and go all the time.
};

// "members".
[[nodiscard]] std::string_view NemesisName(NemesisKind nemesis);

[[nodiscard]] Swarm DrawSwarm(Random& random, NemesisKind nemesis);

// A rule that is broken on purpose: by the driver, or in a room itself. A rig that does not
// notice has not tested the rule.
enum class Sabotage : uint8_t {
  kNone,
  kAcknowledgeBeforeSync,  // A batch is reported durable when it is written, not when it is synced.
  kLoseVote,               // Votes are not written.
  kTruncateUnflushed,      // More is reported flushed than is.
  kForgetSessions,         // A start forgets which requests were applied.
  kSendNoSessions,         // A snapshot leaves out which requests were applied.
  kForgetDisk,             // A crash now and then empties log and data, and nobody says so.
  kAnswerBeforeBound,      // A binding is reported durable before it is.
  kReadStale,              // Reads are answered from what was read earlier.
  kReuseBoot,              // A restart does not count as a boot.
  kForgetAnswer,           // Answers now and then never leave the driver.
  kForgetTombstones,       // A start takes removed replicas for blank ones.
  kIgnoreReplicaIds,       // A message is taken by whatever replica of its group is there.
  kCreateBeforeSync,       // A replica starts when its record is written, not when it is synced.
  kSendStaleSnapshot,      // A snapshot is of a replica that lags, and named as though it did not.
  kRollBackUnnoticed,      // A disk that is rolled back goes on counting its boots.
  kVoteWhenWiped,          // Who lost its disk goes on under its old name, with its replicas blank.

  // Rules of server/raft/rules.h.
  kRaftVoteBeforeSync,
  kRaftAckBeforeSync,
  kRaftReadWithoutConfirmation,
  kRaftCommitOldTermByCounting,
  kRaftApplyBeforeCommit,
  kRaftVoteWithoutLogCheck,
  kRaftNewMajorityOnly,
  kRaftLearnerCounted,
  kRaftTwoChangesAtOnce,
  kRaftPromoteUnfilled,

  // Rules of server/topology/rules.h.
  kTopologyRemoveWhoCounts,
};

inline constexpr std::array kSabotages = {
    Sabotage::kAcknowledgeBeforeSync,
    Sabotage::kLoseVote,
    Sabotage::kTruncateUnflushed,
    Sabotage::kForgetSessions,
    Sabotage::kSendNoSessions,
    Sabotage::kForgetDisk,
    Sabotage::kAnswerBeforeBound,
    Sabotage::kReadStale,
    Sabotage::kReuseBoot,
    Sabotage::kForgetAnswer,
    Sabotage::kForgetTombstones,
    Sabotage::kIgnoreReplicaIds,
    Sabotage::kCreateBeforeSync,
    Sabotage::kSendStaleSnapshot,
    Sabotage::kRollBackUnnoticed,
    Sabotage::kVoteWhenWiped,
    Sabotage::kRaftVoteBeforeSync,
    Sabotage::kRaftAckBeforeSync,
    Sabotage::kRaftReadWithoutConfirmation,
    Sabotage::kRaftCommitOldTermByCounting,
    Sabotage::kRaftApplyBeforeCommit,
    Sabotage::kRaftVoteWithoutLogCheck,
    Sabotage::kRaftNewMajorityOnly,
    Sabotage::kRaftLearnerCounted,
    Sabotage::kRaftTwoChangesAtOnce,
    Sabotage::kRaftPromoteUnfilled,
    Sabotage::kTopologyRemoveWhoCounts,
};

// Breaks the rule of a room that this is about, and mends all others.
void Break(Sabotage sabotage);

// The nemesis under which it is to be noticed.
[[nodiscard]] NemesisKind NemesisFor(Sabotage sabotage);

// "acknowledge-before-sync".
[[nodiscard]] std::string_view SabotageName(Sabotage sabotage);
[[nodiscard]] std::optional<Sabotage> ParseSabotage(std::string_view name);

}  // namespace kvd::simulation
