// What becomes of a cluster of which a majority is lost for good (DESIGN 3.3): from what the disks
// of the survivors hold it is decided which copy each group goes on from, and what the cluster is
// from then on.
//
// Each group goes on from the copy with the highest last entry, by term, then index, then the lower
// node: alone as its only voter. What that copy holds counts as committed. Its next term and index
// are above all that any copy given has seen; the index by far, so that no version is ever given to
// two values, not even one that is lost now. All other copies end; new ones are made of the good
// one. A group of which there is no copy begins anew, empty.
//
// The cluster that results has an id of its own, which follows from the old one and from who
// survives: no node of the old one, be it lost or a copy of a survivor, is ever heard in it.
//
// Pure. Threading: values.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/types.h"
#include "server/raft/configuration.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// A copy of a group that a survivor's disk holds.
struct FoundCopy {
  GroupId group;
  raft::Member replica;
  Term term = 0;       // The newest it knows.
  Term last_term = 0;  // Of its last entry; 0: it has none.
  Index last_index = 0;
  raft::Configuration configuration;  // The last one in its log, committed or not.
};

struct GroupSalvage {
  // kNone: its voters given are a majority, and so hold all that was ever acknowledged.
  // kLastWrites: they are none; what was acknowledged last may be missing. kEverything: no copy is
  // given.
  enum class Loss : uint8_t { kNone, kLastWrites, kEverything };

  GroupId group;
  Loss loss = Loss::kNone;
  std::optional<FoundCopy> best = {};  // nullopt: there is none.
  size_t voters_given = 0;             // Of those in the configuration of `best`.

  // What the group goes on as: this replica alone, as if a snapshot had been taken of it at this
  // index, of this term.
  raft::Member replica = {};
  Term term = 0;
  Index index = 0;
};

struct Salvage {
  Topology topology;
  std::vector<GroupSalvage> groups;  // The system group first, then the partitions in order.

  [[nodiscard]] size_t Count(GroupSalvage::Loss loss) const;

  // Then the survivors need only be started.
  [[nodiscard]] bool LosesNothing() const {
    return Count(GroupSalvage::Loss::kNone) == groups.size();
  }
};

// `newest` is the newest topology that a survivor holds. Those who are not among `survivors` are
// lost: they are removed from it. Jobs that were under way are aborted, and whoever was about to
// join or to leave is a member like all others.
// REQUIRES: `survivors` are members of `newest`, at least one; `copies` are theirs, one per group
// and node.
[[nodiscard]] Salvage PlanSalvage(const Topology& newest, const std::set<NodeId>& survivors,
                                  const std::vector<FoundCopy>& copies);

// The id of the cluster that `survivors` of cluster `lost` go on as. The same survivors have the
// same id, however often it is asked for.
[[nodiscard]] Uuid SuccessorOf(const Uuid& lost, const std::set<Uuid>& survivors);

}  // namespace kvd::topology
