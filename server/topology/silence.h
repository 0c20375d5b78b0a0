// What follows from a node's silence and from its return (DESIGN 3.3, Failure and Return): whether
// a node that nobody hears is to be removed, and what a node that announces itself is to the
// cluster. Ownership is no matter of this room: it moves by election, at once.
//
// Pure: how long a silence has lasted comes in as an argument. Threading: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "common/clock.h"
#include "common/refusal.h"
#include "server/topology/command.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// For how long a majority of the system group's voters has not heard a node. A node that is heard
// is not in it.
using Silences = std::map<NodeId, Duration>;

// From then on a node counts as down: it may be replaced by its own wiped self, gives its vote in
// the system group away, and holds up the removal of others.
inline constexpr Duration kDownAfter = std::chrono::seconds(30);

// The nodes that are down.
[[nodiscard]] std::set<NodeId> DownNodes(const Silences& silences);

struct Disk {
  uint64_t used_bytes = 0;
  uint64_t capacity_bytes = 0;

  friend bool operator==(const Disk&, const Disk&) = default;
};

struct RemovalRules {
  Duration remove_after = std::chrono::minutes(5);  // Zero: never.
  uint64_t fullest_percent = 80;                    // Of a disk that takes copies over.
};

// A node is down for so long that its copies should be rebuilt elsewhere, and they are not.
struct RemovalHalted {
  enum class Why : uint8_t {
    kOthersDown,   // `other` is down too: this may be the network, or us.
    kZoneDown,     // All nodes of its zone are down: they may come back together.
    kNoTarget,     // Too few nodes remain for the copies there are.
    kDiskFull,     // The disk of `other` would be too full,
    kDiskUnknown,  // or nobody knows.
  };
  Why why = Why::kNoTarget;
  NodeId node;
  std::optional<NodeId> other = std::nullopt;

  friend bool operator==(const RemovalHalted&, const RemovalHalted&) = default;
};

// For people: "n3 is not removed by itself: its whole zone is down".
[[nodiscard]] std::string Describe(const RemovalHalted& halted, const Topology& topology);

struct NoRemoval {
  friend bool operator==(const NoRemoval&, const NoRemoval&) = default;
};

using RemovalVerdict = std::variant<NoRemoval, StartRemove, RemovalHalted>;

// Whether to remove the node that has been silent longest. Nodes in a job are left to it. `sizes`
// are those of the partitions.
[[nodiscard]] RemovalVerdict JudgeSilence(const Topology& topology, const Silences& silences,
                                          const std::map<NodeId, Disk>& disks,
                                          const std::map<PartitionId, uint64_t>& sizes,
                                          const RemovalRules& rules);

// Who announced itself is a member, as known.
struct Known {
  NodeId node;

  friend bool operator==(const Known&, const Known&) = default;
};

// It never was one, and its name is free: it may ask to join.
struct Stranger {
  friend bool operator==(const Stranger&, const Stranger&) = default;
};

using ReturnVerdict = std::variant<Known, NoteCard, ReplaceWiped, Stranger, Refusal>;

// What a node that announces `card` is to the cluster. A member at a new address is noted; a wiped
// one, with a new UUID, replaces its old self if that one is down and no other replacement is under
// way. Refusals: NAME_IN_USE, naming the UUID and the address, or JOB_CONFLICT, naming the job, of
// a name that is in use; NODE_REMOVED of a UUID that was removed.
[[nodiscard]] ReturnVerdict JudgeReturn(const Topology& topology, const NodeCard& card,
                                        const Silences& silences);

}  // namespace kvd::topology
