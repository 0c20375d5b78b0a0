#include "tests/unit/server/node/world.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "server/node/recovery.h"
#include "server/storage/merge.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {
namespace {

template <typename T>
void Append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

topology::ClusterTerms TermsFor(const World::Options& options) {
  topology::ClusterTerms terms = topology::TermsOf(options.nodes);
  terms.partitions = options.partitions;
  return terms;
}

struct Shown {
  std::string operator()(const Found& found) const {
    return "found " + Quoted(found.value) + " of version " + std::to_string(found.version);
  }
  std::string operator()(const Written& written) const {
    return "written " + std::to_string(written.version);
  }
  std::string operator()(const Absent&) const { return "absent"; }
  std::string operator()(const Incremented& incremented) const {
    return "incremented to " + std::to_string(incremented.value);
  }
  std::string operator()(const Mismatch& mismatch) const {
    return "mismatch at " + std::to_string(mismatch.actual);
  }
  std::string operator()(const PlanView& plan) const {
    return "plan of " + std::to_string(plan.copies) + " copies";
  }
  std::string operator()(const Groups& groups) const {
    return std::to_string(groups.groups.size()) + " groups";
  }
  std::string operator()(const Jobs& jobs) const {
    std::string shown = "jobs";
    for (const JobView& job : jobs.jobs) shown += " " + std::to_string(job.id.value);
    return shown;
  }
  std::string operator()(const Refusal& refusal) const {
    return std::string(ReasonName(refusal.reason)) + ": " + refusal.message;
  }
};

}  // namespace

std::string Show(const Result& result) {
  return std::visit(Shown{}, result);
}

World::World(const Options& options)
    : options_(options),
      terms_(TermsFor(options)),
      topology_(topology::FoundTopology(topology::UuidOf(0xcc), terms_,
                                        topology::CardsOf(options.nodes))) {
  for (const auto& member : topology_.members) Start(member.id);
  for (const auto& a : topology_.members) {
    for (const auto& b : topology_.members) {
      if (a.id < b.id) Link(a.id, b.id);
    }
  }
  (void)PassUntil([this] { return IsServedAsWished(); });
}

std::vector<NodeId> World::nodes() const {
  std::vector<NodeId> ids;
  for (const auto& member : topology_.members) ids.push_back(member.id);
  return ids;
}

Node::Options World::OptionsOf(NodeId node) const {
  Node::Options options;
  options.replicas.flushes_kept = 1;
  options.system.reconciles = options_.reconciles;
  options.system.removal.remove_after = options_.remove_after;
  const topology::Member& self = *topology_.Find(node);
  options.founding.self = self.card;
  options.founding.terms = terms_;
  options.founding.binding = {topology_.cluster_id, topology_.members.front().card.uuid};
  options.founding.topology = topology_;
  options.founding.boot = {.counter = 2, .nonce = 1};
  for (const auto& member : topology_.members) {
    if (member.id == node) continue;
    options.founding.peers.push_back({member.card.name, member.card.peer_address});
  }
  options.limits = options_.limits;
  return options;
}

topology::Boot World::BootOf(NodeId node) const {
  const Machine& machine = machines_.at(node);
  return {.counter = 1 + machine.boots, .nonce = machine.starts};
}

void World::Start(NodeId node) {
  Machine& machine = machines_[node];
  ++machine.boots;
  ++machine.starts;
  machine.state = std::make_unique<partition::StateMachines>(*machine.store);
  machine.transfers = std::make_unique<partition::Transfers>(*machine.state);
  Node::Options options = OptionsOf(node);
  options.founding.boot = BootOf(node);
  Recovery recovery =
      Recover(*machine.log, *machine.state, topology::EncodeTopology(topology_)).value();
  options.recovered = std::move(recovery.replicas);
  options.tombstones = std::move(recovery.tombstones);
  if (machine.kept_boots) {
    options.boots = topology::Boots::Decode(*machine.kept_boots, topology_.cluster_id).value();
  }
  machine.node = std::make_unique<Node>(std::move(options), now_);
  Settle();
}

void World::Stop(NodeId node) {
  Machine& machine = machines_.at(node);
  machine.node.reset();
  for (const NodeId other : nodes()) Break(node, other);
  frozen_.erase(node);
  frozen_frames_.erase(node);
  machine.log->Crash(/*tear_last_batch=*/true);
  machine.store->Crash();
  machine.written_boots.reset();
  machine.appends.clear();
  machine.applies.clear();
  machine.reads.clear();
  machine.fetches.clear();
  machine.installs.clear();
  machine.chunk_reads.clear();
  machine.chunk_writes.clear();
  machine.chunk_closes.clear();
  machine.drops.clear();
  machine.truncations.clear();
}

void World::Kill(NodeId node) {
  Stop(node);
  for (auto& [id, machine] : machines_) {
    if (machine.node && !frozen_.contains(id)) machine.node->OnRefused(node, now_);
  }
  Settle();
}

void World::Restart(NodeId node) {
  if (IsRunning(node)) Stop(node);
  Start(node);
  for (const NodeId other : nodes()) {
    if (other != node && IsRunning(other)) Link(node, other);
  }
}

void World::Thaw(NodeId node) {
  frozen_.erase(node);
  Append(frames_, frozen_frames_[node]);
  frozen_frames_.erase(node);
  Settle();
}

CallId World::Call(NodeId node, Operation operation, std::optional<Duration> budget) {
  KVD_CHECK(IsRunning(node), "only a running node is called");
  const CallId call{++last_call_};
  machines_.at(node).node->OnCall(call, std::move(operation), budget, now_);
  Settle();
  return call;
}

CallId World::Get(NodeId node, const std::string& key, bool omit_value) {
  return Call(node, {.key = key, .action = node::Get{.omit_value = omit_value}});
}

CallId World::Put(NodeId node, const std::string& key, const std::string& value,
                  std::optional<Duration> budget) {
  return Call(node, {.key = key, .action = node::Put{.value = value}}, budget);
}

CallId World::Delete(NodeId node, const std::string& key) {
  return Call(node, {.key = key, .action = node::Delete{}});
}

CallId World::Increment(NodeId node, const std::string& key, int64_t by,
                        std::optional<Duration> budget) {
  return Call(node, {.key = key, .action = node::Increment{.by = by}}, budget);
}

const Answer* World::AnswerTo(CallId call) const {
  const auto it = answers_.find(call);
  return it != answers_.end() ? &it->second : nullptr;
}

const Result& World::ResultOf(CallId call) const {
  const Answer* answer = AnswerTo(call);
  KVD_CHECK(answer != nullptr, "the call is answered");
  return answer->result;
}

Version World::VersionOf(CallId call) const {
  const auto* written = std::get_if<Written>(&ResultOf(call));
  KVD_CHECK(written != nullptr, OutcomeOf(call));
  return written->version;
}

const Refusal& World::RefusalOf(CallId call) const {
  const auto* refusal = std::get_if<Refusal>(&ResultOf(call));
  KVD_CHECK(refusal != nullptr, OutcomeOf(call));
  return *refusal;
}

Duration World::Await(CallId call, Duration most) {
  return PassUntil([this, call] { return AnswerTo(call) != nullptr; }, most);
}

Duration World::PassUntil(const std::function<bool()>& holds, Duration most) {
  constexpr Duration kStep = std::chrono::milliseconds(5);
  const Instant begin = now_;
  while (!holds()) {
    KVD_CHECK(now_ - begin < most, "what is waited for happens in time");
    Pass(kStep);
  }
  return now_ - begin;
}

PartitionId World::PartitionOfKey(const std::string& key) const {
  return PartitionOf(key, topology_.partitions());
}

std::string World::KeyOf(NodeId node, int n) const {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    if (topology_.PreferredOwner(PartitionOfKey(key)).node == node && n-- == 0) return key;
  }
}

std::string World::KeyIn(PartitionId partition, int n) const {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    if (PartitionOfKey(key) == partition && n-- == 0) return key;
  }
}

std::optional<NodeId> World::ServerOf(PartitionId partition) const {
  std::optional<NodeId> server;
  Term highest = 0;
  for (const auto& [id, machine] : machines_) {
    if (!machine.node || machine.node->replicas() == nullptr) continue;
    const raft::Replica* replica = machine.node->replicas()->Find(partition);
    if (replica == nullptr || !replica->IsServing() || replica->term() <= highest) continue;
    highest = replica->term();
    server = id;
  }
  return server;
}

uint32_t World::CountServedBy(NodeId node) const {
  uint32_t count = 0;
  for (uint32_t p = 0; p < topology_.partitions(); ++p) {
    count += ServerOf(PartitionId{p}) == node ? 1 : 0;
  }
  return count;
}

bool World::IsServedAsWished() const {
  for (uint32_t p = 0; p < topology_.partitions(); ++p) {
    const PartitionId partition{p};
    if (ServerOf(partition) != topology_.PreferredOwner(partition).node) return false;
  }
  return true;
}

uint64_t World::DigestOf(NodeId node, PartitionId partition) const {
  return machines_.at(node).state->Digest(partition).value();
}

void World::Link(NodeId a, NodeId b) {
  links_.insert({a, b});
  links_.insert({b, a});
  machines_.at(a).node->OnLinkUp(b, now_);
  machines_.at(b).node->OnLinkUp(a, now_);
  Settle();
}

void World::Break(NodeId a, NodeId b) {
  if (links_.erase({a, b}) == 0) return;
  links_.erase({b, a});
  const auto is_on_it = [&](const Sent& sent) {
    return (sent.from == a && sent.to == b) || (sent.from == b && sent.to == a);
  };
  for (auto& [to, frames] : frozen_frames_) std::erase_if(frames, is_on_it);
  if (IsRunning(a)) machines_.at(a).node->OnLinkDown(b, now_);
  if (IsRunning(b)) machines_.at(b).node->OnLinkDown(a, now_);
  Settle();
}

void World::Cut(NodeId a, NodeId b) {
  cuts_.insert({a, b});
  cuts_.insert({b, a});
}

void World::Isolate(NodeId node) {
  for (const NodeId other : nodes()) Cut(node, other);
}

void World::ReleaseNetwork() {
  network_held_ = false;
  Append(frames_, held_frames_);
  held_frames_.clear();
  Settle();
}

topology::Envelope World::EnvelopeOf(NodeId from, NodeId to) const {
  return {.cluster_id = topology_.cluster_id,
          .from = topology_.Find(from)->card.uuid,
          .from_boot = BootOf(from),
          .to = topology_.Find(to)->card.uuid,
          .epoch = topology_.epoch};
}

void World::Deliver(NodeId from, NodeId to, Frame frame) {
  frame.envelope = EnvelopeOf(from, to);
  machines_.at(to).node->OnFrame(from, std::move(frame), now_);
  Settle();
}

void World::HoldDisk(NodeId node) {
  machines_.at(node).log_held = true;
  machines_.at(node).applier_held = true;
}

void World::ReleaseDisk(NodeId node) {
  machines_.at(node).log_held = false;
  machines_.at(node).applier_held = false;
  Settle();
}

void World::ReleaseLog(NodeId node) {
  machines_.at(node).log_held = false;
  Settle();
}

void World::ReleaseApplier(NodeId node) {
  machines_.at(node).applier_held = false;
  Settle();
}

void World::SetDiskFull(NodeId node, bool full) {
  machines_.at(node).node->OnDisk(1000, {}, full, now_);
  Settle();
}

void World::Flush(NodeId node) {
  Machine& machine = machines_.at(node);
  machine.node->OnFlushed(machine.state->Flush().value(), now_);
  Settle();
}

void World::Settle() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto& [id, machine] : machines_) {
      if (!machine.node || frozen_.contains(id)) continue;
      Collect(id, machine);
      moved = WorkLog(machine) || moved;
      moved = WorkApplier(machine) || moved;
      moved = WorkTransfers(machine) || moved;
    }
    moved = WorkNetwork() || moved;
  }
}

void World::Collect(NodeId id, Machine& machine) {
  Effects effects = machine.node->TakeEffects();
  Append(machine.appends, effects.appends);
  Append(machine.applies, effects.applies);
  Append(machine.reads, effects.reads);
  Append(machine.fetches, effects.fetches);
  Append(machine.installs, effects.installs);
  Append(machine.chunk_reads, effects.chunk_reads);
  Append(machine.chunk_writes, effects.chunk_writes);
  Append(machine.chunk_closes, effects.chunk_closes);
  Append(machine.drops, effects.drops);
  Append(machine.reports, effects.reports);
  Append(machine.step_answers, effects.step_answers);
  Append(machine.truncations, effects.truncations);
  Append(machine.lines, effects.log);
  machine.is_removed = machine.is_removed || effects.removed;
  if (effects.condemned) machine.condemned = std::move(effects.condemned);
  if (effects.founding.store) machine.node->OnTopologyStored(now_);
  if (effects.boots) machine.written_boots = std::move(effects.boots);
  for (auto& [call, answer] : effects.answers) {
    KVD_CHECK(answers_.emplace(call, std::move(answer)).second, "a call is answered once");
  }
  for (auto& [to, frame] : effects.frames) {
    (network_held_ ? held_frames_ : frames_).push_back({id, to, std::move(frame)});
  }
}

// As the log writer does it: one write per group, one batch for all.
bool World::WorkLog(Machine& machine) {
  if (machine.log_held) return false;
  bool moved = machine.written_boots.has_value();
  if (moved) {
    machine.kept_boots = std::exchange(machine.written_boots, std::nullopt);
    machine.node->OnBootsStored(now_);
  }
  std::map<GroupId, raft::Write> merged;
  for (raft::Write& write : std::exchange(machine.appends, {})) {
    if (write.write.remove) {
      std::erase_if(machine.truncations,
                    [&](const auto& each) { return each.group == write.write.group; });
    }
    const auto [at, fresh] = merged.try_emplace(write.write.group);
    at->second.number = write.number;
    if (fresh) {
      at->second.write = std::move(write.write);
    } else {
      storage::Merge(at->second.write, std::move(write.write));
    }
  }
  if (!merged.empty()) {
    std::vector<storage::GroupWrite> batch;
    for (const auto& [group, write] : merged) batch.push_back(write.write);
    KVD_CHECK(machine.log->Append(batch).ok(), "append");
    ++machine.batches;
    for (const auto& [group, write] : merged) machine.node->OnDurable(group, write.number, now_);
    moved = true;
  }
  for (const auto& [group, through] : std::exchange(machine.truncations, {})) {
    KVD_CHECK(machine.log->TruncatePrefix(group, through).ok(), "truncate");
  }
  return moved;
}

bool World::WorkApplier(Machine& machine) {
  if (machine.applier_held) return false;
  bool moved = false;
  for (const partition::ApplyJob& job : std::exchange(machine.applies, {})) {
    const auto applied = machine.state->Apply(std::span(&job, 1)).value();
    machine.node->OnApplied(applied.front(), now_);
    moved = true;
  }
  for (const ReadJob& read : std::exchange(machine.reads, {})) {
    machine.node->OnRead(read.ticket, machine.state->Read(read.partition, read.key), now_);
    moved = true;
  }
  for (const FetchJob& job : std::exchange(machine.fetches, {})) {
    auto entries = machine.log->Read(GroupOf(job.partition), job.fetch.from, job.fetch.to,
                                     job.fetch.max_bytes);
    machine.node->OnFetched(job.partition, job.fetch.follower,
                            entries.ok() ? *std::move(entries) : std::vector<storage::Entry>{},
                            now_);
    moved = true;
  }
  return moved;
}

bool World::WorkTransfers(Machine& machine) {
  if (machine.applier_held) return false;
  bool moved = false;
  for (const InstallJob& job : std::exchange(machine.installs, {})) {
    const auto keys = machine.transfers->Install(job.partition, job.snapshot);
    KVD_CHECK(machine.state->FlushData().ok(), "flush");
    machine.node->OnInstalled(job.partition, job.snapshot, keys, now_);
    moved = true;
  }
  for (const ChunkRead& job : std::exchange(machine.chunk_reads, {})) {
    // Small pieces: so that there are several.
    machine.node->OnChunkRead(
        job.stream, machine.transfers->Read(job.stream, job.partition, /*max_bytes=*/1000), now_);
    moved = true;
  }
  for (const partition::StreamId stream : std::exchange(machine.chunk_closes, {})) {
    machine.transfers->Close(stream);
  }
  for (const ChunkWrite& job : std::exchange(machine.chunk_writes, {})) {
    const Status written = machine.transfers->Write(job.peer, job.stream, job.partition, job.bytes);
    machine.node->OnChunkWritten(job.stream, job.peer, written.ok(), now_);
    moved = true;
  }
  for (const PartitionId partition : std::exchange(machine.drops, {})) {
    KVD_CHECK(machine.transfers->Drop(partition).ok(), "drop");
    KVD_CHECK(machine.state->FlushData().ok(), "flush");
    machine.node->OnDropped(partition, now_);
    moved = true;
  }
  return moved;
}

bool World::WorkNetwork() {
  bool moved = false;
  for (Sent& sent : std::exchange(frames_, {})) {
    const std::pair way{sent.from, sent.to};
    if (!links_.contains(way) || cuts_.contains(way)) continue;
    if (filter_ && !filter_(sent)) continue;
    if (frozen_.contains(sent.to)) {
      frozen_frames_[sent.to].push_back(std::move(sent));
      continue;
    }
    machines_.at(sent.to).node->OnFrame(sent.from, std::move(sent.frame), now_);
    moved = true;
  }
  return moved;
}

void World::Pass(Duration duration) {
  constexpr Duration kStep = std::chrono::milliseconds(5);
  const Instant until = now_ + duration;
  while (now_ < until) {
    now_ = std::min(now_ + kStep, until);
    for (auto& [id, machine] : machines_) {
      if (machine.node && !frozen_.contains(id)) machine.node->Advance(now_);
    }
    Settle();
  }
}

}  // namespace kvd::node
