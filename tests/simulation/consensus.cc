#include "tests/simulation/consensus.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/hash.h"

namespace kvd::simulation {
namespace {

uint64_t ContentOf(const storage::Entry& entry) {
  return Hash64(entry.payload) + static_cast<uint64_t>(entry.kind);
}

bool IsRequest(const raft::Message& message) {
  return !std::holds_alternative<raft::VoteReply>(message.body) &&
         !std::holds_alternative<raft::AppendReply>(message.body) &&
         !std::holds_alternative<raft::BeatReply>(message.body);
}

}  // namespace

void Consensus::Fail(GroupId group, const std::string& what) {
  world_.Fail(FailureKind::kWrong, fmt::format("partition {}: {}", PartitionOf(group).value, what));
}

void Consensus::AddMachine(HostId host, const std::string& name, const Disk& disk) {
  machines_[host].name = name;
  machines_[host].disk = &disk;
}

void Consensus::Wiped(HostId host, const Disk& disk) {
  Machine& machine = machines_.at(host);
  for (const auto& [replica, home] : homes_) {
    if (home == machine.node) ended_.insert(replica);
  }
  lost_.push_back(machine);
  machine = {machine.name, &disk, {}, {}, {}, {}, false};
}

void Consensus::RolledBack(HostId host, const Disk& disk) {
  Wiped(host, disk);
  machines_.at(host).is_rolled_back = true;
}

bool Consensus::CanDoWithout(HostId host) const {
  const auto remains = [&](GroupId group) {
    return [this, group, host](const raft::Member& member) {
      return std::ranges::any_of(machines_, [&](const auto& entry) {
        return entry.first != host && entry.second.node == member.node &&
               IsHome(entry.second, group, member.id);
      });
    };
  };
  for (const auto& [other, machine] : machines_) {
    for (const auto& [partition, seen] : machine.seen) {
      if (!HasMajorities(seen.configuration, remains(GroupOf(partition)))) return false;
    }
  }
  return true;
}

void Consensus::Started(HostId host, const std::map<PartitionId, Index>& applied) {
  Machine& machine = machines_.at(host);
  machine.seen.clear();
  for (const auto& [partition, flushed] : std::map(machine.flushed)) {
    const Disk::Named named = machine.disk->NamedOf(GroupOf(partition));
    if (named.removed != ReplicaId{}) ended_.insert({GroupOf(partition), named.removed});
    if (named.removed != ReplicaId{} && named.here == ReplicaId{}) {
      machine.flushed.erase(partition);  // It was removed, and its data with it.
      continue;
    }
    const auto found = applied.find(partition);
    if (found != applied.end() && found->second >= flushed) continue;
    Fail(GroupOf(partition), fmt::format("S1: {} starts with less data than it had flushed, {}",
                                         machine.name, flushed));
  }
  machine.applied = applied;
}

void Consensus::Applied(HostId host, PartitionId partition, Index index) {
  Machine& machine = machines_.at(host);
  Index& applied = machine.applied[partition];
  if (index < applied) Fail(GroupOf(partition), "S1: applied fell on " + machine.name);
  applied = index;
}

void Consensus::Flushed(HostId host, PartitionId partition, Index index) {
  Index& flushed = machines_.at(host).flushed[partition];
  flushed = std::max(flushed, index);
}

void Consensus::Dropped(HostId host, PartitionId partition) {
  Machine& machine = machines_.at(host);
  ended_.insert({GroupOf(partition), machine.disk->NamedOf(GroupOf(partition)).removed});
  machine.seen.erase(partition);
  machine.applied.erase(partition);
  machine.flushed.erase(partition);
}

void Consensus::Truncates(HostId host, const storage::Log::Prefix& prefix) {
  const Machine& machine = machines_.at(host);
  const auto flushed = machine.flushed.find(PartitionOf(prefix.group));
  const Index limit = flushed == machine.flushed.end() ? 0 : flushed->second;
  if (prefix.through <= limit || machine.is_rolled_back) return;
  Fail(prefix.group, fmt::format("S9: {} truncates its log up to {}, its data is flushed up to {}",
                                 machine.name, prefix.through, limit));
}

const Consensus::Machine* Consensus::MachineOf(NodeId node) const {
  for (const auto& [host, machine] : machines_) {
    if (machine.node == node) return &machine;
  }
  const auto lost = std::ranges::find(lost_, node, &Machine::node);
  return lost == lost_.end() ? nullptr : &*lost;
}

void Consensus::Stepped(HostId host, const node::Node& node, const node::Effects& effects) {
  Machine& machine = machines_.at(host);
  if (node.replicas() == nullptr || machine.is_rolled_back) return;
  const topology::Topology& topology = *node.topology();
  const topology::Member* self = topology.Find(machine.disk->node_uuid());
  if (self != nullptr) machine.node = self->id;
  if (founding_.empty()) NoteFounding(topology);
  const auto check = [&](PartitionId partition) {
    const raft::Replica* replica = node.replicas()->Find(partition);
    if (replica != nullptr) CheckReplica(machine, partition, *replica);
  };
  check(topology::kSystemPartition);
  for (uint32_t p = 0; p < topology.partitions(); ++p) check(PartitionId{p});
  const auto find = [&](GroupId group) { return node.replicas()->Find(PartitionOf(group)); };
  for (const raft::Write& write : effects.appends) {
    if (find(write.write.group) != nullptr) CheckWrite(machine, write, *find(write.write.group));
  }
  for (const partition::ApplyJob& job : effects.applies) CheckApply(machine, job);
  for (const auto& [peer, frame] : effects.frames) {
    for (const node::GroupMessage& each : frame.raft) {
      CheckAsked(machine, each.group, each.message);
      CheckNamed(machine, each.group, each.message.from);
      if (find(each.group) == nullptr) continue;  // Removed right behind it.
      CheckClaims(machine, each.group, each.message, *find(each.group));
    }
  }
}

void Consensus::NoteFounding(const topology::Topology& topology) {
  for (const auto& each : topology.system_voters) founding_.insert({kSystemGroup, each.id});
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    for (const auto& each : topology.ring[p]) founding_.insert({GroupOf(PartitionId{p}), each.id});
  }
}

// An id is one replica, on one node, from its creation to its removal.
void Consensus::CheckIdentity(Machine& machine, PartitionId partition,
                              const raft::Replica& replica) {
  Seen& seen = machine.seen[partition];
  const std::pair name(replica.group(), replica.self().id);
  if (ended_.contains(name)) {
    Fail(replica.group(), fmt::format("S14: {} runs replica {}, which has ended", machine.name,
                                      replica.self().id.value));
  }
  CheckNamed(machine, replica.group(), replica.self().id);
  if (seen.replica == replica.self().id) return;
  seen = Seen();
  seen.replica = replica.self().id;
  const auto [home, fresh] = homes_.try_emplace(name, machine.node);
  if (home->second == machine.node) return;
  Fail(replica.group(), fmt::format("S14: {} runs replica {}, and so did node {}", machine.name,
                                    replica.self().id.value, home->second.value));
}

// Whoever runs is known to its own disk, or was there from the beginning.
void Consensus::CheckNamed(const Machine& machine, GroupId group, ReplicaId replica) {
  const Disk::Named named = machine.disk->NamedOf(group);
  if (named.here == replica) return;
  const bool is_unnamed = named.here == ReplicaId{} && named.removed == ReplicaId{};
  if (is_unnamed && founding_.contains({group, replica})) return;
  Fail(group, fmt::format("S5: replica {} runs on {}, {} is durable there", replica.value,
                          machine.name, named.here.value));
}

void Consensus::CheckAsked(const Machine& machine, GroupId group, const raft::Message& message) {
  if (IsRequest(message)) {
    asked_.insert({group, message.from, message.to});
  } else if (!asked_.contains({group, message.to, message.from})) {
    Fail(group, fmt::format("S7: replica {} on {} answers {}, who never asked it",
                            message.from.value, machine.name, message.to.value));
  }
}

void Consensus::CheckReplica(Machine& machine, PartitionId partition,
                             const raft::Replica& replica) {
  CheckIdentity(machine, partition, replica);
  Seen& seen = machine.seen[partition];
  if (replica.term() < seen.term) Fail(replica.group(), "S1: the term fell on " + machine.name);
  if (replica.commit() < seen.commit) Fail(replica.group(), "S1: commit fell on " + machine.name);
  if (replica.term() != seen.term) seen.led = false;
  seen.term = replica.term();
  if (replica.role() == raft::Role::kLeader && !seen.led) {
    seen.led = true;
    CheckElected(machine, replica, seen);
    CheckLeader(machine, partition, replica);
  }
  if (seen.configuration.voters.empty()) seen.configuration = replica.configuration();
  if (replica.commit() != seen.commit) CheckCommit(partition, replica, machine, seen);
  const bool changes = replica.configuration_index() > seen.configuration_index;
  if (changes && seen.led && replica.commit() < seen.configuration_index) {
    Fail(replica.group(),
         "S8: a change begins before the last one is committed, on " + machine.name);
  }
  NoteCommitted(replica, seen);
  seen.commit = replica.commit();
  seen.configuration_index = replica.configuration_index();
  if (seen.configuration == replica.configuration()) return;
  seen.configuration = replica.configuration();
}

// By its leader, who knows first: what a step commits was in force before it, or is now.
void Consensus::NoteCommitted(const raft::Replica& replica, const Seen& before) {
  const Index commit = replica.commit();
  if (replica.role() != raft::Role::kLeader || commit == before.commit) return;
  if (before.configuration_index <= commit) {
    electorate_.Committed(replica.group(), before.configuration_index, before.configuration);
  }
  if (replica.configuration_index() <= commit) {
    electorate_.Committed(replica.group(), replica.configuration_index(), replica.configuration());
  }
}

// By the configuration in force when it asked for votes: the one before this step, unless it is the
// first that is seen.
void Consensus::CheckElected(const Machine& machine, const raft::Replica& replica,
                             const Seen& before) {
  const raft::Configuration& configuration =
      before.configuration.voters.empty() ? replica.configuration() : before.configuration;
  const GroupId group = replica.group();
  if (electorate_.IsElected(group, replica.term(), replica.self().id, configuration)) return;
  Fail(group, fmt::format("S7: {} leads in term {} without the votes of those who count",
                          machine.name, replica.term()));
}

void Consensus::CheckLeader(const Machine& machine, PartitionId partition,
                            const raft::Replica& replica) {
  const auto [known, fresh] =
      leaders_.try_emplace({replica.group(), replica.term()}, replica.self().id);
  if (known->second != replica.self().id) {
    Fail(replica.group(), fmt::format("S2: {} leads in term {}, and so does replica {}",
                                      machine.name, replica.term(), known->second.value));
  }
  const auto& committed = committed_[partition];
  for (Index index = replica.first(); index <= committed.size(); ++index) {
    // Who was elected and only learns of it now leads, to no effect, in a term that is over.
    if (committed[index - 1].in >= replica.term()) break;
    if (replica.TermAt(index) == committed[index - 1].term) continue;
    return Fail(replica.group(), fmt::format("S4: {} leads in term {} without committed entry {}",
                                             machine.name, replica.term(), index));
  }
}

// Whoever commits first has to be right: the entry is on the disks of a majority.
void Consensus::CheckCommit(PartitionId partition, const raft::Replica& replica,
                            const Machine& machine, const Seen& before) {
  auto& committed = committed_[partition];
  if (replica.commit() > committed.size() && replica.role() == raft::Role::kLeader &&
      replica.TermAt(replica.commit()) != replica.term()) {
    Fail(replica.group(), fmt::format("{} leads in term {} and commits entry {} of term {} by "
                                      "counting",
                                      machine.name, replica.term(), replica.commit(),
                                      replica.TermAt(replica.commit()).value_or(0)));
  }
  truth_.Committed(partition, replica.commit());
  for (Index index = committed.size() + 1; index <= replica.commit(); ++index) {
    const Term term = replica.TermAt(index).value_or(0);
    CheckDurableMajority(replica, machine, before, index, term);
    committed.push_back({term, replica.term()});
  }
  const Index last = replica.commit();
  if (last >= replica.first() && replica.TermAt(last) != committed[last - 1].term) {
    Fail(replica.group(), fmt::format("{} commits another entry {}", machine.name, last));
  }
}

// Of the configuration in force then: the one before this step, or one that the step brought. But a
// joint one is left only when its own entry is committed, by its own majorities.
void Consensus::CheckDurableMajority(const raft::Replica& replica, const Machine& machine,
                                     const Seen& before, Index index, Term term) {
  const bool is_joint = before.configuration.IsJoint() && index <= before.configuration_index;
  if (IsDurable(before.configuration, replica.group(), index, term)) return;
  if (!is_joint && IsDurable(replica.configuration(), replica.group(), index, term)) return;
  Fail(replica.group(), fmt::format("S6: {} commits entry {} of term {} without a durable majority",
                                    machine.name, index, term));
}

bool Consensus::IsDurable(const raft::Configuration& configuration, GroupId group, Index index,
                          Term term) const {
  const auto holds = [&](const raft::Member& member) {
    const Machine* machine = MachineOf(member.node);
    return machine != nullptr && !electorate_.IsRemoved(member.node) &&
           machine->disk->Holds(group, index, term) && IsHome(*machine, group, member.id);
  };
  return HasMajorities(configuration, holds);
}

bool Consensus::IsHome(const Machine& machine, GroupId group, ReplicaId replica) const {
  const ReplicaId here = machine.disk->NamedOf(group).here;
  return here == replica || (here == ReplicaId{} && founding_.contains({group, replica}));
}

// Log matching by induction: an entry is known by index and term, and always has the same content
// and the same term before it.
void Consensus::CheckWrite(const Machine& machine, const raft::Write& write,
                           const raft::Replica& replica) {
  for (const storage::Entry& entry : write.write.entries) {
    const Known now{replica.TermAt(entry.index - 1).value_or(0), ContentOf(entry)};
    const auto& known =
        entries_.try_emplace({write.write.group, entry.index, entry.term}, now).first->second;
    if (known == now) continue;
    Fail(write.write.group, fmt::format("S3: entry {} of term {} differs on {}", entry.index,
                                        entry.term, machine.name));
  }
}

void Consensus::CheckApply(const Machine& machine, const partition::ApplyJob& job) {
  const auto& committed = committed_[job.partition];
  const GroupId group = GroupOf(job.partition);
  for (const storage::Entry& entry : job.entries) {
    if (entry.index > committed.size()) {
      Fail(group,
           fmt::format("{} applies entry {} before it is committed", machine.name, entry.index));
    } else if (committed[entry.index - 1].term != entry.term) {
      Fail(group,
           fmt::format("{} applies entry {} of term {}, committed is one of term {}", machine.name,
                       entry.index, entry.term, committed[entry.index - 1].term));
    }
    if (!machine.disk->Holds(group, entry.index, entry.term)) {
      Fail(group,
           fmt::format("{} applies entry {} before it is durable", machine.name, entry.index));
    }
  }
}

// What a message claims must be on the disk when it leaves.
void Consensus::CheckClaims(const Machine& machine, GroupId group, const raft::Message& message,
                            const raft::Replica& replica) {
  Term claimed = message.term;
  ReplicaId vote;
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
    if (request->pre) --claimed;
    if (!request->pre) vote = message.from;
  } else if (const auto* reply = std::get_if<raft::VoteReply>(&message.body)) {
    if (reply->pre && reply->granted) claimed = 0;
    if (!reply->pre && reply->granted) vote = message.to;
  } else if (const auto* append = std::get_if<raft::AppendReply>(&message.body)) {
    if (append->accepted && message.term == replica.term()) {
      CheckAcknowledged(machine, append->index, replica);
    }
  }
  const storage::HardState durable = machine.disk->HardStateOf(group);
  if (durable.term < claimed) {
    Fail(group,
         fmt::format("S5: {} claims term {}, {} is durable", machine.name, claimed, durable.term));
  }
  if (vote == ReplicaId{}) return;
  if (durable.term == claimed && durable.voted_for != vote) {
    Fail(group, fmt::format("S5: {} claims a vote that is not durable", machine.name));
  }
  electorate_.Voted(group, {message.from, machine.node}, message.term, vote);
}

void Consensus::CheckAcknowledged(const Machine& machine, Index index,
                                  const raft::Replica& replica) {
  const GroupId group = replica.group();
  if (index < replica.first()) {  // A snapshot brought it, or it was truncated.
    const auto flushed = machine.flushed.find(PartitionOf(group));
    if (flushed != machine.flushed.end() && flushed->second >= index) return;
  }
  if (machine.disk->Holds(group, index, replica.TermAt(index).value_or(0))) return;
  Fail(group,
       fmt::format("S5: {} acknowledges entry {} before it is durable", machine.name, index));
}

}  // namespace kvd::simulation
