// What the cluster is: its members, its ring, the voters of the system group, the jobs that change
// all of this, and the epoch that numbers them. Decided in one place, one command after the other
// (decision.h), and handed on unchanged; every node holds the same bytes for the same epoch.
//
// The ring here is the wish. What a group of replicas really consists of is its own Raft
// configuration; the reconciler (reconciler.h) leads the one to the other.
//
// Pure. Threading: values; shared as shared_ptr<const Topology>, immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "common/uuid.h"

namespace kvd::topology {

// What the cluster file says of the cluster as a whole, equal on every node at founding.
struct ClusterTerms {
  std::string name;
  uint32_t partitions = 0;
  uint32_t replication = 0;             // Wished; see Topology::copies.
  std::vector<std::string> node_names;  // All nodes listed, in order of name.

  friend bool operator==(const ClusterTerms&, const ClusterTerms&) = default;
};

// How a node introduces itself. Addresses are attributes; the UUID is who it is.
struct NodeCard {
  std::string name;
  Uuid uuid;
  std::string address;
  std::string peer_address;
  std::string zone;

  friend bool operator==(const NodeCard&, const NodeCard&) = default;
};

// kJoining: is wished to hold copies, and holds some not yet. kActive: takes part in everything.
// kLeaving: is wished to hold nothing, and still may. From there a member goes to
// Topology::removed, or back to kActive if its job is aborted.
enum class MemberState : uint8_t { kJoining = 1, kActive = 2, kLeaving = 3 };

struct Member {
  NodeId id;
  NodeCard card;
  MemberState state = MemberState::kActive;

  [[nodiscard]] bool TakesCopies() const { return state != MemberState::kLeaving; }

  friend bool operator==(const Member&, const Member&) = default;
};

// Who was a member. Kept for good: a node that was away is told, and its UUID is never taken again.
struct Removed {
  NodeId id;
  Uuid uuid;
  std::string name;
  Epoch at;  // The first epoch without it.

  friend bool operator==(const Removed&, const Removed&) = default;
};

// A copy of a partition: where, and its own id, which is never reused. It is the id that a replica
// gets if one has to be made there; one that is on the node already, from an earlier wish, is as
// good and keeps the id it has.
struct Replica {
  ReplicaId id;
  NodeId node;

  friend bool operator==(const Replica&, const Replica&) = default;
};

// Numbered from 1, never reused.
using JobId = Id<struct JobIdTag, uint64_t>;

enum class JobKind : uint8_t {
  kJoin = 1,
  kLeave = 2,    // Of a node that lives and stops at the end.
  kRemove = 3,   // Of a node that is lost.
  kReplace = 4,  // One node goes, another one comes.
  kRebalance = 5,
};

// Why a running job does not advance is no state: it follows from the reports of the groups.
enum class JobState : uint8_t { kRunning = 1, kAborting = 2, kDone = 3, kAborted = 4 };

// A change of the cluster that takes its time.
struct Job {
  JobId id = {};
  JobKind kind = JobKind::kJoin;
  JobState state = JobState::kRunning;
  std::string asked_by = {};
  Index asked_at = 0;              // Of the command's entry in the system group's log.
  std::vector<NodeId> nodes = {};  // Who joins or goes, in order of id; of a replacement both.
  uint64_t copies_to_add = 0;      // To the wish, when it was asked for.

  [[nodiscard]] bool HasEnded() const {
    return state == JobState::kDone || state == JobState::kAborted;
  }
  [[nodiscard]] bool Concerns(NodeId node) const;

  friend bool operator==(const Job&, const Job&) = default;
};

// Of every cluster's first topology: the one that its founders agreed on.
inline constexpr Epoch kFoundingEpoch{1};

struct Topology {
  Uuid cluster_id;
  std::string cluster_name;
  Epoch epoch;
  uint32_t feature_level = kFeatureLevel;

  // Copies of each key the cluster file asks for, and those the ring has: fewer nodes, fewer
  // copies.
  uint32_t replication_wished = 0;
  uint32_t copies = 0;

  std::vector<Member> members;             // In order of id.
  std::vector<std::vector<Replica>> ring;  // Per partition, in ring order: first = preferred owner.

  // Who is wished to vote in the system group, in order of node.
  std::vector<Replica> system_voters;

  std::vector<Removed> removed;  // In order of removal.
  std::vector<Job> jobs;         // In order of id; of those that ended only the latest.

  // The next ones to be allotted: all ids in use are below.
  NodeId next_node{1};
  ReplicaId next_replica{1};
  JobId next_job{1};

  [[nodiscard]] uint32_t partitions() const { return static_cast<uint32_t>(ring.size()); }

  // REQUIRES: partition < partitions().
  [[nodiscard]] const Replica& PreferredOwner(PartitionId partition) const;

  // nullptr: no such member. While the old self of a wiped node is leaving, its name is that of the
  // new one.
  [[nodiscard]] const Member* Find(NodeId id) const;
  [[nodiscard]] const Member* Find(const Uuid& uuid) const;
  [[nodiscard]] const Member* FindName(std::string_view name) const;

  // nullptr: was never removed.
  [[nodiscard]] const Removed* FindRemoved(const Uuid& uuid) const;

  // nullptr: no such job, or ended so long ago that it is forgotten.
  [[nodiscard]] const Job* FindJob(JobId id) const;

  // The job under way that concerns the node; nullptr: none.
  [[nodiscard]] const Job* FindJobOf(NodeId node) const;

  // Whether the ring or the system group is wished to have a replica on the node.
  [[nodiscard]] bool IsWishedOn(NodeId node) const;

  friend bool operator==(const Topology&, const Topology&) = default;
};

// Epoch 1: numbers `cards` in order of name, allots replica ids, places the ring and chooses the
// voters of the system group.
// REQUIRES: names are unique, `terms.partitions` is a power of two.
[[nodiscard]] Topology FoundTopology(const Uuid& cluster_id, const ClusterTerms& terms,
                                     std::vector<NodeCard> cards);

// The record in which a topology is kept and handed on: a format byte, the fields, a checksum.
// Decoding refuses damage and inconsistency with DATA_LOSS and a newer format with
// FAILED_PRECONDITION. A record of format 1, which knew members and ring alone, is read as what
// FoundTopology() would make of it today.
[[nodiscard]] std::string EncodeTopology(const Topology& topology);
[[nodiscard]] StatusOr<Topology> DecodeTopology(std::string_view bytes);

// FAILED_PRECONDITION, naming both values, unless `terms` (a cluster file's) agree with `topology`
// in what is fixed at founding: name, partitions, replication.
[[nodiscard]] Status CheckTerms(const ClusterTerms& terms, const Topology& topology);

}  // namespace kvd::topology
