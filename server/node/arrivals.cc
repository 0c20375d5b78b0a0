// How replicas come to this node and leave it while it runs.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/node/node.h"

namespace kvd::node {
namespace {

// What only a leader asks for.
bool IsFromLeader(const raft::Message& message) {
  return std::holds_alternative<raft::AppendRequest>(message.body) ||
         std::holds_alternative<raft::InstallRequest>(message.body) ||
         std::holds_alternative<raft::Beat>(message.body);
}

bool IsRequest(const raft::Message& message) {
  return IsFromLeader(message) || std::holds_alternative<raft::VoteRequest>(message.body) ||
         std::holds_alternative<raft::TimeoutNow>(message.body);
}

}  // namespace

// Those of the founding are where epoch 1 says, and get their names now; all others are made by
// their leaders.
void Node::AddReplicas(Instant now) {
  options_.replicas.seed ^= client_id_;
  replicas_.emplace(options_.replicas, self_);
  for (const auto& [partition, removed] : options_.tombstones) {
    census_.FoundTombstone(partition, removed);
  }
  std::map<PartitionId, RecoveredReplica> recovered;
  for (RecoveredReplica& one : std::exchange(options_.recovered, {})) {
    const PartitionId partition = one.partition;
    recovered.emplace(partition, std::move(one));
  }
  std::vector<PartitionId> partitions = {topology::kSystemPartition};
  for (uint32_t p = 0; p < founding_.topology()->partitions(); ++p) {
    partitions.push_back(PartitionId{p});
  }
  for (const PartitionId partition : partitions) {
    if (!options_.shard.Holds(partition)) continue;
    const auto found = recovered.find(partition);
    if (found != recovered.end() && found->second.id != ReplicaId{}) {
      StartReplica(found->second, now);
    } else if (founding_.topology()->epoch == topology::kFoundingEpoch &&
               !options_.tombstones.contains(partition)) {
      StartFounding(partition, found == recovered.end() ? RecoveredReplica{} : found->second, now);
    }
  }
}

void Node::StartFounding(PartitionId partition, RecoveredReplica found, Instant now) {
  const auto& wish = WishFor(partition);
  const auto own = std::ranges::find(wish, self_, &topology::Replica::node);
  if (own == wish.end()) return;
  found.partition = partition;
  found.id = own->id;
  for (const topology::Replica& replica : wish) {
    found.initial.voters.push_back({.id = replica.id, .node = replica.node});
  }
  std::ranges::sort(found.initial.voters);
  if (found.restored.configuration.voters.empty()) found.restored.configuration = found.initial;
  storage::GroupWrite name{.group = GroupOf(partition)};
  name.create = {.id = found.id, .initial = raft::EncodeConfiguration(found.initial)};
  effects_.appends.push_back({.number = 0, .write = std::move(name)});
  StartReplica(found, now);
}

void Node::StartReplica(const RecoveredReplica& found, Instant now) {
  waiters_[found.partition].applied = found.restored.applied;
  waiters_[found.partition].keys = found.keys;
  census_.Found(found.partition, found.id);
  replicas_->Add(found, WishedNodes(found.partition), now);
}

// Whoever asks for something of a replica that is not here is told so: its leader may make it, and
// others need not wait for it. Answers to what it said in its lifetime are of no use to anyone.
void Node::AnswerForAbsent(NodeId peer, const GroupMessage& message) {
  if (!IsGroup(message.group) || !IsRequest(message.message)) return;
  const auto answer = census_.AnswerFor(message.group, message.message.to);
  if (!answer || (!answer->gone && !IsFromLeader(message.message))) return;
  auto& told = FrameTo(peer).membership.not_here;
  if (std::ranges::find(told, *answer) == told.end()) told.push_back(*answer);
}

void Node::OnMembership(NodeId peer, const topology::Envelope& envelope,
                        const Membership& membership, Instant now) {
  for (const NotHere& not_here : membership.not_here) {
    if (auto create = replicas_->AnswerTo(peer, not_here)) {
      FrameTo(peer).membership.creates.push_back(*std::move(create));
    }
  }
  for (const Create& create : membership.creates) {
    if (!IsGroup(create.group) || create.replica == ReplicaId{}) continue;
    if (auto write = census_.Begin(create)) effects_.appends.push_back(*std::move(write));
  }
  for (const Inquiry& inquiry : membership.inquiries) {
    if (const auto removal = replicas_->AnswerTo(inquiry)) {
      FrameTo(peer).membership.removals.push_back(*removal);
    }
  }
  for (const Removal& removal : membership.removals) OnRemoval(removal, now);
  OnSystemTalk(peer, membership);
  OnReconciliation(peer, envelope, membership, now);
}

// A leader that does not know the newest wish may be one that was deposed without knowing it: its
// step could bring back who was removed.
void Node::OnReconciliation(NodeId peer, const topology::Envelope& envelope,
                            const Membership& membership, Instant now) {
  const bool is_old = envelope.epoch < founding_.topology()->epoch;
  for (const Step& step : membership.steps) {
    WordsFor(peer).step_answers.push_back(
        {.partition = step.partition,
         .term = step.term,
         .if_index = step.if_index,
         .result = is_old ? StepResult(StepRefused::kOldEpoch) : OnStep(step, now)});
  }
  for (const GroupReport& report : membership.reports) {
    const bool is_testimony = membership.witness.has_value();
    if (!is_testimony && report.leader.node == peer) effects_.reports.push_back(report);
  }
  std::ranges::copy(membership.step_answers, std::back_inserter(effects_.step_answers));
}

void Node::SendReports(NodeId to, Instant now) {
  now_ = now;
  std::vector<GroupReport> reports = Reports();
  if (reports.empty()) return;
  auto& heard = to == self_ ? effects_.reports : FrameTo(to).membership.reports;
  std::ranges::move(reports, std::back_inserter(heard));
}

void Node::SendStep(NodeId leader, const Step& step, Instant now) {
  now_ = now;
  if (!replicas_) return;
  if (leader != self_) return FrameTo(leader).membership.steps.push_back(step);
  if (!options_.shard.Holds(step.partition)) {
    const uint32_t shard = ShardOf(step.partition, options_.shard.count);
    return effects_.asides[shard].membership.steps.push_back(step);
  }
  effects_.step_answers.push_back({.partition = step.partition,
                                   .term = step.term,
                                   .if_index = step.if_index,
                                   .result = OnStep(step, now)});
}

// Every peer is asked: the group may have moved to nodes that this one never knew in it.
void Node::Inquire(Instant now) {
  if (now < inquire_at_) return;
  inquire_at_ = now + options_.inquire_every;
  const auto inquiries = replicas_->OutOfTouch(now);
  if (inquiries.empty()) return;
  for (const NodeId peer : peers_->ids()) {
    if (IsReachable(peer)) FrameTo(peer).membership.inquiries = inquiries;
  }
}

// Its addition may have been cut off with the log of a deposed leader, and will be asked for again
// under this very id: an id that was buried would never come. If the wish is an old one, the newer
// epoch is on its way, and the question is asked again.
bool Node::IsWishedHere(const Removal& removal) const {
  if (!options_.system.reconciles) return false;  // Nobody does what is wished.
  const auto& wish = WishFor(PartitionOf(removal.group));
  return std::ranges::find(wish, topology::Replica{removal.replica, self_}) != wish.end();
}

void Node::OnRemoval(const Removal& removal, Instant now) {
  if (!replicas_->IsProof(removal) || IsWishedHere(removal)) return;
  const PartitionId partition = PartitionOf(removal.group);
  effects_.log.push_back({LogLevel::kInfo,
                          "node",
                          "a replica was removed from its group, its data is deleted",
                          {{"partition", fmt::to_string(partition.value)},
                           {"replica", fmt::to_string(removal.replica.value)}}});
  const auto last_known = HintFor(partition);
  replicas_->Remove(partition);
  snapshots_.OnReplicaRemoved(partition, now);
  // What it had yet to say, it does not say; and its log is about to be forgotten whole.
  const auto is_of_it = [&](const auto& each) { return each.group == removal.group; };
  for (auto& [peer, frame] : outbox_) std::erase_if(frame.raft, is_of_it);
  std::erase_if(effects_.truncations, is_of_it);
  effects_.appends.push_back(census_.End(partition));
  if (last_known && last_known->node != self_) Learn(partition, *last_known);
  Disband(partition, now);
}

// Whoever waited for the replica that was removed is served elsewhere.
void Node::Disband(PartitionId partition, Instant now) {
  GiveUpWaiters(partition, ~Index{0}, now);
  const auto waiters = waiters_.extract(partition);
  std::vector<Ticket> readers;
  for (const auto& [index, ticket] : waiters.mapped().confirmed) readers.push_back(ticket);
  const auto take = [&](Ticket ticket) {
    const Request* request = requests_.Find(ticket);
    if (request == nullptr || request->partition != partition) return false;
    readers.push_back(ticket);
    return true;
  };
  std::erase_if(confirming_, [&](const auto& each) { return take(each.second); });
  std::erase_if(unconfirmed_, take);
  for (const Ticket ticket : readers) RouteElsewhere(ticket, now);
}

void Node::OnDropped(PartitionId partition, Instant now) {
  now_ = now;
  census_.OnDropped(partition);
}

void Node::OnDurable(GroupId group, uint64_t number, Instant now) {
  now_ = now;
  auto [created, removed] = census_.OnDurable(group, number);
  if (removed) effects_.drops.push_back(PartitionOf(group));
  if (!created) return replicas_->OnDurable(group, number, now);
  RecoveredReplica blank;
  blank.partition = PartitionOf(group);
  blank.id = created->replica;
  blank.initial = std::move(created->initial);
  blank.restored.configuration = blank.initial;
  StartReplica(blank, now);
}

StepResult Node::OnStep(const Step& step, Instant now) {
  now_ = now;
  const auto is_member = [this](const raft::Member& member) {
    return founding_.topology()->Find(member.node) != nullptr;
  };
  if (!replicas_) return StepRefused::kNotLeader;
  if (!std::ranges::all_of(step.voters, is_member) ||
      !std::ranges::all_of(step.learners, is_member)) {
    return StepRefused::kMalformed;
  }
  return replicas_->Take(step, now);
}

std::vector<GroupReport> Node::Reports() const {
  if (!replicas_) return {};
  std::vector<GroupReport> reports = replicas_->Reports();
  for (GroupReport& report : reports) {
    const auto waiters = waiters_.find(report.partition);
    if (waiters == waiters_.end()) continue;
    report.bytes = waiters->second.bytes;
    report.keys = waiters->second.keys;
  }
  return reports;
}

}  // namespace kvd::node
