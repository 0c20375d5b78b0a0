// Every operation a node has accepted and not yet answered: what it is, whose it is, where it
// stands, when its time is up, and how many bytes all of them hold.
//
// Pure. Threading: confined to the node.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/types.h"
#include "server/node/messages.h"
#include "server/node/shard.h"

namespace kvd::node {

// An accepted operation.
using Ticket = Id<struct TicketTag, uint64_t>;

// A client call, named by whoever posted it.
using CallId = Id<struct CallIdTag, uint64_t>;

// A peer's forward.
struct ForwardOrigin {
  NodeId peer;
  uint64_t id = 0;
};

// The leader of the system group itself: served here, or not at all.
struct SystemOrigin {
  uint64_t number = 0;
};

// Where a request stands.
enum class Stage : uint8_t {
  kWaiting,    // Nobody who could serve it is known or reachable: tried again soon.
  kForwarded,  // With the owner, as far as we know.
  kLog,        // Proposed here.
  kReading,    // Its confirmation, or its value, is on the way.
};

struct Request {
  std::variant<CallId, ForwardOrigin, SystemOrigin> origin;
  Operation operation;
  PartitionId partition{};
  uint64_t bytes = 0;
  Duration budget{};  // What the caller allowed, for messages.
  Instant accepted;
  Instant deadline;

  Stage stage = Stage::kWaiting;
  NodeId owner = {};           // Who works on it, or did last; 0: nobody yet.
  uint32_t tries = 0;          // Forwards, so far.
  bool maybe_applied = false;  // A try was lost: it may have been applied.
  bool own_id = false;         // Its request id is the node's, not the client's.
  bool answered = false;       // Its time was up while the disk was at it.
  std::optional<Duration> stale_by = {};

  [[nodiscard]] bool is_write() const { return operation.is_write(); }
  [[nodiscard]] bool is_forward() const { return std::holds_alternative<ForwardOrigin>(origin); }
  [[nodiscard]] bool is_system() const { return std::holds_alternative<SystemOrigin>(origin); }
};

// The memory an operation holds while it is underway, about.
[[nodiscard]] uint64_t SizeOf(const Operation& operation);

class Requests {
 public:
  // Tickets are numbers of `shard` and count up from above `last_ticket`: ids of forwards, which
  // must not repeat across restarts, or a late reply to an earlier run would answer this one.
  explicit Requests(Shard shard = {}, uint64_t last_ticket = 0)
      : shards_(shard.count), next_ticket_(shard.NumberAbove(last_ticket)) {}

  // Accepts a request. It waits.
  Ticket Add(Request request);

  // nullptr: it was answered. The pointer is good until the next change of any other request.
  [[nodiscard]] Request* Find(Ticket ticket);

  // Moves a request to another stage.
  void Move(Ticket ticket, Stage stage);

  // Gives a write the sequence under which this node may retry it until it is taken out. Sequences
  // count up from 1 in the order in which they are used: what is said to be done was used before.
  [[nodiscard]] uint64_t UseOwnId(Ticket ticket);

  // Nobody will send anything again under a sequence below.
  [[nodiscard]] uint64_t DoneBelow() const;

  // Takes out what is done; nullopt if it is not there (any more). It is to be answered unless it
  // says that it was.
  [[nodiscard]] std::optional<Request> Take(Ticket ticket);

  // What is to be answered because its deadline is at or before `now`, in order of deadline. What
  // the disk is at stays, answered, until that is done: it still holds memory, which must be
  // counted. The rest is taken out.
  [[nodiscard]] std::vector<Request> Expire(Instant now);

  // Everything that waits, in order of ticket; or what waits for one partition.
  [[nodiscard]] std::vector<Ticket> Waiting() const;
  [[nodiscard]] std::vector<Ticket> WaitingFor(PartitionId partition) const;
  [[nodiscard]] bool AnyWaiting() const { return !waiting_.empty(); }

  [[nodiscard]] std::vector<Ticket> ForwardedTo(NodeId peer) const;

  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return requests_.empty(); }

  // Instant::max() if there is none.
  [[nodiscard]] Instant NextDeadline() const;

 private:
  std::map<Ticket, Request> requests_;
  std::set<std::pair<PartitionId, Ticket>> waiting_;
  std::set<std::pair<Instant, Ticket>> deadlines_;
  std::map<Ticket, uint64_t> own_ids_;
  std::set<uint64_t> own_sequences_;  // The same.
  uint64_t next_sequence_ = 1;
  uint64_t bytes_ = 0;
  const uint32_t shards_;
  uint64_t next_ticket_;
};

}  // namespace kvd::node
