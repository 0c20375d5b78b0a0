// How Node finds who serves an operation, and tries again where an owner was lost.

#include <algorithm>
#include <utility>

#include "common/hash.h"
#include "server/node/node.h"

namespace kvd::node {
namespace {

// Refusals of an owner that another try, a little later or elsewhere, may not meet.
bool MayBeTriedAgain(Reason reason) {
  return reason == Reason::kNotOwner || reason == Reason::kNodeDraining ||
         reason == Reason::kNodeJoining || reason == Reason::kNoMajority;
}

// A partition has decided: its record answers every copy that is still on its way in the same way.
// Anything else, while an earlier try may be applied, is no answer.
bool IsDecision(const Request& request, const Result& result) {
  const auto* refusal = std::get_if<Refusal>(&result);
  return !request.is_write() || refusal == nullptr || refusal->reason == Reason::kBadRequest;
}

// Nodes that lost their replica of a partition may hint at one another: now and then nobody's word
// is taken.
constexpr uint32_t kCircle = 4;

bool IsInCircles(const Request& request) {
  return request.tries % kCircle == kCircle - 1;
}

bool IsStaleRead(const Operation& operation) {
  const auto* get = std::get_if<Get>(&operation.action);
  return get != nullptr && get->stale;
}

}  // namespace

void Node::OnCall(CallId call, Operation operation, std::optional<Duration> budget, Instant now) {
  now_ = now;
  const Duration allowed =
      std::min(budget.value_or(options_.limits.request_default), options_.limits.request_max);
  // The word that time is up must be there before the caller hangs up: to whom nobody says that
  // nothing was written, something may have been.
  const Duration margin = std::min<Duration>(allowed / 10, std::chrono::milliseconds(20));
  Request request{.origin = call,
                  .operation = {},
                  .bytes = SizeOf(operation),
                  .budget = allowed,
                  .accepted = now,
                  .deadline = now + allowed - margin};
  if (auto refusal = Refuse(operation)) return Reply(request, *std::move(refusal));
  request.partition = PartitionFor(operation);
  request.operation = std::move(operation);
  Route(requests_.Add(std::move(request)), now);
}

void Node::OnForward(NodeId peer, Forward forward, Instant now) {
  Request request{.origin = ForwardOrigin{peer, forward.id},
                  .operation = {},
                  .partition = forward.partition,
                  .bytes = SizeOf(forward.operation),
                  .budget = forward.remaining,
                  .accepted = now,
                  .deadline = now + std::min(forward.remaining, options_.limits.request_max)};
  if (auto refusal = RefuseForward(peer, forward)) return Reply(request, *std::move(refusal));
  const bool is_for_any = forward.replica == ReplicaId{};  // Who asks everybody knows no ids.
  if (!is_for_any && !replicas_->Holds(GroupOf(forward.partition), forward.replica)) {
    return Reply(request, NotOwner(forward.partition));
  }
  request.operation = std::move(forward.operation);
  Route(requests_.Add(std::move(request)), now);
}

void Node::Route(Ticket ticket, Instant now) {
  Request& request = *requests_.Find(ticket);
  const raft::Replica* replica = replicas_->Find(request.partition);
  if (replica != nullptr && replica->role() == raft::Role::kLeader) return Execute(ticket, now);
  if (request.is_system()) return Finish(ticket, NotOwner(request.partition));
  const auto as_of = replicas_->AppliedAsOf(request.partition);
  if (IsStaleRead(request.operation) && as_of) {
    request.stale_by = now - *as_of;
    return ReadHere(ticket);
  }
  if (request.is_forward() && request.maybe_applied) {
    return Finish(ticket, Unknown(request, "the owner lost its replica while it worked on this"));
  }
  if (request.is_forward()) return Finish(ticket, NotOwner(request.partition));
  const auto owner = IsStaleRead(request.operation) ? AnyReplica(request) : FindOwner(request);
  if (!owner) return Wait(ticket, now);
  SendForward(ticket, *owner, now);
}

void Node::RouteAll(const std::vector<Ticket>& tickets, Instant now) {
  for (const Ticket ticket : tickets) {
    if (requests_.Find(ticket) != nullptr) Route(ticket, now);
  }
}

// A try came to nothing: the next one is made as soon as the way is known.
void Node::RouteElsewhere(Ticket ticket, Instant now) {
  Request* request = requests_.Find(ticket);
  if (request == nullptr) return;
  if (request->answered) {
    (void)requests_.Take(ticket);
    return;
  }
  requests_.Move(ticket, Stage::kWaiting);
  Route(ticket, now);
}

void Node::Wait(Ticket ticket, Instant now) {
  const Request& request = *requests_.Find(ticket);
  if (request.is_system()) return Finish(ticket, NotOwner(request.partition));
  if (IsHopeless(request, now)) {
    return Finish(ticket, NoMajority(request.partition, request.is_write()));
  }
  requests_.Move(ticket, Stage::kWaiting);
  retry_at_ = std::min(retry_at_, now + options_.retry_every);
}

// A replica here knows best who counts. Elsewhere the ring is all there is, unless somebody told of
// an owner.
bool Node::IsHopeless(const Request& request, Instant now) const {
  if (request.maybe_applied || now - request.accepted < options_.majority_patience) return false;
  const auto is_alive = [this](NodeId node) { return IsReachable(node); };
  if (replicas_->IsInTouch(request.partition, now)) {
    return !replicas_->HasMajority(request.partition, is_alive);
  }
  const auto hint = HintFor(request.partition);
  if (hint && IsReachable(hint->node)) return false;
  const auto& ring = WishFor(request.partition);
  const auto up = std::ranges::count_if(ring, [&](const topology::Replica& replica) {
    return replica.node == self_ || IsReachable(replica.node);
  });
  return static_cast<size_t>(up) * 2 <= ring.size();
}

bool Node::IsReachable(NodeId node) const {
  return peers_->IsReachable(node);
}

// A replica here hears of its leaders first, unless it is out of touch: the newest term is right.
std::optional<OwnerHint> Node::HintFor(PartitionId partition) const {
  const auto told = hints_.find(partition);
  const raft::Replica* replica = replicas_->Find(partition);
  if (replica != nullptr && (told == hints_.end() || told->second.term <= replica->term())) {
    const auto leader = replica->leader();
    if (!leader) return std::nullopt;
    return OwnerHint{.term = replica->term(), .node = leader->node, .replica = leader->id};
  }
  return told == hints_.end() ? std::nullopt : std::optional(told->second);
}

void Node::Learn(PartitionId partition, const OwnerHint& hint) {
  if (founding_.topology()->Find(hint.node) == nullptr) return;
  OwnerHint& known = hints_[partition];
  if (hint.term >= known.term) known = hint;
}

std::optional<raft::Member> Node::FindOwner(const Request& request) const {
  const auto hint = HintFor(request.partition);
  const bool knows = replicas_->IsInTouch(request.partition, now_);
  const bool is_useful = hint && hint->node != self_ && IsReachable(hint->node);
  if (is_useful && (knows || !IsInCircles(request))) {
    return raft::Member{.id = hint->replica, .node = hint->node};
  }
  // Whoever has a replica hears of the next owner before anyone could be asked.
  return knows ? std::nullopt : AnyReplica(request);
}

// Another one with every try: those of the ring, then everybody, who may know where it went.
std::optional<raft::Member> Node::AnyReplica(const Request& request) const {
  const auto& ring = WishFor(request.partition);
  const auto& members = founding_.topology()->members;
  const size_t places = ring.size() + members.size();
  const size_t turn = IsInCircles(request) ? request.tries / kCircle : request.tries;
  for (size_t i = 0; i < places; ++i) {
    const size_t at = (turn + i) % places;
    const raft::Member place = at < ring.size()
                                   ? raft::Member{.id = ring[at].id, .node = ring[at].node}
                                   : raft::Member{.id = {}, .node = members[at - ring.size()].id};
    if (place.node != self_ && IsReachable(place.node)) return place;
  }
  return std::nullopt;
}

void Node::SendForward(Ticket ticket, const raft::Member& owner, Instant now) {
  Request& request = *requests_.Find(ticket);
  Operation& operation = request.operation;
  if (operation.is_write() && !operation.request_id) {
    const auto waiters = waiters_.find(request.partition);
    operation.request_id = RequestId{
        .client = client_id_,
        .sequence = requests_.UseOwnId(ticket),
        .base = waiters == waiters_.end() ? 0 : waiters->second.applied,
    };
    request.own_id = true;
  }
  if (request.own_id) operation.request_id->done_below = requests_.DoneBelow();
  request.owner = owner.node;
  request.tries += 1;
  ++counts_.forwards;
  requests_.Move(ticket, Stage::kForwarded);
  FrameTo(owner.node)
      .forwards.push_back({.id = ticket.value,
                           .remaining = request.deadline - now,
                           .partition = request.partition,
                           .replica = owner.id,
                           .operation = operation});
}

void Node::OnForwardReply(NodeId peer, ForwardReply reply, Instant now) {
  // Only the node that works on it may answer it; anything else is late, or not for this boot.
  const Ticket ticket{reply.id};
  const Request* request = requests_.Find(ticket);
  if (request == nullptr || request->stage != Stage::kForwarded || request->owner != peer) return;
  const auto* refusal = std::get_if<Refusal>(&reply.result);
  const bool not_owner = refusal != nullptr && refusal->reason == Reason::kNotOwner;
  const auto told = hints_.find(request->partition);
  const bool in_vain = not_owner && told != hints_.end() && reply.owner == told->second;
  if (reply.owner && !(in_vain && reply.owner->node == peer)) {
    Learn(request->partition, *reply.owner);
  } else if (refusal != nullptr) {
    hints_.erase(request->partition);
  }
  if (TryAgain(ticket, reply, now)) return;
  if (!Fits(request->operation, reply.result)) {
    return Finish(ticket, DoesNotFit(*request, NameOf(peer)));
  }
  if (request->maybe_applied && !IsDecision(*request, reply.result)) {
    return Finish(ticket, Unknown(*request, "an owner was lost while it worked on this"));
  }
  Finish(ticket, std::move(reply.result));
}

bool Node::TryAgain(Ticket ticket, const ForwardReply& reply, Instant now) {
  const auto* refusal = std::get_if<Refusal>(&reply.result);
  if (refusal == nullptr) return false;
  Request& request = *requests_.Find(ticket);
  if (refusal->reason == Reason::kOutcomeUnknown && request.operation.request_id) {
    request.maybe_applied = true;  // Under its id it is applied at most once.
  } else if (refusal->reason == Reason::kBaseTooOld && request.own_id && !request.maybe_applied) {
    // Never applied, so that a younger base is the truth.
    const auto base = refusal->metadata.find("base");
    if (base == refusal->metadata.end()) return false;
    request.operation.request_id->base = std::strtoull(base->second.c_str(), nullptr, 10);
  } else if (!MayBeTriedAgain(refusal->reason)) {
    return false;
  }
  const NodeId before = request.owner;
  requests_.Move(ticket, Stage::kWaiting);
  const auto next = FindOwner(request);
  if (next && next->node != before && !IsHopeless(request, now)) {
    SendForward(ticket, *next, now);
  } else {
    Wait(ticket, now);
  }
  return true;
}

void Node::OnNotSent(const std::vector<uint64_t>& forward_ids, Instant now) {
  now_ = now;
  for (const uint64_t id : forward_ids) {
    const Ticket ticket{id};
    const Request* request = requests_.Find(ticket);
    if (request == nullptr || request->stage != Stage::kForwarded) continue;
    Wait(ticket, now);
  }
}

void Node::Expire(Instant now) {
  for (const Request& request : requests_.Expire(now)) Reply(request, GaveUp(request));
}

void Node::Finish(Ticket ticket, Result result) {
  if (const auto request = requests_.Take(ticket)) Reply(*request, std::move(result));
}

void Node::Reply(const Request& request, Result result) {
  if (request.answered) return;
  if (request.is_system()) return OnSystemResult(request, result);
  if (const auto* origin = std::get_if<ForwardOrigin>(&request.origin)) {
    ForwardReply reply{.id = origin->id, .result = std::move(result)};
    if (founding_.topology() != nullptr) reply.owner = HintFor(request.partition);
    FrameTo(origin->peer).replies.push_back(std::move(reply));
    return;
  }
  Answer answer{
      .result = std::move(result), .partition = request.partition, .owner = {}, .hops = 0};
  if (!std::holds_alternative<Refusal>(answer.result)) {
    answer.owner = NameOf(request.owner);
    answer.hops = request.owner == self_ ? 0 : 1;
  }
  effects_.answers.emplace_back(std::get<CallId>(request.origin), std::move(answer));
}

}  // namespace kvd::node
