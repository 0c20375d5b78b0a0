// What can be asked of the topology: the entries of the system group's log. decision.h says what
// each one does to a topology.
//
// Pure values.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/status.h"
#include "server/topology/topology.h"

namespace kvd::topology {

// Nodes that are no members join, all at once.
struct AddMembers {
  std::vector<NodeCard> cards;
  std::string asked_by;

  friend bool operator==(const AddMembers&, const AddMembers&) = default;
};

// A member leaves. `accept_fewer_copies`: also if too few nodes remain for the copies there are.
struct StartLeave {
  NodeId node;
  bool accept_fewer_copies = false;
  std::string asked_by;

  friend bool operator==(const StartLeave&, const StartLeave&) = default;
};

// A member is lost: the same, of a node that takes no part in it.
struct StartRemove {
  NodeId node;
  bool accept_fewer_copies = false;
  std::string asked_by;

  friend bool operator==(const StartRemove&, const StartRemove&) = default;
};

// A node that is no member takes the place of one that is.
struct StartReplace {
  NodeId old;
  NodeCard card;
  std::string asked_by;

  friend bool operator==(const StartReplace&, const StartReplace&) = default;
};

// A member came back with an empty disk, hence with a new UUID: it takes the place, and the name,
// of its old self. Whether that one is silent is judged before (returns.h).
struct ReplaceWiped {
  NodeId old;
  NodeCard card;

  friend bool operator==(const ReplaceWiped&, const ReplaceWiped&) = default;
};

// The ring is made as even as its zones permit.
struct StartRebalance {
  std::string asked_by;

  friend bool operator==(const StartRebalance&, const StartRebalance&) = default;
};

// A member announces addresses or a zone that differ from those known. Nothing moves for it.
struct NoteCard {
  NodeId node;
  NodeCard card;

  friend bool operator==(const NoteCard&, const NoteCard&) = default;
};

// The system group gets these voters.
struct SetVoters {
  std::vector<NodeId> voters;  // In order.

  friend bool operator==(const SetVoters&, const SetVoters&) = default;
};

// A joining member holds all that it is wished to hold.
struct FinishJoin {
  NodeId node;

  friend bool operator==(const FinishJoin&, const FinishJoin&) = default;
};

// A leaving member is in no group's committed configuration any more, as all groups' leaders
// reported: it is removed.
struct FinishRemoval {
  NodeId node;

  friend bool operator==(const FinishRemoval&, const FinishRemoval&) = default;
};

// What a job wished for is so, or after an abort undone.
struct FinishJob {
  JobId job;

  friend bool operator==(const FinishJob&, const FinishJob&) = default;
};

// A job is to be undone.
struct AbortJob {
  JobId job;

  friend bool operator==(const AbortJob&, const AbortJob&) = default;
};

// New kinds are added at the end: the position is the kind in the record.
using Command =
    std::variant<AddMembers, StartLeave, StartRemove, StartReplace, ReplaceWiped, StartRebalance,
                 NoteCard, SetVoters, FinishJoin, FinishRemoval, FinishJob, AbortJob>;

// The record of a command: a format byte, the kind, the fields, a checksum. Decoding refuses damage
// with DATA_LOSS and a newer format or an unknown kind with FAILED_PRECONDITION: whoever cannot
// read an entry must stop, never skip it.
[[nodiscard]] std::string EncodeCommand(const Command& command);
[[nodiscard]] StatusOr<Command> DecodeCommand(std::string_view bytes);

}  // namespace kvd::topology
