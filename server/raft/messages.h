// What the replicas of a group say to one another (Ongaro & Ousterhout 2014, figure 2; Ongaro's
// dissertation 3-6, 9.6). A message names both replicas: it is for that replica and no other on
// the node.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/types.h"
#include "server/raft/configuration.h"
#include "server/storage/log.h"

namespace kvd::raft {

// Asks for a vote in the message's term. A pre-vote asks whether one would be given, and changes
// nothing.
struct VoteRequest {
  bool pre = false;
  bool transfer = false;  // The leader asked for it: a live leader is no reason to refuse.
  Index last_index = 0;
  Term last_term = 0;

  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

struct VoteReply {
  bool pre = false;
  bool granted = false;

  friend bool operator==(const VoteReply&, const VoteReply&) = default;
};

struct AppendRequest {
  Index previous_index = 0;
  Term previous_term = 0;
  Index commit = 0;
  std::vector<storage::Entry> entries;

  friend bool operator==(const AppendRequest&, const AppendRequest&) = default;
};

// Accepted: everything up to `index` is durable and equal to the leader's log. Rejected: `index` is
// the rejected previous_index, and the leader should try again no later than behind `hint_index`,
// an entry of `hint_term` in the follower's log.
struct AppendReply {
  bool accepted = false;
  Index index = 0;
  Index hint_index = 0;
  Term hint_term = 0;

  friend bool operator==(const AppendReply&, const AppendReply&) = default;
};

// The state behind entry `index`: complete, with the configuration in force there.
struct SnapshotPoint {
  Index index = 0;
  Term term = 0;
  Configuration configuration;

  friend bool operator==(const SnapshotPoint&, const SnapshotPoint&) = default;
};

// The data of this snapshot has arrived, whole, and is ready to be switched to. Answered by an
// AppendReply.
struct InstallRequest {
  SnapshotPoint snapshot;

  friend bool operator==(const InstallRequest&, const InstallRequest&) = default;
};

// The leader gives its place to the addressee: campaign at once.
struct TimeoutNow {
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

// One group's line in the frame that a leader's node sends to a follower's every heartbeat, and at
// once when a read waits. `round` counts up; an answer to round n confirms that the sender still
// led after every read that joined round n or an earlier one had arrived.
struct Beat {
  Index commit = 0;  // At most what the addressee is known to match.
  uint64_t round = 0;

  // `commit` is all there is: everything that was answered as written before this leader was asked
  // whether it still leads is at or below it.
  bool current = false;

  friend bool operator==(const Beat&, const Beat&) = default;
};

struct BeatReply {
  uint64_t round = 0;
  Index last = 0;  // The follower's last index, durable or not: shows appends that were lost.

  friend bool operator==(const BeatReply&, const BeatReply&) = default;
};

struct Message {
  ReplicaId from;
  ReplicaId to;
  Term term = 0;
  std::variant<VoteRequest, VoteReply, AppendRequest, AppendReply, InstallRequest, TimeoutNow, Beat,
               BeatReply>
      body;

  friend bool operator==(const Message&, const Message&) = default;
};

// Whether a replica that keeps the rules could have sent it, as far as the message alone tells:
// entries follow one another, terms do not fall, configurations are some. A peer's bytes that fail
// this are dropped before they touch anything.
[[nodiscard]] bool IsWellFormed(const Message& message);

}  // namespace kvd::raft
