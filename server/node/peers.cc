#include "server/node/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kvd::node {
namespace {

using heartbeat::Health;
using heartbeat::Suspicion;

std::string Milliseconds(Duration duration) {
  return fmt::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

std::string ReasonForPeople(Suspicion why) {
  return why == Suspicion::kRefused ? "connection refused" : std::string(SuspicionName(why));
}

}  // namespace

Peers::Peers(Options options, Shard shard, const topology::Topology& topology, NodeId self,
             Instant now)
    : options_(options), shard_(shard), detector_(options.detector), beat_at_(now) {
  SetMembers(topology, self, now);
}

void Peers::SetMembers(const topology::Topology& topology, NodeId self, Instant now) {
  std::erase_if(peers_, [&](const auto& each) {
    if (topology.Find(each.first) != nullptr) return false;
    detector_.Remove(each.first);
    return true;
  });
  if (peers_.empty()) beat_at_ = now;  // Nobody waited for a beat, so none is late.
  for (const topology::Member& member : topology.members) {
    if (member.id == self) continue;
    peers_[member.id].name = member.card.name;
    detector_.Add(member.id, now);
  }
}

void Peers::OnLinkUp(NodeId peer) {
  if (const auto it = peers_.find(peer); it != peers_.end()) it->second.linked = true;
}

void Peers::OnLinkDown(NodeId peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second.linked = false;
  it->second.stamps.clear();
  for (auto& [shard, heartbeat] : it->second.told) heartbeat.seen = 0;
}

void Peers::OnRefused(NodeId peer, Instant now) {
  detector_.Refused(peer, now);
}

bool Peers::OnFrame(NodeId peer, const topology::Boot& boot,
                    const std::optional<Heartbeat>& heartbeat, Instant now) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return false;
  const auto before = std::exchange(it->second.boot, boot);
  const bool is_restarted = before && *before != boot;
  // It may have other shards now, and this shard may not hear all of them.
  if (is_restarted) it->second.told.clear();
  detector_.Heard(peer, now);
  if (heartbeat) {
    detector_.PeerHeardUs(peer, heartbeat->heard_ago, now);
    it->second.told.insert_or_assign(heartbeat->shard.index, *heartbeat);
    constexpr size_t kRemembered = 32;
    if (heartbeat->sent != 0) it->second.stamps.emplace_back(heartbeat->sent, now);
    if (it->second.stamps.size() > kRemembered) it->second.stamps.pop_front();
  }
  return is_restarted;
}

Peers::Changes Peers::Advance(Instant now) {
  Changes changes{.health = detector_.Advance(now), .log = {}};
  for (const heartbeat::HealthChange& change : changes.health) {
    const auto state = detector_.Describe(change.peer);
    LogLine line{LogLevel::kInfo, "heartbeat", "peer is heard again", {}};
    if (change.to == Health::kSuspect) {
      ++peers_.at(change.peer).suspicions;
      line.level = LogLevel::kWarn;
      line.message = fmt::format("peer suspected, {}", ReasonForPeople(*change.why));
    }
    line.fields.emplace_back("peer", peers_.at(change.peer).name);
    if (change.to == Health::kSuspect && state->heard_at) {
      line.fields.emplace_back("silent_ms", Milliseconds(now - *state->heard_at));
      line.fields.emplace_back("gap_ms", Milliseconds(state->average_gap));
    }
    changes.log.push_back(std::move(line));
  }
  return changes;
}

bool Peers::IsTimeToBeat(Instant now, bool awake) {
  const Duration early = awake ? options_.heartbeat_interval / 2 : Duration{};
  if (now + early < beat_at_) return false;
  if (!peers_.empty()) lateness_.Note(now - beat_at_, now);
  beat_at_ = std::min(beat_at_, now) + options_.heartbeat_interval;
  // Late beats are not made up for: two in a row would teach the peer a rhythm that is not ours.
  if (beat_at_ <= now) beat_at_ = now + options_.heartbeat_interval;
  return true;
}

std::optional<Duration> Peers::HeardAgo(NodeId peer, Instant now) const {
  const auto state = detector_.Describe(peer);
  if (!state || !state->heard_at) return std::nullopt;
  return now - *state->heard_at;
}

bool Peers::IsFit(NodeId peer) const {
  const auto it = peers_.find(peer);
  if (it == peers_.end() || it->second.told.empty()) return false;
  return std::ranges::none_of(
      it->second.told, [](const auto& each) { return each.second.draining || each.second.unfit; });
}

uint64_t Peers::Behind() const {
  uint64_t behind = 0;
  for (const auto& [id, peer] : peers_) {
    for (const auto& [shard, told] : peer.told) behind += peer.linked ? told.behind : 0;
  }
  return behind;
}

bool Peers::IsReachable(NodeId peer) const {
  const auto it = peers_.find(peer);
  return it != peers_.end() && it->second.linked && detector_.Of(peer) == Health::kAlive;
}

std::map<NodeId, Duration> Peers::Silences(Instant now) const {
  std::map<NodeId, Duration> silences;
  for (const auto& [id, peer] : peers_) {
    const auto state = detector_.Describe(id);
    if (!state || state->health == Health::kAlive) continue;
    silences.emplace(id, now - state->heard_at.value_or(state->since));
  }
  return silences;
}

std::string Peers::WhyUnreachable(NodeId peer) const {
  const auto state = detector_.Describe(peer);
  if (state && state->why) return ReasonForPeople(*state->why);
  return "not connected";
}

void Peers::Describe(NodeId peer, Instant now, NodeView& view) const {
  const auto it = peers_.find(peer);
  const auto state = detector_.Describe(peer);
  if (it == peers_.end() || !state) return;
  view.average_gap = state->average_gap;
  view.suspicions = it->second.suspicions;
  bool draining = false;
  for (const auto& [shard, told] : it->second.told) {
    const uint64_t keys = view.load ? view.load->keys : 0;
    if (!view.load) view.load = told.load;
    view.load->keys = keys + told.load.keys;
    draining = draining || told.draining;
  }
  if (state->health == Health::kAlive && it->second.linked) {
    view.state = draining ? NodeState::kDraining : NodeState::kUp;
    return;
  }
  view.silent = now - state->heard_at.value_or(state->since);
  view.silent_reason = WhyUnreachable(peer);
  const bool surely =
      state->why == Suspicion::kRefused || now - state->since >= options_.down_after;
  view.state = surely && state->health == Health::kSuspect ? NodeState::kDown : NodeState::kSuspect;
}

void Peers::Stamp(NodeId peer, Instant led_since, Instant now, Heartbeat& heartbeat) const {
  heartbeat.sent = static_cast<uint64_t>(now.time_since_epoch().count());
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  for (const auto& [stamp, arrived] : it->second.stamps) {
    heartbeat.seen = stamp;
    if (arrived <= led_since) heartbeat.settled = stamp;
  }
}

Instant Peers::SeenBy(NodeId peer) const {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return Instant::min();
  const auto told = it->second.told.find(shard_.index);
  if (told == it->second.told.end() || told->second.seen == 0) return Instant::min();
  return Instant(Duration(told->second.seen));
}

std::vector<NodeId> Peers::ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, peer] : peers_) ids.push_back(id);
  return ids;
}

Instant Peers::NextWakeAt() const {
  if (peers_.empty()) return Instant::max();
  return std::min(beat_at_, detector_.NextChangeAt());
}

}  // namespace kvd::node
