// What a node is asked, what it answers, and what members say to one another on their link. rpc
// turns these into protocol buffers and back.
//
// Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/refusal.h"
#include "common/types.h"
#include "server/node/admin.h"
#include "server/node/membership.h"
#include "server/partition/request_id.h"
#include "server/raft/messages.h"
#include "server/topology/messages.h"

namespace kvd::node {

// Makes a retry safe: within its client, a sequence names one operation, which is applied at most
// once however often it is sent. See partition/sessions.h.
using RequestId = partition::RequestId;

// One operation. Conditions: write only if the key is at this version; 0: only if it is absent.
struct Get {
  bool omit_value = false;
  bool stale = false;  // Any replica may answer, with what it has applied.

  friend bool operator==(const Get&, const Get&) = default;
};
struct Put {
  std::string value;
  std::optional<Version> if_version = {};

  friend bool operator==(const Put&, const Put&) = default;
};
struct Delete {
  std::optional<Version> if_version = {};

  friend bool operator==(const Delete&, const Delete&) = default;
};

// Adds to the value, a decimal 64-bit integer; an absent key counts as 0.
struct Increment {
  int64_t by = 1;

  friend bool operator==(const Increment&, const Increment&) = default;
};

// Puts and deletes of distinct keys of one partition, all or nothing, under one version. The
// operation's key is that of the first item.
struct BatchItem {
  std::string key;
  std::variant<Put, Delete> action;

  friend bool operator==(const BatchItem&, const BatchItem&) = default;
};
struct Batch {
  std::vector<BatchItem> items;

  friend bool operator==(const Batch&, const Batch&) = default;
};

enum class OperationKind : uint8_t { kGet, kPut, kDelete, kIncrement, kBatch, kAdminister };

struct Operation {
  std::string key;  // Empty to Administer, which is of the system group.
  std::variant<Get, Put, Delete, Increment, Batch, Administer> action;
  std::optional<RequestId> request_id = {};  // Writes only; unset: only the node may retry.

  [[nodiscard]] OperationKind kind() const { return static_cast<OperationKind>(action.index()); }

  // To be applied at most once.
  [[nodiscard]] bool is_write() const {
    return kind() != OperationKind::kGet && kind() != OperationKind::kAdminister;
  }

  friend bool operator==(const Operation&, const Operation&) = default;
};

// What an operation came to. Found answers a Get; Written a Put, a Batch, or a Delete that removed
// something; Absent a Get or Delete of a key that is not there; Incremented an Increment; Mismatch
// a write whose condition failed, which wrote nothing. A PlanView answers a PlanChange; Jobs a
// ListJobs, StartChange or AbortJob: one, but to ListJobs of all; Groups a ListGroups.
struct Found {
  std::string value;
  Version version = 0;
  std::optional<Duration> stale_by = {};  // Of a stale read: it may lag by this much, no more.

  friend bool operator==(const Found&, const Found&) = default;
};
struct Written {
  Version version = 0;

  friend bool operator==(const Written&, const Written&) = default;
};
struct Absent {
  std::optional<Duration> stale_by = {};

  friend bool operator==(const Absent&, const Absent&) = default;
};
struct Incremented {
  int64_t value = 0;
  Version version = 0;

  friend bool operator==(const Incremented&, const Incremented&) = default;
};
struct Mismatch {
  std::string key;     // Whose condition failed.
  Version actual = 0;  // 0: it is absent.

  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};
using Result =
    std::variant<Found, Written, Absent, Refusal, Incremented, Mismatch, PlanView, Jobs, Groups>;

// Whether `operation` can come to `result`: peers are not trusted to know.
[[nodiscard]] bool Fits(const Operation& operation, const Result& result);

// A result, and who decided it.
struct Answer {
  Result result;
  PartitionId partition;
  std::string owner;  // By name; empty if nobody decided.
  uint32_t hops = 0;
};

// An operation on its way to the owner; the receiver never forwards it again.
struct Forward {
  uint64_t id = 0;  // The sender's.
  Duration remaining{};
  PartitionId partition;
  ReplicaId replica;
  Operation operation;
};

// Who owns a partition, as far as whoever says so knows; terms tell old hints from new ones.
struct OwnerHint {
  Term term = 0;
  NodeId node;
  ReplicaId replica;  // 0: not known.

  friend bool operator==(const OwnerHint&, const OwnerHint&) = default;
};

struct ForwardReply {
  uint64_t id = 0;
  Result result;
  std::optional<OwnerHint> owner = {};  // Beside NOT_OWNER.
};

// What a node tells of itself.
struct Load {
  uint64_t keys = 0;
  uint64_t disk_bytes = 0;
  uint64_t behind = 0;  // Entries that its replicas have yet to receive, as their owners see it.
  Duration uptime{};
  std::string version;
};

// A node may be divided into shards, see shard.h: this is one of `count`. REQUIRES: index < count.
struct Shard {
  uint32_t index = 0;  // 0: the first.
  uint32_t count = 1;

  [[nodiscard]] bool is_first() const { return index == 0; }
  [[nodiscard]] bool Holds(PartitionId partition) const;

  // The lowest number above `number` that comes back to this shard; counting on by `count` gives
  // the next ones.
  [[nodiscard]] uint64_t NumberAbove(uint64_t number) const;

  friend bool operator==(const Shard&, const Shard&) = default;
};

struct Heartbeat {
  Shard shard = {};                   // Of the sender. Only its groups are spoken of beside it.
  std::optional<Duration> heard_ago;  // When the sender last heard the addressee; nullopt: never.
  Load load;                          // Keys: of the shard.

  // Entries of groups that the sender leads which the addressee has yet to receive.
  uint64_t behind = 0;

  // Stamps, by clocks that only their owners can read; 0: none. The sender's; the addressee's
  // newest that arrived; and its newest that arrived while the sender surely led whatever it leads
  // now: what the beats beside it say is at least as young.
  uint64_t sent = 0;
  uint64_t seen = 0;
  uint64_t settled = 0;

  // Do not give it leadership: it is about to stop, or its disk is full or stalled.
  bool draining = false;
  bool unfit = false;
};

// A message of consensus, and the group it belongs to.
struct GroupMessage {
  GroupId group;
  raft::Message message;

  friend bool operator==(const GroupMessage&, const GroupMessage&) = default;
};

// A piece of a snapshot, from a replica that has it to one that needs it. `bytes` are for
// partition::SnapshotWriter.
struct SnapshotChunk {
  GroupId group;
  ReplicaId from;
  ReplicaId to;
  uint64_t stream = 0;
  uint32_t sequence = 0;
  std::string bytes;

  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};

// It was written, or could not be: the stream ends.
struct SnapshotAck {
  uint64_t stream = 0;
  uint32_t sequence = 0;
  bool ok = false;

  friend bool operator==(const SnapshotAck&, const SnapshotAck&) = default;
};

// Everything pending for one peer.
struct Frame {
  topology::Envelope envelope;
  std::optional<Heartbeat> heartbeat;
  std::vector<GroupMessage> raft;
  bool reply_now = false;  // Reads wait for the answers to the beats among these.
  std::vector<Forward> forwards;
  std::vector<ForwardReply> replies;
  std::vector<SnapshotAck> chunk_acks;
  std::vector<SnapshotChunk> chunks;
  Membership membership;

  [[nodiscard]] bool empty() const { return raft.empty() && HasOnlyRaft(); }

  // Nothing but messages of consensus, if anything.
  [[nodiscard]] bool HasOnlyRaft() const {
    return !heartbeat && forwards.empty() && replies.empty() && chunk_acks.empty() &&
           chunks.empty() && membership.empty();
  }
};

}  // namespace kvd::node
