#include "server/node/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::node {
Node::Node(Options options, Instant now)
    : options_(std::move(options)),
      started_at_(now),
      founding_(options_.founding),
      requests_((options_.founding.boot.counter << 40U) + 1) {
  if (founding_.topology() != nullptr) Adopt(now);
  TakeFoundingEffects(now);
}

Node::~Node() = default;

void Node::Advance(Instant now) {
  founding_.Advance(now);
  TakeFoundingEffects(now);
  Expire(now);
  if (!peers_) return;
  for (LogLine& line : peers_->Advance(now)) effects_.log.push_back(std::move(line));
  if (peers_->IsTimeToBeat(now)) Beat(now);
}

Instant Node::NextWakeAt() const {
  const Instant wake = std::min(founding_.NextWakeAt(), requests_.NextDeadline());
  return peers_ ? std::min(wake, peers_->NextWakeAt()) : wake;
}

Effects Node::TakeEffects() {
  Effects effects = std::exchange(effects_, {});
  for (auto& [group, write] : std::exchange(appends_, {})) {
    effects.appends.push_back(std::move(write));
  }
  for (auto& [peer, frame] : std::exchange(outbox_, {})) {
    frame.envelope = EnvelopeTo(peer);
    effects.frames.emplace_back(peer, std::move(frame));
  }
  return effects;
}

void Node::OnHello(topology::HelloId id, const topology::HelloRequest& request, Instant now) {
  founding_.OnHello(id, request);
  TakeFoundingEffects(now);
}

void Node::OnHelloAnswer(const std::string& name, const topology::HelloResponse& response,
                         Instant now) {
  founding_.OnHelloAnswer(name, response);
  TakeFoundingEffects(now);
}

void Node::OnBound(Instant now) {
  founding_.OnBound();
  TakeFoundingEffects(now);
}

void Node::OnTopologyStored(Instant now) {
  founding_.OnStored();
  Adopt(now);
  TakeFoundingEffects(now);
}

void Node::TakeFoundingEffects(Instant) {
  topology::FoundingEffects effects = founding_.TakeEffects();
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(effects_.founding.greetings, effects.greetings);
  append(effects_.founding.answers, effects.answers);
  append(effects_.log, effects.log);
  if (effects.bind) effects_.founding.bind = effects.bind;
  if (effects.store) effects_.founding.store = std::move(effects.store);
}

void Node::Adopt(Instant now) {
  const topology::Topology& topology = *founding_.topology();
  const topology::Member* self = topology.Find(options_.founding.self.uuid);
  KVD_CHECK(self != nullptr, "a node adopts only topologies of which it is a member");
  self_ = self->id;
  peers_.emplace(options_.peers, topology, self_, now);
  std::map<PartitionId, Index> last;  // What is recovered and not owned stays on disk, not served.
  for (const auto& recovered : options_.recovered) {
    KVD_CHECK_OP(<, recovered.last_term, options_.founding.boot.counter);
    last[recovered.partition] = recovered.last;
    keys_[recovered.partition] = recovered.keys;
  }
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    const PartitionId partition{p};
    const topology::Replica& replica = topology.PreferredOwner(partition);
    if (replica.node != self_) continue;
    owners_.emplace(partition, Owner({.partition = partition,
                                      .replica = replica.id,
                                      .term = options_.founding.boot.counter,
                                      .last = last[partition]}));
  }
  effects_.links = MakeLinkSet();
}

LinkSet Node::MakeLinkSet() const {
  LinkSet links{.cluster_id = founding_.topology()->cluster_id, .targets = {}};
  for (const topology::Member& member : founding_.topology()->members) {
    if (member.id == self_) continue;
    LinkTarget target{.id = member.id,
                      .uuid = member.card.uuid,
                      .name = member.card.name,
                      .peer_address = member.card.peer_address,
                      .dial = self_ < member.id};
    // The file may know a newer address than the founding did.
    for (const auto& listed : options_.founding.peers) {
      if (listed.name == member.card.name) target.peer_address = listed.peer_address;
    }
    links.targets.push_back(std::move(target));
  }
  return links;
}

void Node::OnLinkUp(NodeId peer, Instant now) {
  if (!peers_) return;
  peers_->OnLinkUp(peer);
  // Speak at once: the other side need not wait for the next beat to know that the link works.
  FrameTo(peer).heartbeat = peers_->MakeHeartbeat(peer, MakeLoad(now), draining_, now);
}

void Node::OnLinkDown(NodeId peer, Instant) {
  if (!peers_) return;
  peers_->OnLinkDown(peer);
  outbox_.erase(peer);
  for (const Request& request : requests_.TakeAllForwardedTo(peer)) {
    Reply(request, Lost(request, fmt::format("the connection to {} broke", NameOf(peer))));
  }
}

void Node::OnRefused(NodeId peer, Instant now) {
  if (peers_) peers_->OnRefused(peer, now);
}

void Node::OnFrame(NodeId peer, const Frame& frame, Instant now) {
  if (!peers_) return;
  const topology::Member* sender = founding_.topology()->Find(peer);
  const auto& envelope = frame.envelope;
  auto refusal = CheckEnvelope(envelope, founding_.topology()->cluster_id, options_.founding.self);
  if (refusal || sender == nullptr || envelope.from != sender->card.uuid) {
    effects_.log.push_back({LogLevel::kWarn,
                            "node",
                            refusal ? "peer frame dropped, it is not for this node"
                                    : "peer frame dropped, unknown sender",
                            {{"peer", NameOf(peer)}, {"from", envelope.from.ToString()}}});
    return;
  }
  peers_->OnFrame(peer, frame.heartbeat, now);
  for (const Forward& forward : frame.forwards) OnForward(peer, forward, now);
  for (const ForwardReply& reply : frame.replies) OnForwardReply(peer, reply);
}

void Node::Beat(Instant now) {
  for (const NodeId peer : peers_->ids()) {
    FrameTo(peer).heartbeat = peers_->MakeHeartbeat(peer, MakeLoad(now), draining_, now);
  }
}

Load Node::MakeLoad(Instant now) const {
  uint64_t keys = 0;
  for (const auto& [partition, count] : keys_) keys += count;
  return {
      .keys = keys, .disk_bytes = disk_bytes_, .uptime = now - started_at_, .version = KVD_VERSION};
}

Frame& Node::FrameTo(NodeId peer) {
  return outbox_[peer];
}

topology::Envelope Node::EnvelopeTo(NodeId peer) const {
  const topology::Topology& topology = *founding_.topology();
  const topology::Member* member = topology.Find(peer);
  KVD_CHECK(member != nullptr, "frames go to members only");
  return {.cluster_id = topology.cluster_id,
          .from = options_.founding.self.uuid,
          .from_boot = options_.founding.boot,
          .to = member->card.uuid,
          .epoch = topology.epoch};
}

std::string Node::NameOf(NodeId id) const {
  const topology::Member* member =
      founding_.topology() != nullptr ? founding_.topology()->Find(id) : nullptr;
  return member != nullptr ? member->card.name : fmt::format("node {}", id.value);
}

void Node::OnDisk(uint64_t used_bytes, bool full, Instant) {
  if (full != disk_full_) {
    effects_.log.push_back(
        {full ? LogLevel::kError : LogLevel::kInfo,
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
  draining_ = true;
  if (peers_) Beat(now);
}

void Node::StopAccepting() {
  accepting_ = false;
}

}  // namespace kvd::node
