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
#include "server/topology/messages.h"

namespace kvd::node {

// One operation on one key.
struct Get {
  bool omit_value = false;

  friend bool operator==(const Get&, const Get&) = default;
};
struct Put {
  std::string value;

  friend bool operator==(const Put&, const Put&) = default;
};
struct Delete {
  friend bool operator==(const Delete&, const Delete&) = default;
};

enum class OperationKind : uint8_t { kGet, kPut, kDelete };

struct Operation {
  std::string key;
  std::variant<Get, Put, Delete> action;

  [[nodiscard]] OperationKind kind() const { return static_cast<OperationKind>(action.index()); }

  [[nodiscard]] bool is_write() const { return !std::holds_alternative<Get>(action); }

  friend bool operator==(const Operation&, const Operation&) = default;
};

// What an operation came to. Found answers a Get; Written a Put, or a Delete that removed
// something; Absent a Get or Delete of a key that is not there.
struct Found {
  std::string value;
  Version version = 0;

  friend bool operator==(const Found&, const Found&) = default;
};
struct Written {
  Version version = 0;

  friend bool operator==(const Written&, const Written&) = default;
};
struct Absent {
  friend bool operator==(const Absent&, const Absent&) = default;
};
using Result = std::variant<Found, Written, Absent, Refusal>;

// Whether an operation of `kind` can come to `result`: peers are not trusted to know.
[[nodiscard]] inline bool Fits(OperationKind kind, const Result& result) {
  if (std::holds_alternative<Refusal>(result)) return true;
  if (std::holds_alternative<Found>(result)) return kind == OperationKind::kGet;
  if (std::holds_alternative<Written>(result)) return kind != OperationKind::kGet;
  return kind != OperationKind::kPut;
}

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

struct ForwardReply {
  uint64_t id = 0;
  Result result;
};

// What a node tells of itself.
struct Load {
  uint64_t keys = 0;
  uint64_t disk_bytes = 0;
  Duration uptime{};
  std::string version;
};

struct Heartbeat {
  std::optional<Duration> heard_ago;  // When the sender last heard the addressee; nullopt: never.
  Load load;
  bool draining = false;
};

// Everything pending for one peer.
struct Frame {
  topology::Envelope envelope;
  std::optional<Heartbeat> heartbeat;
  std::vector<Forward> forwards;
  std::vector<ForwardReply> replies;

  [[nodiscard]] bool empty() const { return !heartbeat && forwards.empty() && replies.empty(); }
};

}  // namespace kvd::node
