#include "server/node/requests.h"

#include "common/check.h"

namespace kvd::node {

Ticket Requests::Add(Request request) {
  const Ticket ticket{next_ticket_++};
  bytes_ += request.bytes;
  deadlines_.emplace(request.deadline, ticket);
  requests_.emplace(ticket, request);
  return ticket;
}

Instant Requests::MarkForwarded(Ticket ticket, NodeId to) {
  const auto it = requests_.find(ticket);
  KVD_CHECK(it != requests_.end(), "only a request not yet answered is forwarded");
  it->second.forwarded_to = to;
  return it->second.deadline;
}

std::optional<Request> Requests::TakeForwardedTo(Ticket ticket, NodeId peer) {
  const auto it = requests_.find(ticket);
  if (it == requests_.end() || it->second.forwarded_to != peer) return std::nullopt;
  return Take(ticket);
}

std::optional<Request> Requests::Take(Ticket ticket) {
  auto taken = requests_.extract(ticket);
  if (!taken) return std::nullopt;
  bytes_ -= taken.mapped().bytes;
  deadlines_.erase({taken.mapped().deadline, ticket});
  return taken.mapped();
}

std::vector<Request> Requests::Expire(Instant now) {
  std::vector<Request> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Ticket ticket = deadlines_.begin()->second;
    Request& request = requests_.at(ticket);
    if (request.forwarded_to) {
      expired.push_back(*Take(ticket));
      continue;
    }
    expired.push_back(request);
    request.answered = true;
    deadlines_.erase(deadlines_.begin());
  }
  return expired;
}

std::vector<Request> Requests::TakeAllForwardedTo(NodeId peer) {
  std::vector<Ticket> tickets;
  for (const auto& [ticket, request] : requests_) {
    if (request.forwarded_to == peer) tickets.push_back(ticket);
  }
  std::vector<Request> taken;
  for (const Ticket ticket : tickets) taken.push_back(*Take(ticket));
  return taken;
}

Instant Requests::NextDeadline() const {
  return deadlines_.empty() ? Instant::max() : deadlines_.begin()->first;
}

}  // namespace kvd::node
