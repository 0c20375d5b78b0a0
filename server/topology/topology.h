// What the cluster is: its members, its ring and the epoch that numbers them. Decided in one place
// and handed on unchanged; every node holds the same bytes for the same epoch.
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

struct Member {
  NodeId id;
  NodeCard card;

  friend bool operator==(const Member&, const Member&) = default;
};

// A copy of a partition: where, and its own id, which is never reused.
struct Replica {
  ReplicaId id;
  NodeId node;

  friend bool operator==(const Replica&, const Replica&) = default;
};

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

  [[nodiscard]] uint32_t partitions() const { return static_cast<uint32_t>(ring.size()); }

  // REQUIRES: partition < partitions().
  [[nodiscard]] const Replica& PreferredOwner(PartitionId partition) const;

  // nullptr: no such member.
  [[nodiscard]] const Member* Find(NodeId id) const;
  [[nodiscard]] const Member* Find(const Uuid& uuid) const;
  [[nodiscard]] const Member* FindName(std::string_view name) const;

  friend bool operator==(const Topology&, const Topology&) = default;
};

// Epoch 1: numbers `cards` in order of name, allots replica ids and places the ring.
// REQUIRES: names are unique, `terms.partitions` is a power of two.
[[nodiscard]] Topology FoundTopology(const Uuid& cluster_id, const ClusterTerms& terms,
                                     std::vector<NodeCard> cards);

// The record in which a topology is kept and handed on: a format byte, the fields, a checksum.
// Decoding refuses damage and inconsistency with DATA_LOSS and a newer format with
// FAILED_PRECONDITION.
[[nodiscard]] std::string EncodeTopology(const Topology& topology);
[[nodiscard]] StatusOr<Topology> DecodeTopology(std::string_view bytes);

// FAILED_PRECONDITION, naming both values, unless `terms` (a cluster file's) agree with `topology`
// in what is fixed at founding: name, partitions, replication.
[[nodiscard]] Status CheckTerms(const ClusterTerms& terms, const Topology& topology);

}  // namespace kvd::topology
