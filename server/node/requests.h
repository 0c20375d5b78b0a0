// Every operation a node has accepted and not yet answered: whose it is, where it stands, when its
// time is up, and how many bytes all of them hold.
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
#include "server/partition/owner.h"

namespace kvd::node {

using partition::Ticket;

// A client call, named by whoever posted it.
using CallId = Id<struct CallIdTag, uint64_t>;

// A peer's forward.
struct ForwardOrigin {
  NodeId peer;
  uint64_t id = 0;
};

struct Request {
  std::variant<CallId, ForwardOrigin> origin;
  PartitionId partition{};
  OperationKind kind = OperationKind::kGet;
  uint64_t bytes = 0;
  Duration budget{};  // What the caller allowed, for messages.
  Instant deadline;
  std::optional<NodeId> forwarded_to = {};  // Else it is worked on here.
  bool answered = false;                    // Its time was up while the disk was at it.

  [[nodiscard]] bool is_write() const { return kind != OperationKind::kGet; }
};

class Requests {
 public:
  // Tickets count up from `first_ticket`: ids of forwards, which must not repeat across restarts,
  // or a late reply to an earlier run would answer this one.
  explicit Requests(uint64_t first_ticket = 1) : next_ticket_(first_ticket) {}

  // Accepts a request.
  Ticket Add(Request request);

  // Notes where a request went. Returns its deadline.
  Instant MarkForwarded(Ticket ticket, NodeId to);

  // Takes out what was forwarded to `peer`; nullopt if it was not, or was answered already.
  [[nodiscard]] std::optional<Request> TakeForwardedTo(Ticket ticket, NodeId peer);

  // Takes out what is done; nullopt if it is not there (any more). It is to be answered unless it
  // says that it was.
  [[nodiscard]] std::optional<Request> Take(Ticket ticket);

  // What is to be answered because its deadline is at or before `now`, in order of deadline. What
  // was forwarded is taken out; what the disk is at stays, answered, until that is done: it still
  // holds memory, which must be counted.
  [[nodiscard]] std::vector<Request> Expire(Instant now);

  // Takes out everything forwarded to `peer`.
  [[nodiscard]] std::vector<Request> TakeAllForwardedTo(NodeId peer);

  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return requests_.empty(); }

  // Instant::max() if there is none.
  [[nodiscard]] Instant NextDeadline() const;

 private:
  std::map<Ticket, Request> requests_;
  std::set<std::pair<Instant, Ticket>> deadlines_;
  uint64_t bytes_ = 0;
  uint64_t next_ticket_;
};

}  // namespace kvd::node
