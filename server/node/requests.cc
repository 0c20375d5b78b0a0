#include "server/node/requests.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::node {

Ticket Requests::Add(Request request) {
  const Ticket ticket{next_ticket_};
  next_ticket_ += shards_;
  bytes_ += request.bytes;
  deadlines_.emplace(request.deadline, ticket);
  request.stage = Stage::kWaiting;
  waiting_.emplace(request.partition, ticket);
  requests_.emplace(ticket, std::move(request));
  return ticket;
}

Request* Requests::Find(Ticket ticket) {
  const auto it = requests_.find(ticket);
  return it == requests_.end() ? nullptr : &it->second;
}

void Requests::Move(Ticket ticket, Stage stage) {
  Request* request = Find(ticket);
  KVD_CHECK(request != nullptr, "only what is not answered moves on");
  request->stage = stage;
  if (stage == Stage::kWaiting) {
    waiting_.emplace(request->partition, ticket);
  } else {
    waiting_.erase({request->partition, ticket});
  }
}

uint64_t Requests::DoneBelow() const {
  return own_sequences_.empty() ? next_sequence_ : *own_sequences_.begin();
}

uint64_t Requests::UseOwnId(Ticket ticket) {
  const uint64_t sequence = next_sequence_++;
  own_ids_.emplace(ticket, sequence);
  own_sequences_.insert(sequence);
  return sequence;
}

std::optional<Request> Requests::Take(Ticket ticket) {
  auto taken = requests_.extract(ticket);
  if (!taken) return std::nullopt;
  const Request& request = taken.mapped();
  bytes_ -= request.bytes;
  deadlines_.erase({request.deadline, ticket});
  waiting_.erase({request.partition, ticket});
  if (const auto own = own_ids_.extract(ticket)) own_sequences_.erase(own.mapped());
  return std::move(taken.mapped());
}

std::vector<Request> Requests::Expire(Instant now) {
  std::vector<Request> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Ticket ticket = deadlines_.begin()->second;
    Request& request = requests_.at(ticket);
    if (request.stage == Stage::kWaiting || request.stage == Stage::kForwarded) {
      expired.push_back(*Take(ticket));
      continue;
    }
    expired.push_back(request);
    request.answered = true;
    deadlines_.erase(deadlines_.begin());
  }
  return expired;
}

std::vector<Ticket> Requests::Waiting() const {
  std::vector<Ticket> tickets;
  for (const auto& [partition, ticket] : waiting_) tickets.push_back(ticket);
  std::ranges::sort(tickets);
  return tickets;
}

std::vector<Ticket> Requests::WaitingFor(PartitionId partition) const {
  std::vector<Ticket> tickets;
  for (auto it = waiting_.lower_bound({partition, Ticket{}});
       it != waiting_.end() && it->first == partition; ++it) {
    tickets.push_back(it->second);
  }
  return tickets;
}

std::vector<Ticket> Requests::ForwardedTo(NodeId peer) const {
  std::vector<Ticket> tickets;
  for (const auto& [ticket, request] : requests_) {
    if (request.stage == Stage::kForwarded && request.owner == peer) tickets.push_back(ticket);
  }
  return tickets;
}

Instant Requests::NextDeadline() const {
  return deadlines_.empty() ? Instant::max() : deadlines_.begin()->first;
}

}  // namespace kvd::node
