// How Node executes an operation on a partition that it owns, and learns what came of it.

#include <fmt/format.h>

#include <utility>

#include "common/check.h"
#include "server/node/node.h"
#include "server/partition/command.h"

namespace kvd::node {
namespace {

// About what a round trip takes under load.
constexpr Duration kGatherFor = std::chrono::milliseconds(2);

using raft::Replica;

partition::PutMutation MutationOf(std::string key, const Put& put) {
  return {.key = std::move(key), .value = put.value, .if_version = put.if_version};
}
partition::DeleteMutation MutationOf(std::string key, const Delete& del) {
  return {.key = std::move(key), .if_version = del.if_version};
}
partition::IncrementMutation MutationOf(std::string key, const Increment& increment) {
  return {.key = std::move(key), .by = increment.by};
}
partition::BatchMutation MutationOf(const std::string&, const Batch& batch) {
  partition::BatchMutation mutation;
  for (const BatchItem& item : batch.items) {
    std::visit([&](const auto& each) { mutation.items.emplace_back(MutationOf(item.key, each)); },
               item.action);
  }
  return mutation;
}

std::string PayloadOf(const Operation& operation) {
  partition::Command command{.id = operation.request_id, .mutation = {}};
  std::visit(
      [&](const auto& action) {
        using Action = std::decay_t<decltype(action)>;
        if constexpr (!std::is_same_v<Action, Get> && !std::is_same_v<Action, Administer>) {
          command.mutation = MutationOf(operation.key, action);
        }
      },
      operation.action);
  return partition::EncodeCommand(command);
}

Refusal Refused(Reason reason, PartitionId partition, std::string message,
                std::map<std::string, std::string> metadata = {}) {
  metadata["partition"] = fmt::to_string(partition.value);
  return {.reason = reason, .message = std::move(message), .metadata = std::move(metadata)};
}

// What an entry did, as the answer to whoever proposed it.
struct ToResult {
  PartitionId partition;

  // The entry was no command of ours to begin with.
  Result operator()(const partition::Nothing&) const {
    return Refused(Reason::kInternal, partition, "the entry was empty; not written");
  }
  Result operator()(const partition::Written& written) const { return Written{written.version}; }
  Result operator()(const partition::Absent&) const { return Absent{}; }
  Result operator()(const partition::Mismatch& mismatch) const {
    return Mismatch{.key = mismatch.key, .actual = mismatch.actual};
  }
  Result operator()(const partition::Incremented& incremented) const {
    return Incremented{.value = incremented.value, .version = incremented.version};
  }
  Result operator()(const partition::NotANumber&) const {
    return Refused(Reason::kBadRequest, partition,
                   "the value is not a decimal 64-bit number; not written", {{"field", "value"}});
  }
  Result operator()(const partition::Overflow&) const {
    return Refused(Reason::kBadRequest, partition,
                   "the sum does not fit a 64-bit number; not written", {{"field", "by"}});
  }
  Result operator()(const partition::Stale& stale) const {
    return Refused(Reason::kStaleRequest, partition,
                   fmt::format("the client has called everything below request {} done; not "
                               "applied by this call",
                               stale.done_below),
                   {{"done_below", fmt::to_string(stale.done_below)}});
  }
  Result operator()(const partition::BaseTooOld& old) const {
    return Refused(Reason::kBaseTooOld, partition,
                   fmt::format("partition {} has forgotten requests up to index {}; not applied by "
                               "this call: ask for the ring, and send it with a younger base",
                               partition.value, old.floor),
                   {{"base", fmt::to_string(old.floor)}});
  }
};

}  // namespace

void Node::Execute(Ticket ticket, Instant now) {
  Request& request = *requests_.Find(ticket);
  request.owner = self_;
  if (request.is_write()) return ExecuteWrite(ticket, now);
  if (const auto* asked = std::get_if<Administer>(&request.operation.action)) {
    if (!system_.term()) return Wait(ticket, now);
    requests_.Move(ticket, Stage::kReading);
    return system_.OnAsked(ticket, *asked, now);
  }
  // What an owner reads, once it has confirmed that it is one, is the latest.
  if (std::get<Get>(request.operation.action).stale) request.stale_by = Duration::zero();
  unconfirmed_.push_back(ticket);
  requests_.Move(ticket, Stage::kReading);
}

bool Node::MayConfirm() const {
  if (unconfirmed_.empty()) return false;
  return confirming_.empty() || now_ >= confirm_at_;
}

// One round of confirmations at a time, for all groups: what comes meanwhile shares the frames of
// the next. One that takes its time holds nobody up for long.
void Node::ConfirmReads() {
  if (!MayConfirm()) return;
  confirm_at_ = now_ + kGatherFor;
  for (const Ticket ticket : std::exchange(unconfirmed_, {})) {
    const Request* request = requests_.Find(ticket);
    if (request == nullptr) continue;
    const raft::ReadId id{++last_read_id_};
    if (request->answered) {
      (void)requests_.Take(ticket);
    } else if (replicas_->Read(request->partition, id)) {
      confirming_.emplace(id, ticket);
    } else {
      Wait(ticket, now_);
    }
  }
}

void Node::ExecuteWrite(Ticket ticket, Instant now) {
  const Request& request = *requests_.Find(ticket);
  const PartitionId partition = request.partition;
  const std::string& self = options_.founding.self.name;
  // This try is not made, but an earlier one may have been.
  const auto refuse = [&](Refusal why) {
    if (request.maybe_applied) why = Unknown(request, "an owner was lost while it worked on this");
    Finish(ticket, std::move(why));
  };
  if (disk_full_ && !request.is_system() && request.operation.kind() != OperationKind::kDelete) {
    return refuse(Refused(Reason::kDiskFull, partition,
                          fmt::format("the disk of {} is full (storage.min_free); not written, "
                                      "deletes still work",
                                      self),
                          {{"node", self}}));
  }
  const auto proposed = replicas_->Propose(partition, PayloadOf(request.operation), now);
  if (const auto* at = std::get_if<Replica::Proposed>(&proposed)) {
    waiters_[partition].writes.emplace(at->index,
                                       Waiters::Proposed{.term = at->term, .ticket = ticket});
    return requests_.Move(ticket, Stage::kLog);
  }
  if (std::get<Replica::Refused>(proposed) != Replica::Refused::kTooMuchUncommitted) {
    return Wait(ticket, now);
  }
  constexpr auto kRetryAfter = std::chrono::milliseconds(50);
  Refusal refusal = Refused(
      Reason::kOverloaded, partition,
      fmt::format("partition {} has too much that is not committed yet; not written; try again in "
                  "{} ms",
                  partition.value, kRetryAfter.count()),
      {{"node", self}});
  refusal.retry_after = kRetryAfter;
  refuse(std::move(refusal));
}

void Node::ReadHere(Ticket ticket) {
  Request& request = *requests_.Find(ticket);
  if (request.owner.value == 0) request.owner = self_;
  const Get& get = std::get<Get>(request.operation.action);
  effects_.reads.push_back({ticket, request.partition, request.operation.key, get.omit_value});
  requests_.Move(ticket, Stage::kReading);
}

void Node::OnConfirmed(PartitionId partition, const raft::ConfirmedRead& read) {
  const auto confirming = confirming_.extract(read.id);
  if (!confirming) return;
  const Ticket ticket = confirming.mapped();
  if (requests_.Find(ticket) == nullptr) return;
  Waiters& waiters = waiters_[partition];
  if (waiters.applied >= read.index) return ReadHere(ticket);
  waiters.confirmed.emplace(read.index, ticket);
}

void Node::OnApplied(const partition::Applied& applied, Instant now) {
  now_ = now;
  if (replicas_->Find(applied.partition) == nullptr) return;  // It was removed meanwhile.
  Waiters& waiters = waiters_[applied.partition];
  waiters.keys = applied.keys;
  waiters.bytes = applied.bytes;
  for (const partition::Outcome& outcome : applied.outcomes) {
    OnOutcome(applied.partition, outcome, now);
    if (outcome.duplicate) ++counts_.duplicates;
    waiters.applied = outcome.index;
  }
  replicas_->OnApplied(applied.partition, waiters.applied);
  while (!waiters.confirmed.empty() && waiters.confirmed.begin()->first <= waiters.applied) {
    const Ticket ticket = waiters.confirmed.extract(waiters.confirmed.begin()).mapped();
    if (requests_.Find(ticket) != nullptr) ReadHere(ticket);
  }
}

// Another entry at the index means that ours is applied nowhere: it can be tried anew. So can what
// was proposed behind it in an older term than what is applied now: the terms of a log never fall.
void Node::OnOutcome(PartitionId partition, const partition::Outcome& outcome, Instant now) {
  Waiters& waiters = waiters_[partition];
  auto& writes = waiters.writes;
  for (auto at = writes.find(outcome.index); at != writes.end(); at = writes.find(outcome.index)) {
    const auto [term, ticket] = writes.extract(at).mapped();
    if (term == outcome.term) {
      AnswerWrite(ticket, partition, outcome);
    } else {
      RouteElsewhere(ticket, now);
    }
  }
  if (outcome.term > waiters.applied_term) TryOlderAgain(partition, outcome.term, now);
}

void Node::TryOlderAgain(PartitionId partition, Term term, Instant now) {
  Waiters& waiters = waiters_[partition];
  waiters.applied_term = term;
  std::vector<Ticket> lost;
  for (const auto& [index, proposed] : waiters.writes) {
    if (proposed.term < term) lost.push_back(proposed.ticket);
  }
  std::erase_if(waiters.writes, [term](const auto& each) { return each.second.term < term; });
  for (const Ticket ticket : lost) RouteElsewhere(ticket, now);
}

void Node::AnswerWrite(Ticket ticket, PartitionId partition, const partition::Outcome& outcome) {
  const Request* request = requests_.Find(ticket);
  if (request == nullptr) return;
  Result result = std::visit(ToResult{partition}, outcome.what);
  if (!Fits(request->operation, result)) {
    result = Refused(Reason::kBadRequest, partition,
                     "the request id was used before, for another operation; not written",
                     {{"field", "request_id"}});
  }
  const auto* refusal = std::get_if<Refusal>(&result);
  if (request->maybe_applied && refusal != nullptr && refusal->reason != Reason::kBadRequest) {
    result = Unknown(*request, "an owner was lost while it worked on this");
  }
  Finish(ticket, std::move(result));
}

void Node::OnRead(Ticket ticket, StatusOr<std::optional<storage::StoredValue>> value, Instant now) {
  now_ = now;
  const Request* request = requests_.Find(ticket);
  if (request == nullptr) return;
  if (!value.ok()) {
    return Finish(ticket,
                  Refused(Reason::kDataDamaged, request->partition, Message(value.status())));
  }
  const auto stale_by = request->stale_by;
  if (!value->has_value()) return Finish(ticket, Absent{.stale_by = stale_by});
  storage::StoredValue& found = **value;
  Finish(ticket,
         Found{.value = std::move(found.value), .version = found.version, .stale_by = stale_by});
}

void Node::OnFetched(PartitionId partition, ReplicaId follower, std::vector<storage::Entry> entries,
                     Instant now) {
  now_ = now;
  replicas_->OnFetched(partition, follower, std::move(entries));
}

void Node::OnFlushed(const std::vector<partition::StateMachines::Truncation>& flushed,
                     Instant now) {
  now_ = now;
  if (!replicas_) return;
  for (const auto& [partition, through] : flushed) {
    if (replicas_->Find(partition) == nullptr) continue;
    const Index truncate = replicas_->OnFlushed(partition, through);
    if (truncate > 0) effects_.truncations.push_back({GroupOf(partition), truncate});
  }
}

void Node::OnChunkRead(partition::StreamId stream, StatusOr<partition::Transfers::Chunk> chunk,
                       Instant now) {
  now_ = now;
  if (!chunk.ok()) {
    effects_.log.push_back(
        {LogLevel::kError, "node", "snapshot not sent: " + Message(chunk.status()), {}});
  }
  snapshots_.OnChunkRead(stream, std::move(chunk), now);
}

void Node::OnChunkWritten(partition::StreamId stream, NodeId peer, bool ok, Instant now) {
  now_ = now;
  snapshots_.OnChunkWritten(stream, peer, ok);
}

void Node::OnInstalled(PartitionId partition, const raft::SnapshotPoint& snapshot,
                       StatusOr<uint64_t> keys, Instant now) {
  now_ = now;
  if (replicas_->Find(partition) == nullptr) return;
  if (!keys.ok()) return replicas_->OnInstallFailed(partition);
  waiters_[partition].applied = snapshot.index;
  waiters_[partition].keys = *keys;
  GiveUpWaiters(partition, snapshot.index, now);
  TryOlderAgain(partition, snapshot.term, now);
  replicas_->OnInstalled(partition, snapshot);
  effects_.log.push_back({LogLevel::kDebug,
                          "node",
                          "a snapshot took the place of what was missed",
                          {{"partition", fmt::to_string(partition.value)},
                           {"index", fmt::to_string(snapshot.index)},
                           {"keys", fmt::to_string(*keys)}}});
}

// What became of entries that a snapshot covers is not known here.
void Node::GiveUpWaiters(PartitionId partition, Index through, Instant now) {
  auto& writes = waiters_[partition].writes;
  while (!writes.empty() && writes.begin()->first <= through) {
    const Ticket ticket = writes.extract(writes.begin()).mapped().ticket;
    Request* request = requests_.Find(ticket);
    if (request == nullptr) continue;
    if (request->operation.request_id && !request->answered) {
      request->maybe_applied = true;
      RouteElsewhere(ticket, now);
    } else {
      Finish(ticket, Unknown(*request, "the owner was replaced, and a snapshot took its place"));
    }
  }
}

// Until nothing follows from anything: a confirmed read is read, a new leader gets what waited.
void Node::Settle() {
  const auto frame_to = [this](NodeId peer) -> Frame& { return FrameTo(peer); };
  if (!replicas_) return;
  do {
    ConfirmReads();
    SettleReplicas();
    for (auto& [partition, follower, sent] : snapshots_.Collect(effects_, frame_to)) {
      replicas_->OnSnapshotSent(partition, follower, std::move(sent));
    }
    RunSystemGroup();
  } while (replicas_->HasEffects() || MayConfirm());
}

void Node::SettleReplicas() {
  const Replicas::Happened happened =
      replicas_->Collect(effects_, [this](NodeId peer) -> Frame& { return FrameTo(peer); });
  for (const auto& [partition, read] : happened.reads) OnConfirmed(partition, read);
  for (const raft::ReadId id : happened.lost_reads) {
    const auto lost = confirming_.extract(id);
    if (lost) RouteElsewhere(lost.mapped(), now_);
  }
  for (const PartitionId partition : happened.leader_changed) {
    if (partition == topology::kSystemPartition) FollowSystemGroup();
    RouteAll(requests_.WaitingFor(partition), now_);
  }
  for (const auto& [partition, follower] : happened.snapshots_wanted) {
    snapshots_.Want(partition, replicas_->Find(partition)->self().id, follower, now_);
  }
}

}  // namespace kvd::node
