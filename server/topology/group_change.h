// What one group has to do next to become as it is wished: the rules of a single change.
//
// - One change at a time: nothing while the configuration is not committed, or joint.
// - Who is new comes as a learner, and votes once it has caught up. The joint change that makes the
//   last wished replica a voter also removes those no longer wished, never before.
// - Two exceptions, in which a learner that has caught up takes the place of a voter who is not
//   wished at once. For safety's sake, if that voter is silent: it is no copy worth waiting for.
//   And if a wished replica is silent: it may be wiped, and its next self let in only once the jobs
//   are done that would wait for it.
// - A change to other voters is asked for only if the live ones are a majority of the old voters
//   and of the new ones.
// - A replica on a wished node is as good as the one that the topology has numbered, whatever its
//   id: it is from an earlier wish.
// - A new replica whose addition was cut off with the log of a deposed leader is asked for again
//   under the same id. So a node may bury an id (leave a tombstone) only if no committed
//   configuration names it *and* the topology does not wish for it any more.
// - A leader that has to go hands its place on first (HeirBefore() in reports.h).
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "server/topology/reports.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// Why a group that is not as wished stays so for now.
struct Obstacle {
  enum class Why : uint8_t {
    kNoReport,        // No leader has reported in this term of the system group.
    kChangeUnderWay,  // The last change is not committed, or joint.
    kCatchingUp,      // `node` is not there yet.
    kNodeSilent,      // `node` is wished to hold a copy, and silent.
    kNoMajority,      // Of the old or of the new voters too many are silent.
    kTurn,            // Others come first: so many may move at once.
    kRate,            // The budget of bytes is spent.
    kAsked,           // The step was asked for.
  };
  Why why = Why::kAsked;
  std::optional<NodeId> node = std::nullopt;

  friend bool operator==(const Obstacle&, const Obstacle&) = default;
};

struct GroupChange {
  bool as_wished = false;
  std::optional<Step> step = std::nullopt;  // May be taken at once: it moves no data.
  std::vector<raft::Member> newcomers;      // May be added as learners: each is sent all data.
  uint32_t transfers = 0;                   // Learners being sent the data now.
  std::optional<Obstacle> obstacle = std::nullopt;  // If there is neither step nor newcomer.
};

// The next change of a group, from its leader's report. `wish` is the topology's list, `silent` are
// the nodes not heard, `caught_up` the entries that a learner may be behind.
[[nodiscard]] GroupChange NextChange(const std::vector<Replica>& wish, const GroupReport& report,
                                     const std::set<NodeId>& silent, uint64_t caught_up);

// The step that adds the first `count` newcomers. REQUIRES: there are as many.
[[nodiscard]] Step AddLearners(const GroupReport& report, const GroupChange& change, size_t count);

}  // namespace kvd::topology
