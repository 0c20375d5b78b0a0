#include "tests/unit/server/raft/world.h"

#include <utility>

#include "common/check.h"

namespace kvd::raft::test {

std::vector<Member> Members(const std::vector<uint64_t>& ids) {
  std::vector<Member> members;
  for (const uint64_t id : ids)
    members.push_back({ReplicaId{id}, NodeId{static_cast<uint32_t>(id)}});
  return members;
}

void World::Add(ReplicaId id, const Configuration& founding) {
  sites_.emplace(id, Site(founding));
  Start(id);
}

void World::Start(ReplicaId id) {
  Site& site = sites_.at(id);
  KVD_CHECK(site.self == nullptr, "only what is down can start");
  Replica::Options options = options_;
  options.group = GroupId{1};
  options.self = {id, NodeId{static_cast<uint32_t>(id.value)}};
  site.machine = site.disk.flushed;
  site.self = std::make_unique<Replica>(options, site.disk.Restore(), now_);
  watcher_->OnStart(id, site);
  Pump(id);
}

void World::Crash(ReplicaId id) {
  Site& site = sites_.at(id);
  site.self.reset();
  site.writes.clear();
  site.received.reset();
  site.fetches.clear();
  site.snapshots.clear();
  site.install.reset();
}

void World::Pump(ReplicaId id) {
  Site& site = sites_.at(id);
  while (site.self != nullptr && site.self->HasEffects()) {
    Effects effects = site.self->TakeEffects();
    watcher_->OnEffects(id, site, effects);
    if (effects.write.has_value()) site.writes.push_back(*std::move(effects.write));
    for (Outgoing& outgoing : effects.messages) {
      watcher_->OnMessage(site, outgoing.message);
      network_.push_back({site.self->self().node, outgoing.node, std::move(outgoing.message)});
    }
    for (const storage::Entry& entry : effects.committed) site.machine.Apply(entry);
    if (!effects.committed.empty()) site.self->OnApplied(site.machine.index);
    for (const Fetch& fetch : effects.fetches) site.fetches.push_back(fetch);
    for (const SnapshotWanted& wanted : effects.snapshots) site.snapshots.push_back(wanted);
    if (effects.install.has_value()) site.install = effects.install;
  }
  if (site.self != nullptr) watcher_->OnStep(id, site);
}

void World::Advance(ReplicaId id) {
  sites_.at(id).self->Advance(now_);
  Pump(id);
}

void World::Arrive(const Envelope& envelope) {
  const ReplicaId to{envelope.to.value};
  const auto it = sites_.find(to);
  if (it == sites_.end() || it->second.self == nullptr) return;
  it->second.self->Step(envelope.message, envelope.from, now_);
  Pump(to);
}

void World::Beat(ReplicaId id) {
  for (const auto& [other, site] : sites_) {
    if (other != id) BeatTo(id, NodeId{static_cast<uint32_t>(other.value)});
  }
}

void World::BeatTo(ReplicaId id, NodeId node) {
  Site& site = sites_.at(id);
  std::optional<Message> beat = site.self->BeatFor(node);
  if (!beat.has_value()) return;
  watcher_->OnMessage(site, *beat);
  network_.push_back({site.self->self().node, node, *std::move(beat)});
}

bool World::SyncOne(ReplicaId id) {
  Site& site = sites_.at(id);
  if (site.writes.empty()) return false;
  const Write write = std::move(site.writes.front());
  site.writes.pop_front();
  site.disk.Apply(write.write);
  site.self->OnDurable(write.number, now_);
  Pump(id);
  return true;
}

void World::Flush(ReplicaId id) {
  Site& site = sites_.at(id);
  site.disk.flushed = site.machine;
}

void World::Truncate(ReplicaId id, Index through) {
  Site& site = sites_.at(id);
  site.disk.TruncateThrough(through);
  site.self->OnTruncated(through);
  Pump(id);
}

bool World::AnswerFetch(ReplicaId id) {
  Site& site = sites_.at(id);
  if (site.fetches.empty()) return false;
  const Fetch fetch = site.fetches.front();
  site.fetches.erase(site.fetches.begin());
  site.self->OnFetched(fetch.follower, site.disk.Read(fetch.from, fetch.to, fetch.max_bytes));
  Pump(id);
  return true;
}

bool World::SendSnapshot(ReplicaId id, bool arrives) {
  Site& site = sites_.at(id);
  if (site.snapshots.empty()) return false;
  const SnapshotWanted wanted = site.snapshots.front();
  site.snapshots.erase(site.snapshots.begin());
  Site& follower = sites_.at(wanted.follower.id);
  if (arrives && follower.self != nullptr) {
    follower.received = site.machine;
    site.self->OnSnapshotSent(wanted.follower.id, site.machine.Point());
  } else {
    site.self->OnSnapshotSent(wanted.follower.id, std::nullopt);
  }
  Pump(id);
  return true;
}

bool World::Install(ReplicaId id) {
  Site& site = sites_.at(id);
  const std::optional<SnapshotPoint> wanted = std::exchange(site.install, std::nullopt);
  if (!wanted.has_value()) return false;
  if (site.received.has_value() && site.received->Point() == wanted) {
    site.machine = *site.received;
    site.disk.flushed = site.machine;
    site.self->OnInstalled(*wanted);
  } else {
    site.self->OnInstallFailed();
  }
  Pump(id);
  return true;
}

}  // namespace kvd::raft::test
