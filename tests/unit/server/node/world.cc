#include "tests/unit/server/node/world.h"

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "tests/unit/server/topology/cards.h"

namespace kvd::node {

std::string Show(const Result& result) {
  if (const auto* found = std::get_if<Found>(&result)) {
    return "found " + Quoted(found->value) + " of version " + std::to_string(found->version);
  }
  if (const auto* written = std::get_if<Written>(&result)) {
    return "written " + std::to_string(written->version);
  }
  if (std::holds_alternative<Absent>(result)) return "absent";
  const auto& refusal = std::get<Refusal>(result);
  return std::string(ReasonName(refusal.reason)) + ": " + refusal.message;
}

World::World(uint8_t nodes, Limits limits)
    : limits_(limits),
      topology_(topology::FoundTopology(topology::UuidOf(0xcc), topology::TermsOf(nodes),
                                        topology::CardsOf(nodes))) {
  for (const auto& member : topology_.members) Start(member.id);
  for (const auto& a : topology_.members) {
    for (const auto& b : topology_.members) {
      if (a.id < b.id) Link(a.id, b.id);
    }
  }
}

Node::Options World::OptionsOf(NodeId node) const {
  Node::Options options;
  const topology::Member& self = *topology_.Find(node);
  options.founding.self = self.card;
  options.founding.terms = topology::TermsOf(static_cast<uint8_t>(topology_.members.size()));
  options.founding.binding = {topology_.cluster_id, topology_.members.front().card.uuid};
  options.founding.topology = topology_;
  options.founding.boot = {.counter = 2, .nonce = 1};
  for (const auto& member : topology_.members) {
    if (member.id == node) continue;
    options.founding.peers.push_back({member.card.name, member.card.peer_address});
  }
  options.limits = limits_;
  return options;
}

void World::Start(NodeId node) {
  Machine& machine = machines_[node];
  machine.state = std::make_unique<partition::StateMachines>(*machine.store);
  Node::Options options = OptionsOf(node);
  options.founding.boot.counter = 2 + machine.boots++;
  options.recovered = machine.state->Recover(*machine.log).value();
  machine.node = std::make_unique<Node>(std::move(options), now_);
  Settle();
}

void World::Restart(NodeId node) {
  for (const auto& member : topology_.members) Break(node, member.id);
  Machine& machine = machines_.at(node);
  machine.log->Crash(/*tear_last_batch=*/true);
  machine.store->Crash();
  machine.appends.clear();
  machine.applies.clear();
  machine.reads.clear();
  Start(node);
}

CallId World::Call(NodeId node, Operation operation, std::optional<Duration> budget) {
  const CallId call{++last_call_};
  machines_.at(node).node->OnCall(call, std::move(operation), budget, now_);
  Settle();
  return call;
}

CallId World::Get(NodeId node, const std::string& key, bool omit_value) {
  return Call(node, {.key = key, .action = node::Get{omit_value}}, std::nullopt);
}

CallId World::Put(NodeId node, const std::string& key, const std::string& value,
                  std::optional<Duration> budget) {
  return Call(node, {.key = key, .action = node::Put{value}}, budget);
}

CallId World::Delete(NodeId node, const std::string& key) {
  return Call(node, {.key = key, .action = node::Delete{}}, std::nullopt);
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

const Refusal& World::RefusalOf(CallId call) const {
  const auto* refusal = std::get_if<Refusal>(&ResultOf(call));
  KVD_CHECK(refusal != nullptr, "the call is refused");
  return *refusal;
}

std::string World::KeyOf(NodeId node, int n) const {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    const PartitionId partition = PartitionOf(key, topology_.partitions());
    if (topology_.PreferredOwner(partition).node == node && n-- == 0) return key;
  }
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
  machines_.at(a).node->OnLinkDown(b, now_);
  machines_.at(b).node->OnLinkDown(a, now_);
  Settle();
}

void World::ReleaseNetwork() {
  network_held_ = false;
  for (Sent& sent : std::exchange(held_frames_, {})) frames_.push_back(std::move(sent));
  Settle();
}

topology::Envelope World::EnvelopeOf(NodeId from, NodeId to) const {
  return {.cluster_id = topology_.cluster_id,
          .from = topology_.Find(from)->card.uuid,
          .from_boot = {},
          .to = topology_.Find(to)->card.uuid,
          .epoch = topology_.epoch};
}

void World::Deliver(NodeId from, NodeId to, Frame frame) {
  frame.envelope = EnvelopeOf(from, to);
  machines_.at(to).node->OnFrame(from, frame, now_);
  Settle();
}

void World::ReleaseDisk(NodeId node) {
  machines_.at(node).disk_held = false;
  Settle();
}

void World::ReleaseApplier(NodeId node) {
  machines_.at(node).applier_held = false;
  Settle();
}

void World::Settle() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto& [id, machine] : machines_) {
      if (!machine.node || frozen_.contains(id)) continue;
      Collect(id, machine);
      moved = WorkDisk(machine) || moved;
    }
    moved = WorkNetwork() || moved;
  }
}

void World::Collect(NodeId id, Machine& machine) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  Effects effects = machine.node->TakeEffects();
  append(machine.appends, effects.appends);
  append(machine.applies, effects.applies);
  append(machine.reads, effects.reads);
  append(machine.lines, effects.log);
  for (auto& [call, answer] : effects.answers) {
    KVD_CHECK(answers_.emplace(call, std::move(answer)).second, "a call is answered once");
  }
  for (auto& [to, frame] : effects.frames) {
    (network_held_ ? held_frames_ : frames_).push_back({id, to, std::move(frame)});
  }
}

bool World::WorkDisk(Machine& machine) {
  if (machine.disk_held) return false;
  bool moved = false;
  for (const storage::GroupWrite& write : std::exchange(machine.appends, {})) {
    KVD_CHECK(machine.log->Append(std::span(&write, 1)).ok(), "append");
    const PartitionId partition{write.group.value - 1};
    machine.node->OnDurable(partition, write.entries.back().index, now_);
    moved = true;
  }
  if (machine.applier_held) return moved;
  for (const partition::ApplyJob& job : std::exchange(machine.applies, {})) {
    const auto applied = machine.state->Apply(std::span(&job, 1)).value();
    machine.node->OnApplied(applied.front(), now_);
    moved = true;
  }
  for (const ReadJob& read : std::exchange(machine.reads, {})) {
    machine.node->OnRead(read.ticket, machine.state->Read(read.partition, read.key), now_);
    moved = true;
  }
  return moved;
}

bool World::WorkNetwork() {
  bool moved = false;
  for (const Sent& sent : std::exchange(frames_, {})) {
    if (!links_.contains({sent.from, sent.to}) || frozen_.contains(sent.to)) continue;
    machines_.at(sent.to).node->OnFrame(sent.from, sent.frame, now_);
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
      if (!frozen_.contains(id)) machine.node->Advance(now_);
    }
    Settle();
  }
}

}  // namespace kvd::node
