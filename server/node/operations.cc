// How Node serves one operation: admits it, executes it here or forwards it, and answers it.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/bytes.h"
#include "common/hash.h"
#include "server/node/node.h"

namespace kvd::node {
namespace {

std::string_view NotDone(bool is_write) {
  return is_write ? "not written" : "not read";
}

Refusal TooLarge(Reason reason, std::string_view what, uint64_t bytes, uint64_t limit) {
  return {.reason = reason,
          .message = fmt::format("{} is {}, the limit is {} (limits.max_{}_bytes)", what,
                                 FormatBytes(bytes), FormatBytes(limit), what),
          .metadata = {{"field", std::string(what)}, {"limit", fmt::to_string(limit)}}};
}

// The memory an operation holds while it is underway, about.
uint64_t SizeOf(const Operation& operation) {
  constexpr uint64_t kOverhead = 512;
  const auto* put = std::get_if<Put>(&operation.action);
  return kOverhead + operation.key.size() + (put != nullptr ? put->value.size() : 0);
}

bool IsSupported(const Operation& operation) {
  if (operation.request_id) return false;
  if (const auto* get = std::get_if<Get>(&operation.action)) return !get->stale;
  if (const auto* put = std::get_if<Put>(&operation.action)) return !put->if_version;
  const auto* del = std::get_if<Delete>(&operation.action);
  return del != nullptr && !del->if_version;
}

partition::Mutation MutationOf(const Operation& operation) {
  if (const auto* put = std::get_if<Put>(&operation.action)) {
    return partition::PutMutation{operation.key, put->value};
  }
  return partition::DeleteMutation{operation.key};
}

Result ResultOf(const partition::Outcome& outcome) {
  if (outcome.version == 0) return Absent{};
  return Written{outcome.version};
}

std::string ForPeople(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? fmt::format("{} s", ms / 1000) : fmt::format("{} ms", ms);
}

}  // namespace

void Node::OnCall(CallId call, Operation operation, std::optional<Duration> budget, Instant now) {
  const Duration allowed =
      std::min(budget.value_or(options_.limits.request_default), options_.limits.request_max);
  Request request{.origin = call,
                  .kind = operation.kind(),
                  .bytes = SizeOf(operation),
                  .budget = allowed,
                  .deadline = now + allowed};
  if (auto refusal = Refuse(operation)) return Reply(request, *std::move(refusal));
  request.partition = PartitionOf(operation.key, founding_.topology()->partitions());
  const topology::Replica& owner = founding_.topology()->PreferredOwner(request.partition);
  if (owner.node == self_) {
    const PartitionId partition = request.partition;
    return Execute(requests_.Add(request), partition, operation);
  }
  if (!peers_->IsReachable(owner.node)) {
    return Reply(request, Unreachable(request.partition, owner.node, request.is_write()));
  }
  SendForward(requests_.Add(request), owner, std::move(operation), now);
}

std::optional<Refusal> Node::Refuse(const Operation& operation) const {
  const std::string& self = options_.founding.self.name;
  if (!accepting_) {
    return Refusal{.reason = Reason::kNodeDraining,
                   .message = fmt::format("{} is stopping: ask another node", self),
                   .metadata = {{"node", self}}};
  }
  if (founding_.topology() == nullptr) {
    return Refusal{
        .reason = Reason::kNodeJoining,
        .message = fmt::format("{} does not serve yet: {}", self, founding_.WaitingFor()),
        .metadata = {{"node", self}}};
  }
  if (!IsSupported(operation)) {
    return Refusal{.reason = Reason::kBadRequest,
                   .message = "this operation is not supported by this version"};
  }
  const Limits& limits = options_.limits;
  if (operation.key.empty()) {
    return Refusal{.reason = Reason::kBadRequest,
                   .message = fmt::format("key is empty; a key has 1 byte to {}",
                                          FormatBytes(limits.max_key_bytes)),
                   .metadata = {{"field", "key"}}};
  }
  if (operation.key.size() > limits.max_key_bytes) {
    return TooLarge(Reason::kKeyTooLarge, "key", operation.key.size(), limits.max_key_bytes);
  }
  const auto* put = std::get_if<Put>(&operation.action);
  if (put != nullptr && put->value.size() > limits.max_value_bytes) {
    return TooLarge(Reason::kValueTooLarge, "value", put->value.size(), limits.max_value_bytes);
  }
  if (requests_.bytes() + SizeOf(operation) > limits.max_inflight_bytes) {
    constexpr auto kRetryAfter = std::chrono::milliseconds(50);
    return Refusal{
        .reason = Reason::kOverloaded,
        .message = fmt::format("{} is overloaded, {} of requests are underway "
                               "(limits.max_inflight_bytes); try again in {} ms",
                               self, FormatBytes(requests_.bytes()), kRetryAfter.count()),
        .metadata = {{"node", self}},
        .retry_after = kRetryAfter};
  }
  return std::nullopt;
}

Refusal Node::Unreachable(PartitionId partition, NodeId owner, bool is_write) const {
  return {.reason = Reason::kNoMajority,
          .message = fmt::format(
              "partition {} has no majority: 0 of 1 replicas up ({} unreachable: "
              "{}); {}",
              partition.value, NameOf(owner), peers_->WhyUnreachable(owner), NotDone(is_write)),
          .metadata = {{"partition", fmt::to_string(partition.value)},
                       {"owner", NameOf(owner)},
                       {"epoch", fmt::to_string(founding_.topology()->epoch.value)}}};
}

void Node::SendForward(Ticket ticket, const topology::Replica& owner, Operation operation,
                       Instant now) {
  const PartitionId partition = PartitionOf(operation.key, founding_.topology()->partitions());
  const Duration remaining = requests_.MarkForwarded(ticket, owner.node) - now;
  FrameTo(owner.node)
      .forwards.push_back({.id = ticket.value,
                           .remaining = remaining,
                           .partition = partition,
                           .replica = owner.id,
                           .operation = std::move(operation)});
}

void Node::OnForward(NodeId peer, const Forward& forward, Instant now) {
  Request request{.origin = ForwardOrigin{peer, forward.id},
                  .partition = forward.partition,
                  .kind = forward.operation.kind(),
                  .bytes = SizeOf(forward.operation),
                  .budget = forward.remaining,
                  .deadline = now + std::min(forward.remaining, options_.limits.request_max)};
  if (auto refusal = RefuseForward(peer, forward)) return Reply(request, *std::move(refusal));
  Execute(requests_.Add(request), forward.partition, forward.operation);
}

std::optional<Refusal> Node::RefuseForward(NodeId peer, const Forward& forward) const {
  if (auto refusal = Refuse(forward.operation)) return refusal;
  const topology::Topology& topology = *founding_.topology();
  if (forward.partition != PartitionOf(forward.operation.key, topology.partitions())) {
    return Refusal{.reason = Reason::kBadRequest,
                   .message = fmt::format("{} forwarded a key under partition {}, to which it does "
                                          "not belong",
                                          NameOf(peer), forward.partition.value),
                   .metadata = {{"field", "partition"}}};
  }
  const auto owner = owners_.find(forward.partition);
  if (owner != owners_.end() && owner->second.replica() == forward.replica) return std::nullopt;
  const topology::Member* actual = topology.Find(topology.PreferredOwner(forward.partition).node);
  return Refusal{.reason = Reason::kNotOwner,
                 .message = fmt::format("{} does not own partition {} as replica {}; {} does",
                                        options_.founding.self.name, forward.partition.value,
                                        forward.replica.value, actual->card.name),
                 .metadata = {{"owner", actual->card.name},
                              {"owner_address", actual->card.address},
                              {"partition", fmt::to_string(forward.partition.value)}}};
}

void Node::Execute(Ticket ticket, PartitionId partition, const Operation& operation) {
  if (!operation.is_write()) {
    const bool omit_value = std::get<Get>(operation.action).omit_value;
    effects_.reads.push_back({ticket, partition, operation.key, omit_value});
    return;
  }
  if (disk_full_ && std::holds_alternative<Put>(operation.action)) {
    const std::string& self = options_.founding.self.name;
    return Reply(*requests_.Take(ticket),
                 Refusal{.reason = Reason::kDiskFull,
                         .message = fmt::format("the disk of {} is full (storage.min_free); not "
                                                "written, deletes still work",
                                                self),
                         .metadata = {{"node", self}}});
  }
  const GroupId group = GroupOf(partition);
  storage::GroupWrite& write = appends_[group];
  write.group = group;
  write.entries.push_back(owners_.at(partition).Propose(ticket, MutationOf(operation)));
}

void Node::OnDurable(PartitionId partition, Index index, Instant) {
  auto entries = owners_.at(partition).OnDurable(index);
  if (!entries.empty()) effects_.applies.push_back({partition, std::move(entries)});
}

void Node::OnApplied(const partition::Applied& applied, Instant) {
  keys_[applied.partition] = applied.keys;
  for (const auto& [ticket, outcome] : owners_.at(applied.partition).OnApplied(applied.outcomes)) {
    if (const auto request = requests_.Take(ticket)) Reply(*request, ResultOf(outcome));
  }
}

void Node::OnRead(Ticket ticket, StatusOr<std::optional<storage::StoredValue>> value, Instant) {
  const auto request = requests_.Take(ticket);
  if (!request) return;
  if (!value.ok()) {
    return Reply(*request,
                 Refusal{.reason = Reason::kDataDamaged,
                         .message = Message(value.status()),
                         .metadata = {{"partition", fmt::to_string(request->partition.value)}}});
  }
  if (!value->has_value()) return Reply(*request, Absent{});
  storage::StoredValue& found = **value;
  Reply(*request, Found{.value = std::move(found.value), .version = found.version});
}

void Node::OnForwardReply(NodeId peer, const ForwardReply& reply) {
  // Only the node it was forwarded to may answer it; anything else is late, or not for this boot.
  const auto request = requests_.TakeForwardedTo(Ticket{reply.id}, peer);
  if (!request) return;
  if (!Fits(request->kind, reply.result)) {
    return Reply(*request, Lost(*request, fmt::format("{} sent an answer that does not fit the "
                                                      "operation",
                                                      NameOf(peer))));
  }
  Reply(*request, reply.result);
}

void Node::OnNotSent(const std::vector<uint64_t>& forward_ids, Instant) {
  for (const uint64_t id : forward_ids) {
    const auto request = requests_.Take(Ticket{id});
    if (!request) continue;
    const std::string owner = NameOf(request->forwarded_to.value_or(self_));
    constexpr auto kRetryAfter = std::chrono::milliseconds(50);
    Reply(*request, Refusal{.reason = Reason::kOverloaded,
                            .message = fmt::format(
                                "the way to {} is full or just broke; {}; try again in {} ms",
                                owner, NotDone(request->is_write()), kRetryAfter.count()),
                            .metadata = {{"node", owner}},
                            .retry_after = kRetryAfter});
  }
}

Refusal Node::Lost(const Request& request, std::string_view what) const {
  const std::string owner = NameOf(request.forwarded_to.value_or(self_));
  if (!request.is_write()) {
    return {.reason = Reason::kNoMajority,
            .message = fmt::format("partition {}: {}; not read", request.partition.value, what),
            .metadata = {{"partition", fmt::to_string(request.partition.value)}, {"owner", owner}}};
  }
  return {.reason = Reason::kOutcomeUnknown,
          .message = fmt::format("{}; the write may or may not be applied", what),
          .metadata = {{"partition", fmt::to_string(request.partition.value)}, {"owner", owner}}};
}

void Node::Expire(Instant now) {
  for (const Request& request : requests_.Expire(now)) {
    const std::string owner = NameOf(request.forwarded_to.value_or(self_));
    Reply(request, Lost(request, fmt::format("no answer from {} within {}", owner,
                                             ForPeople(request.budget))));
  }
}

void Node::Reply(const Request& request, Result result) {
  if (request.answered) return;
  if (const auto* origin = std::get_if<ForwardOrigin>(&request.origin)) {
    FrameTo(origin->peer).replies.push_back({origin->id, std::move(result)});
    return;
  }
  Answer answer{
      .result = std::move(result), .partition = request.partition, .owner = {}, .hops = 0};
  if (!std::holds_alternative<Refusal>(answer.result)) {
    answer.owner = NameOf(request.forwarded_to.value_or(self_));
    answer.hops = request.forwarded_to ? 1 : 0;
  }
  effects_.answers.emplace_back(std::get<CallId>(request.origin), std::move(answer));
}

}  // namespace kvd::node
