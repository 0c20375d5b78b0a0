// How replicas come and go, as messages between nodes, and what changes a group's members.
//
// A group's leader sends Create to a learner that answered NotHere: the receiver makes a blank
// replica durable and answers from then on. Nothing else makes a replica. One that is out of touch
// with its group, because it was removed while away perhaps, asks every peer; the group's leader
// answers, and nothing but that answer removes it.
//
// Who reconciles is told of groups by their leaders, and asks them for steps. All of it may be
// lost: reports come again, and a step that is not in the next report is asked for again.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/refusal.h"
#include "common/types.h"
#include "server/node/witness.h"
#include "server/raft/configuration.h"
#include "server/topology/messages.h"
#include "server/topology/reports.h"

namespace kvd::node {

// The addressee of a message of the group is not here; gone: it was removed, or is older than the
// one that is here, and will never be here again.
struct NotHere {
  GroupId group;
  ReplicaId replica;
  bool gone = false;

  friend bool operator==(const NotHere&, const NotHere&) = default;
};

struct Create {
  GroupId group;
  ReplicaId replica;
  raft::Configuration initial;  // The group began with it.

  friend bool operator==(const Create&, const Create&) = default;
};

// Does the group still have this replica?
struct Inquiry {
  GroupId group;
  ReplicaId replica;

  friend bool operator==(const Inquiry&, const Inquiry&) = default;
};

// From a leader: the replica is named by no configuration behind the committed entry `index`, of
// `term`. That settles it for a replica whose log goes no further: a log that was behind could not
// know of a later addition.
struct Removal {
  GroupId group;
  ReplicaId replica;
  Index index = 0;
  Term term = 0;

  friend bool operator==(const Removal&, const Removal&) = default;
};

// What a group's leader knows of its group, and what it is asked to do.
using topology::GroupReport;
using topology::MemberProgress;
using topology::Step;

enum class StepRefused : uint8_t {
  kNotLeader,           // Or there is no replica here, or it leads in another term.
  kOtherConfiguration,  // if_index is not the index in force.
  kChangeUnderWay,
  kTransferring,
  kHandingOver,  // The leader is to go: it hands its place over first. Try again with the next one.
  kNotReady,     // Nothing of this term is committed yet.
  kNotCaughtUp,  // A voter to be is behind, or those alive are no majority.
  kMalformed,    // It names no voter, somebody twice, a node twice, or a voter as a learner.
  kOldEpoch,     // Whoever asks knows less of the topology than the leader does.
};
struct StepTaken {
  Index index = 0;  // Of the entry, which is yet to be committed.

  friend bool operator==(const StepTaken&, const StepTaken&) = default;
};
using StepResult = std::variant<StepTaken, StepRefused>;

// What became of the step on (term, if_index).
struct StepAnswer {
  PartitionId partition;
  Term term = 0;
  Index if_index = 0;
  StepResult result;

  friend bool operator==(const StepAnswer&, const StepAnswer&) = default;
};

// What the leader of the system group said of a node that introduced itself to a member; no
// refusal: it will be taken in, or is a member.
struct Verdict {
  Uuid node;
  std::optional<Refusal> refusal = {};

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Those pending for one peer.
struct Membership {
  std::vector<NotHere> not_here = {};
  std::vector<Create> creates = {};
  std::vector<Inquiry> inquiries = {};
  std::vector<Removal> removals = {};
  std::vector<GroupReport> reports = {};
  std::vector<Step> steps = {};
  std::vector<StepAnswer> step_answers = {};

  // From the leader of the system group, in this term: bear witness. What comes back stands beside
  // `reports`.
  std::optional<Term> poll = {};
  std::string halted = {};  // Beside `poll`: why it does not do what is due, for people.
  std::optional<Witness> witness = {};

  // Who sees a newer epoch asks for its topology; a record of it is the answer.
  bool topology_wanted = false;
  std::string topology = {};

  // Nodes that introduced themselves, on their way to the leader of the system group; and back.
  std::vector<topology::NodeCard> announced = {};
  std::vector<Verdict> verdicts = {};

  // The addressee was heard under this boot, which its own cannot follow upon.
  std::optional<topology::Boot> superseded_by = {};

  [[nodiscard]] bool empty() const {
    return not_here.empty() && creates.empty() && inquiries.empty() && removals.empty() &&
           reports.empty() && steps.empty() && step_answers.empty() && !poll && !witness &&
           !topology_wanted && topology.empty() && announced.empty() && verdicts.empty() &&
           !superseded_by;
  }

  friend bool operator==(const Membership&, const Membership&) = default;
};

}  // namespace kvd::node
