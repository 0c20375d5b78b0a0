#include "server/heartbeat/failure_detector.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::heartbeat {

std::string_view SuspicionName(Suspicion suspicion) {
  switch (suspicion) {
    case Suspicion::kSilent:
      return "silent";
    case Suspicion::kRefused:
      return "refused";
    case Suspicion::kDoesNotHearUs:
      return "does not hear us";
  }
  KVD_CHECK(false, "a suspicion of no known kind");
}

FailureDetector::FailureDetector(Options options) : options_(options) {
  KVD_CHECK(options.gaps > 0, "patience must last at least one gap");
  KVD_CHECK(options.floor > Duration::zero(), "a floor of nothing suspects everyone");
  KVD_CHECK(options.ceiling > options.floor, "the ceiling of patience must exceed its floor");
  KVD_CHECK(options.max_doubt >= Duration::zero(), "doubt cannot end before it starts");
}

void FailureDetector::Add(NodeId peer, Instant now) {
  const auto [it, added] = peers_.try_emplace(peer);
  if (!added) return;
  it->second.state.since = now;
  it->second.state.average_gap = options_.floor / options_.gaps;
  it->second.silent_at = now + options_.ceiling;
  it->second.heard_us_at = now;
  it->second.wake_at = it->second.silent_at;
  agenda_.emplace(it->second.wake_at, peer);
}

void FailureDetector::Remove(NodeId peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  agenda_.erase({it->second.wake_at, peer});
  doubted_.erase(peer);
  peers_.erase(it);
}

void FailureDetector::Heard(NodeId peer, Instant now) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;

  std::optional<Instant>& heard_at = it->second.state.heard_at;
  if (heard_at) {
    KVD_CHECK(now >= *heard_at, "the frames of a peer come in the order of time");
    // Capped, so that an outage does not teach patience.
    const Duration gap = std::min(now - *heard_at, options_.ceiling);
    Duration& average = it->second.state.average_gap;
    average = (4 * average + gap) / 5;
  }
  heard_at = now;
  it->second.silent_at = now + Patience(it->second);
  it->second.refused = false;
  Reschedule(it, now);
}

void FailureDetector::PeerHeardUs(NodeId peer, std::optional<Duration> ago, Instant now) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;

  Peer& state = it->second;
  // Compared as durations: `ago` is whatever the wire said, and must not overflow an instant.
  if (ago && *ago < now - state.heard_us_at) {
    state.heard_us_at = now - std::max(*ago, Duration::zero());
  }
  state.heard_us_before = now - state.heard_us_at;
  Reschedule(it, now);
}

void FailureDetector::Refused(NodeId peer, Instant now) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second.refused = true;
  Reschedule(it, now);
}

void FailureDetector::LoopWasLate(Duration by, Instant now) {
  if (by <= options_.on_time) return;
  late_until_ = std::max(late_until_, now + std::min(by, options_.max_doubt / 2) * 2);
}

std::vector<HealthChange> FailureDetector::Advance(Instant now) {
  const Instant asked_for = NextChangeAt();
  if (now < asked_for) return {};
  LoopWasLate(now - asked_for, now);

  most_silent_ = MostFellSilentTogether(now);
  reconsider_at_ = Instant::max();
  if (!most_silent_) {
    for (const auto& [peer, since] : doubted_) WakeAt(peers_.find(peer), now);
  }

  std::vector<HealthChange> changes;
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    const auto change = Grade(peers_.find(agenda_.begin()->second), now);
    if (change) changes.push_back(*change);
  }
  std::sort(changes.begin(), changes.end(),
            [](const HealthChange& a, const HealthChange& b) { return a.peer < b.peer; });
  return changes;
}

Health FailureDetector::Of(NodeId peer) const {
  const auto it = peers_.find(peer);
  return it == peers_.end() ? Health::kSuspect : it->second.state.health;
}

std::optional<PeerState> FailureDetector::Describe(NodeId peer) const {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return std::nullopt;
  return it->second.state;
}

Instant FailureDetector::NextChangeAt() const {
  if (agenda_.empty()) return reconsider_at_;
  return std::min(agenda_.begin()->first, reconsider_at_);
}

Duration FailureDetector::Patience(const Peer& peer) const {
  return std::clamp(options_.gaps * peer.state.average_gap, options_.floor, options_.ceiling);
}

std::optional<Suspicion> FailureDetector::Evidence(const Peer& peer, Instant now) const {
  if (peer.refused) return Suspicion::kRefused;
  if (now >= peer.silent_at) return Suspicion::kSilent;
  if (peer.heard_us_before > options_.ceiling) return Suspicion::kDoesNotHearUs;
  return std::nullopt;
}

// Counts a link that is half way to suspicion: when the first peer's patience ends, the frames of
// the others stopped just as long ago, though their patience ends a little later. Two links at
// least: one silent peer is not "most peers". Peers never heard did not fall silent.
bool FailureDetector::MostFellSilentTogether(Instant now) const {
  size_t talking = 0;
  size_t fading = 0;
  for (const auto& [id, peer] : peers_) {
    if (peer.state.health == Health::kSuspect || peer.refused || !peer.state.heard_at) continue;
    ++talking;
    const bool silent = now - *peer.state.heard_at > Patience(peer) / 2;
    const bool deaf = peer.heard_us_before > options_.ceiling / 2;
    if (silent || deaf) ++fading;
  }
  return fading >= 2 && 2 * fading > talking;
}

// Until when the evidence against `peer` is held back; nullopt if no longer, or not at all. The
// delay counts from when the evidence was first *seen*: after we were stopped, that is now.
std::optional<Instant> FailureDetector::DoubtedUntil(NodeId peer, Suspicion why, Instant now) {
  if (why == Suspicion::kRefused) return std::nullopt;
  const auto doubted = doubted_.find(peer);
  const Instant since = doubted == doubted_.end() ? now : doubted->second;
  const Instant latest = since + options_.max_doubt;
  const Instant until = most_silent_ ? latest : std::min(latest, late_until_);
  if (until <= now) return std::nullopt;
  doubted_.emplace(peer, since);
  return until;
}

std::optional<HealthChange> FailureDetector::Grade(Peers::iterator it, Instant now) {
  const NodeId peer = it->first;
  PeerState& state = it->second.state;
  const auto evidence = Evidence(it->second, now);
  const Health to = evidence ? Health::kSuspect : Health::kAlive;

  if (to == Health::kSuspect && state.health == Health::kAlive) {
    if (const auto until = DoubtedUntil(peer, *evidence, now)) {
      WakeAt(it, *until);
      return std::nullopt;
    }
  }
  doubted_.erase(peer);
  WakeAt(it, to == Health::kSuspect ? Instant::max() : it->second.silent_at);
  if (to == state.health) return std::nullopt;

  state.health = to;
  state.why = evidence;
  state.since = now;
  return HealthChange{.peer = peer, .to = to, .why = evidence};
}

// Puts the peer on the agenda after its evidence changed: now if its health may change, else when
// its patience ends.
void FailureDetector::Reschedule(Peers::iterator it, Instant now) {
  if (most_silent_ && !doubted_.empty()) reconsider_at_ = std::min(reconsider_at_, now);

  const auto evidence = Evidence(it->second, now);
  const bool suspected = it->second.state.health == Health::kSuspect;
  if (!evidence) {
    doubted_.erase(it->first);
    WakeAt(it, suspected ? now : it->second.silent_at);
  } else if (suspected) {
    WakeAt(it, Instant::max());
  } else if (*evidence == Suspicion::kRefused || !doubted_.contains(it->first)) {
    WakeAt(it, now);
  }
}

void FailureDetector::WakeAt(Peers::iterator it, Instant at) {
  if (it->second.wake_at == at) return;
  auto entry = agenda_.extract({it->second.wake_at, it->first});
  entry.value().first = at;
  agenda_.insert(std::move(entry));
  it->second.wake_at = at;
}

}  // namespace kvd::heartbeat
