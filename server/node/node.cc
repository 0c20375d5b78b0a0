#include "server/node/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/hash.h"

namespace kvd::node {

Node::Node(Options options, Instant now)
    : options_(std::move(options)),
      started_at_(now),
      now_(now),
      founding_(options_.founding),
      system_(options_.system),
      snapshots_(options_.snapshots, options_.shard, options_.founding.boot.counter << 40U),
      handback_(options_.handback),
      client_id_((Hash64(options_.founding.self.uuid.ToBytes()) ^ options_.founding.boot.nonce) +
                 options_.shard.index),
      requests_(options_.shard, options_.founding.boot.counter << 40U),
      hand_back_at_(now),
      inquire_at_(now),
      seek_at_(now) {
  if (founding_.topology() != nullptr) Adopt(now);
  TakeFoundingEffects();
  effects_.asides.clear();  // The others have it from the disk, too.
}

Node::~Node() = default;

void Node::Advance(Instant now) {
  now_ = now;
  if (is_first()) founding_.Advance(now);
  TakeFoundingEffects();
  Expire(now);
  if (!peers_) return;
  Peers::Changes changes = peers_->Advance(now);
  for (LogLine& line : changes.log) Say(std::move(line));
  for (const heartbeat::HealthChange& change : changes.health) NoteHealth(change, now);
  replicas_->Advance(now);
  snapshots_.Advance(now);
  if (!departed_.empty()) ForgetDeparted(now);
  if (now >= retry_at_) {
    retry_at_ = Instant::max();
    RouteAll(requests_.Waiting(), now);
  }
  if (peers_->IsTimeToBeat(now)) Beat(now);
}

Instant Node::NextWakeAt() const {
  Instant wake = std::min(requests_.NextDeadline(), retry_at_);
  if (is_first()) wake = std::min(wake, founding_.NextWakeAt());
  if (!unconfirmed_.empty()) wake = std::min(wake, confirm_at_);
  if (!peers_) return wake;
  return std::min({wake, peers_->NextWakeAt(), replicas_->NextWakeAt(), snapshots_.NextWakeAt(),
                   system_.NextWakeAt()});
}

Effects Node::TakeEffects() {
  Settle();
  Effects effects = std::exchange(effects_, {});
  for (auto at = outbox_.begin(); at != outbox_.end();) {
    auto& [peer, frame] = *at;
    // A configuration may name nodes of an epoch that is not here yet.
    if (founding_.topology()->Find(peer) == nullptr && !departed_.contains(peer)) {
      at = outbox_.erase(at);
      continue;
    }
    if (CanWait(peer, frame)) {
      ++at;
      continue;
    }
    frame.envelope = EnvelopeTo(peer);
    effects.frames.emplace_back(peer, std::move(frame));
    answer_now_.erase(peer);
    at = outbox_.erase(at);
  }
  return effects;
}

// Answers to heartbeats go with our own next one: half as many frames, and nobody waits for them
// unless the peer says so.
bool Node::CanWait(NodeId peer, const Frame& frame) const {
  if (!frame.HasOnlyRaft() || answer_now_.contains(peer)) return false;
  return std::ranges::all_of(frame.raft, [](const GroupMessage& message) {
    return std::holds_alternative<raft::BeatReply>(message.message.body);
  });
}

void Node::OnHello(topology::HelloId id, const topology::HelloRequest& request, Instant now) {
  now_ = now;
  founding_.OnHello(id, request);
  TakeFoundingEffects();
}

void Node::OnHelloAnswer(const std::string& name, const topology::HelloResponse& response,
                         Instant now) {
  now_ = now;
  founding_.OnHelloAnswer(name, response);
  TakeFoundingEffects();
}

void Node::OnBound(Instant now) {
  now_ = now;
  founding_.OnBound();
  TakeFoundingEffects();
}

void Node::OnTopologyStored(Instant now) {
  now_ = now;
  founding_.OnStored();
  AdoptNewest(now);
  TakeFoundingEffects();
}

void Node::OnAside(Aside aside, Instant now) {
  now_ = now;
  if (aside.topology) {
    founding_.TakeOver(*std::move(aside.topology));
    AdoptNewest(now);
  }
  if (has_left_) return;
  KVD_CHECK(peers_.has_value(), "the topology comes before what depends on it");
  if (aside.boots) {
    boots_ = std::move(aside.boots);
    HearAgain(now);
  }
  OnMembership(self_, EnvelopeTo(self_), aside.membership, now);
}

void Node::AdoptNewest(Instant now) {
  if (peers_) return AdoptNext(now);
  Adopt(now);
}

void Node::TellOthers(const std::function<void(Aside&)>& tell) {
  for (uint32_t shard = 0; shard < options_.shard.count; ++shard) {
    if (shard != options_.shard.index) tell(effects_.asides[shard]);
  }
}

// What all shards would say.
void Node::Say(LogLine line) {
  if (is_first()) effects_.log.push_back(std::move(line));
}

// For another node, or for the first shard of this one.
Membership& Node::WordsFor(NodeId node) {
  return node == self_ ? effects_.asides[kFirstShard].membership : FrameTo(node).membership;
}

void Node::TakeFoundingEffects() {
  if (!is_first()) return;
  topology::FoundingEffects effects = founding_.TakeEffects();
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(effects_.founding.greetings, effects.greetings);
  append(effects_.founding.answers, effects.answers);
  append(effects_.log, effects.log);
  if (effects.bind) effects_.founding.bind = effects.bind;
  if (effects.store) effects_.founding.store = std::move(effects.store);
  for (const topology::NodeCard& card : effects.announced) Announce(card);
  if (effects.newer) Supersede(*effects.newer);
}

void Node::Adopt(Instant now) {
  const topology::Topology& topology = *founding_.topology();
  const topology::Member* self = topology.Find(options_.founding.self.uuid);
  KVD_CHECK(self != nullptr, "a node adopts only topologies of which it is a member");
  self_ = self->id;
  members_ = topology.members;
  boots_ = std::move(options_.boots).value_or(topology::Boots(topology.cluster_id));
  peers_.emplace(options_.peers, options_.shard, topology, self_, now);
  AddReplicas(now);
  PublishTopology();
}

// The other shards go by it, and links follow it.
void Node::PublishTopology() {
  if (!is_first()) return;
  TellOthers([&](Aside& aside) { aside.topology = *founding_.topology(); });
  effects_.links = MakeLinkSet();
}

LinkSet Node::MakeLinkSet() const {
  LinkSet links{.cluster_id = founding_.topology()->cluster_id,
                .targets = {},
                .removed = founding_.topology()->removed};
  for (const topology::Member& member : founding_.topology()->members) {
    if (member.id == self_) continue;
    LinkTarget target{.id = member.id,
                      .uuid = member.card.uuid,
                      .name = member.card.name,
                      .peer_address = member.card.peer_address,
                      .dial = self_ < member.id};
    // The file, and still more so the node itself, may know sooner than the cluster that it moved.
    for (const auto& listed : options_.founding.peers) {
      if (listed.name != member.card.name || listed.peer_address == target.peer_address) continue;
      target.other_address = listed.peer_address;
    }
    const auto said = said_to_be_at_.find(member.id);
    if (said != said_to_be_at_.end() && said->second != target.peer_address) {
      target.other_address = said->second;
    }
    links.targets.push_back(std::move(target));
  }
  for (const auto& [id, departed] : departed_) {
    links.targets.push_back({.id = id,
                             .uuid = departed.member.card.uuid,
                             .name = departed.member.card.name,
                             .peer_address = departed.member.card.peer_address,
                             .dial = self_ < id});
  }
  return links;
}

void Node::OnLinkUp(NodeId peer, Instant now) {
  now_ = now;
  if (!peers_) return;
  peers_->OnLinkUp(peer);
  // Speak at once: the other side need not wait for the next beat to know that the link works.
  FrameTo(peer).heartbeat = MakeHeartbeat(peer, MakeLoad(now), now);
  replicas_->Beat(peer, FrameTo(peer));
  replicas_->CampaignWhereLeaderless([this](NodeId id) { return IsReachable(id); }, now);
}

void Node::OnLinkDown(NodeId peer, Instant now) {
  now_ = now;
  if (!peers_) return;
  peers_->OnLinkDown(peer);
  outbox_.erase(peer);
  std::erase_if(unheard_, [peer](const auto& each) { return each.first == peer; });
  replicas_->OnLinkDown(peer);
  snapshots_.OnLinkDown(peer);
  GiveUpOn(peer, now);
}

// What was forwarded there is tried elsewhere: under its request id it is applied at most once.
void Node::GiveUpOn(NodeId peer, Instant now) {
  for (const Ticket ticket : requests_.ForwardedTo(peer)) {
    Request& request = *requests_.Find(ticket);
    request.maybe_applied = request.maybe_applied || request.is_write();
    RouteElsewhere(ticket, now);
  }
}

void Node::OnRefused(NodeId peer, Instant now) {
  now_ = now;
  if (peers_) peers_->OnRefused(peer, now);
}

void Node::NoteHealth(const heartbeat::HealthChange& change, Instant now) {
  handback_.Observe(change, now);
  const auto is_alive = [this](NodeId id) { return IsReachable(id); };
  if (change.to == heartbeat::Health::kAlive) {
    return replicas_->CampaignWhereLeaderless(is_alive, now);
  }
  if (!IsUnfit(now)) replicas_->OnSuspected(change.peer, is_alive, now);
  GiveUpOn(change.peer, now);
}

// Too fast to be suspected: what it led has no leader, though its followers heard one just now.
void Node::NoteRestart(NodeId peer, Instant now) {
  if (IsUnfit(now)) return;
  replicas_->OnSuspected(
      peer, [this](NodeId id) { return IsReachable(id); }, now);
}

void Node::OnFrame(NodeId peer, Frame frame, Instant now) {
  now_ = now;
  if (!peers_) return;
  const topology::Member* sender = founding_.topology()->Find(peer);
  const auto& envelope = frame.envelope;
  auto refusal = CheckEnvelope(envelope, founding_.topology()->cluster_id, options_.founding.self);
  if (departed_.contains(peer)) return;
  if (refusal || sender == nullptr || envelope.from != sender->card.uuid) {
    effects_.log.push_back({LogLevel::kWarn,
                            "node",
                            refusal ? "peer frame dropped, it is not for this node"
                                    : "peer frame dropped, unknown sender",
                            {{"peer", NameOf(peer)}, {"from", envelope.from.ToString()}}});
    return;
  }
  if (!HearBoot(peer, frame)) return;
  if (peers_->OnFrame(peer, envelope.from_boot, frame.heartbeat, now)) NoteRestart(peer, now);
  if (frame.reply_now) answer_now_.insert(peer);
  const uint64_t settled = frame.heartbeat ? frame.heartbeat->settled : 0;
  // It is a stamp of ours: of the past, whatever the peer says.
  const bool is_stamp =
      settled != 0 && settled <= static_cast<uint64_t>(now.time_since_epoch().count());
  const Instant as_of = is_stamp ? Instant(Duration(settled)) : Instant::min();
  for (const GroupMessage& message : frame.raft) {
    if (!replicas_->Step(peer, message, as_of, now)) AnswerForAbsent(peer, message);
  }
  CompareEpochs(peer, envelope, frame.membership);
  OnMembership(peer, envelope, frame.membership, now);
  for (Forward& forward : frame.forwards) OnForward(peer, std::move(forward), now);
  for (ForwardReply& reply : frame.replies) OnForwardReply(peer, std::move(reply), now);
  for (const SnapshotAck& ack : frame.chunk_acks) snapshots_.OnAck(peer, ack, now);
  for (SnapshotChunk& chunk : frame.chunks) {
    if (replicas_->Holds(chunk.group, chunk.to)) snapshots_.OnChunk(peer, std::move(chunk));
  }
  if (frame.heartbeat && peers_->IsTimeToBeat(now, /*awake=*/true)) Beat(now);
}

void Node::Beat(Instant now) {
  GiveAwayIfUnfit(now);
  const Load load = MakeLoad(now);
  std::optional<Instant> led_since;
  for (const NodeId peer : peers_->ids()) {
    Frame& frame = FrameTo(peer);
    frame.heartbeat = MakeHeartbeat(peer, load, now);
    const bool has_lines = replicas_->Beat(peer, frame);
    if (has_lines && !led_since) {
      led_since = replicas_->LedSince([this](NodeId id) { return peers_->SeenBy(id); }, now);
    }
    peers_->Stamp(peer, has_lines ? *led_since : Instant::min(), now, *frame.heartbeat);
  }
  Inquire(now);
  SeekSilent();
}

Heartbeat Node::MakeHeartbeat(NodeId peer, const Load& load, Instant now) const {
  Heartbeat heartbeat{.shard = options_.shard,
                      .heard_ago = peers_->HeardAgo(peer, now),
                      .load = load,
                      .behind = replicas_->BehindOf(peer)};
  heartbeat.draining = draining_;
  heartbeat.unfit = IsUnfit(now);
  return heartbeat;
}

bool Node::IsUnfit(Instant now) const {
  return draining_ || disk_full_ || now < stalled_until_;
}

// Those to whom leadership can be given: they say so, and are heard.
Replicas::IsAlive Node::MayLead() const {
  return [this](NodeId id) { return IsReachable(id) && peers_->IsFit(id); };
}

void Node::GiveAwayIfUnfit(Instant now) {
  const auto oldest = replicas_->OldestWrite();
  if (oldest && now - *oldest > options_.stalled_after) {
    if (now >= stalled_until_) {
      effects_.log.push_back(
          {LogLevel::kError,
           "node",
           "the disk is stalled, a write to the log takes too long: handing over "
           "the partitions owned here",
           {}});
    }
    stalled_until_ = now + options_.stall_pause;
  }
  if (IsUnfit(now)) return replicas_->GiveAway(MayLead(), now);
  if (now < hand_back_at_) return;
  hand_back_at_ = now + options_.replicas.rebalance_every;
  replicas_->HandBack([this, now, may_lead = MayLead()](
                          NodeId id) { return may_lead(id) && handback_.MayOwnAt(id) <= now; },
                      now);
}

Load Node::MakeLoad(Instant now) const {
  uint64_t keys = 0;
  for (const auto& [partition, waiters] : waiters_) {
    if (partition != topology::kSystemPartition) keys += waiters.keys;
  }
  return {.keys = keys,
          .disk_bytes = disk_bytes_,
          .behind = peers_ && is_first() ? peers_->Behind() : 0,
          .uptime = now - started_at_,
          .version = KVD_VERSION};
}

Frame& Node::FrameTo(NodeId peer) {
  return outbox_[peer];
}

topology::Envelope Node::EnvelopeTo(NodeId peer) const {
  const topology::Topology& topology = *founding_.topology();
  const topology::Member* member = topology.Find(peer);
  const auto departed = departed_.find(peer);
  KVD_CHECK(member != nullptr || departed != departed_.end(), "frames go to members only");
  return {.cluster_id = topology.cluster_id,
          .from = options_.founding.self.uuid,
          .from_boot = options_.founding.boot,
          .to = member != nullptr ? member->card.uuid : departed->second.member.card.uuid,
          .epoch = topology.epoch};
}

std::string Node::NameOf(NodeId id) const {
  const topology::Member* member =
      founding_.topology() != nullptr ? founding_.topology()->Find(id) : nullptr;
  return member != nullptr ? member->card.name : fmt::format("node {}", id.value);
}

void Node::OnDisk(uint64_t used_bytes, const topology::Disk& disk, bool full, Instant now) {
  now_ = now;
  disk_ = disk;
  if (full != disk_full_) {
    Say({full ? LogLevel::kError : LogLevel::kInfo,
         "node",
         full ? "disk is full (storage.min_free), puts are refused until it is not"
              : "disk has room again, puts are accepted",
         {}});
  }
  disk_full_ = full;
  disk_bytes_ = used_bytes;
}

void Node::SetLimits(const Limits& limits) {
  options_.limits = limits;
}

void Node::StartDraining(Instant now) {
  now_ = now;
  draining_ = true;
  if (peers_) Beat(now);
}

bool Node::HasHandedOver() const {
  if (!replicas_ || replicas_->CountLed() == 0) return true;
  const auto ids = peers_->ids();
  return std::ranges::none_of(ids, MayLead());
}

void Node::StopAccepting() {
  accepting_ = false;
}

}  // namespace kvd::node
