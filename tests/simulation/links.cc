#include "tests/simulation/links.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::simulation {
namespace {

constexpr Duration kRetryEvery = std::chrono::milliseconds(50);
constexpr Duration kConnectTimeout = std::chrono::milliseconds(500);
constexpr Duration kLookAgain = std::chrono::milliseconds(20);

// As rpc's FrameQueue counts, about.
uint64_t SizeOf(const node::GroupMessage& message) {
  uint64_t bytes = 64;
  const auto* append = std::get_if<raft::AppendRequest>(&message.message.body);
  if (append == nullptr) return bytes;
  for (const storage::Entry& entry : append->entries) bytes += 64 + entry.payload.size();
  return bytes;
}

uint64_t SizeOf(const node::Frame& frame) {
  uint64_t bytes = 0;
  for (const node::Forward& forward : frame.forwards) {
    bytes += 64 + node::SizeOf(forward.operation);
  }
  for (const node::ForwardReply& reply : frame.replies) {
    const auto* found = std::get_if<node::Found>(&reply.result);
    bytes += 64 + (found != nullptr ? found->value.size() : 0);
  }
  for (const node::GroupMessage& message : frame.raft) bytes += SizeOf(message);
  for (const node::SnapshotChunk& chunk : frame.chunks) bytes += 64 + chunk.bytes.size();
  return bytes;
}

std::vector<uint64_t> IdsOf(const std::vector<node::Forward>& forwards) {
  std::vector<uint64_t> ids;
  for (const node::Forward& forward : forwards) ids.push_back(forward.id);
  return ids;
}

}  // namespace

Links::Links(World& world, Network& network, const Swarm& swarm)
    : world_(world), network_(network), swarm_(swarm) {}

void Links::Attach(HostId host, const std::string& address, const Uuid& uuid, LinkUser& user) {
  Seat& seat = seats_[host];
  KVD_CHECK(seat.user == nullptr, "one process per machine");
  seat.address = address;
  seat.uuid = uuid;
  seat.user = &user;
  ++seat.run;
}

void Links::Detach(HostId host) {
  for (const LinkPtr& link : std::vector<LinkPtr>(links_)) {
    if (link->ends[0].host == host || link->ends[1].host == host) Break(link);
  }
  Seat& seat = seats_.at(host);
  seat.user = nullptr;
  seat.peers.clear();
}

void Links::SetTargets(HostId host, const node::LinkSet& links) {
  Seat& seat = seats_.at(host);
  seat.cluster_id = links.cluster_id;
  std::vector<NodeId> gone;
  for (const auto& [id, peer] : seat.peers) {
    if (std::ranges::find(links.targets, peer.target) == links.targets.end()) gone.push_back(id);
  }
  for (const NodeId id : gone) CutOff(seat, id);
  for (const node::LinkTarget& target : links.targets) {
    const auto [peer, fresh] = seat.peers.try_emplace(target.id);
    if (!fresh) continue;
    peer->second.target = target;
    peer->second.number = ++seat.last_number;
    KnockLater(host, seat.run, target.id, Duration::zero());
  }
}

void Links::CutOff(Seat& seat, NodeId id) {
  const Peer peer = std::move(seat.peers.extract(id).mapped());
  if (peer.dialling != nullptr) Break(peer.dialling);
  if (peer.link == nullptr) return;
  Break(peer.link);
  seat.user->OnLinkDown(id);
}

Links::Peer* Links::PeerAt(Seat& seat, NodeId id) {
  const auto peer = seat.peers.find(id);
  return peer == seat.peers.end() ? nullptr : &peer->second;
}

LinkUser* Links::UserAt(const End& end) {
  const Seat& seat = seats_.at(end.host);
  return seat.run == end.run ? seat.user : nullptr;
}

// Of whoever listens there, or did last; nullopt: nobody ever did.
std::optional<HostId> Links::ListenerAt(const std::string& address) const {
  for (const auto& [host, seat] : seats_) {
    if (seat.address == address) return host;
  }
  return std::nullopt;
}

void Links::KnockLater(HostId host, uint64_t run, NodeId id, Duration delay) {
  Peer& peer = seats_.at(host).peers.at(id);
  peer.knocking = true;
  world_.After(delay, [=, this, number = peer.number] { Knock(host, run, id, number); });
}

void Links::Knock(HostId host, uint64_t run, NodeId id, uint64_t number) {
  Seat& seat = seats_.at(host);
  if (seat.run != run || seat.user == nullptr) return;
  Peer* found = PeerAt(seat, id);
  if (found == nullptr || found->number != number) return;
  Peer& peer = *found;
  peer.knocking = false;
  if (peer.link != nullptr) return;
  if (seat.user->IsPaused()) return KnockLater(host, run, id, kRetryEvery);
  const bool elsewhere = !peer.target.other_address.empty() && ++peer.knocks % 2 == 0;
  const auto to = ListenerAt(elsewhere ? peer.target.other_address : peer.target.peer_address);
  if (!to) return KnockLater(host, run, id, kConnectTimeout);
  if (network_.IsCut(host, *to) || network_.IsCut(*to, host)) {
    return KnockLater(host, run, id, kConnectTimeout);
  }
  if (seats_.at(*to).user == nullptr) {
    seat.user->OnRefused(id);
  } else if (peer.target.dial && peer.dialling == nullptr) {
    Dial(host, id, *to);
  }
  KnockLater(host, run, id, kRetryEvery);
}

void Links::Dial(HostId host, NodeId id, HostId to) {
  const auto link = std::make_shared<Link>();
  Seat& seat = seats_.at(host);
  link->ends[0] = {.host = host, .run = seat.run, .peer = id, .arriving = {}};
  link->ends[1] = {.host = to, .run = seats_.at(to).run, .peer = {}, .arriving = {}};
  seat.peers.at(id).dialling = link;
  std::erase_if(links_, [](const LinkPtr& old) {
    return old->broken && old->ends[0].arriving.empty() && old->ends[1].arriving.empty();
  });
  links_.push_back(link);
  const Duration give_up_at = world_.now() + kConnectTimeout;
  world_.After(network_.DrawReliableDelay(), [=, this] { Accept(link, give_up_at); });
  world_.After(kConnectTimeout, [=, this] {
    Seat& dialler = seats_.at(host);
    if (dialler.run != link->ends[0].run || dialler.user == nullptr) return;
    Peer* peer = PeerAt(dialler, id);
    if (peer == nullptr || peer->dialling != link) return;  // It is open, or cut off.
    peer->dialling = nullptr;
    Break(link);
  });
}

void Links::Accept(const LinkPtr& link, Duration give_up_at) {
  const Seat& dialler = seats_.at(link->ends[0].host);
  LinkUser* user = UserAt(link->ends[1]);
  if (link->broken || user == nullptr || network_.IsCut(link->ends[0].host, link->ends[1].host)) {
    return;
  }
  if (user->IsPaused()) {
    if (world_.now() < give_up_at)
      world_.After(kLookAgain, [=, this] { Accept(link, give_up_at); });
    return;
  }
  Seat& seat = seats_.at(link->ends[1].host);
  const Peer* sought = PeerAt(seats_.at(link->ends[0].host), link->ends[0].peer);
  if (sought == nullptr || sought->target.uuid != seat.uuid) return;  // "This is somebody else."
  const auto known = std::ranges::find_if(seat.peers, [&](const auto& entry) {
    return entry.second.target.uuid == dialler.uuid && seat.cluster_id == dialler.cluster_id;
  });
  if (known == seat.peers.end()) return;  // "This node keeps no link with you."
  link->ends[1].peer = known->first;
  Put(link, 0, Kind::kOpen, {});
  Open(link, 1);
}

void Links::Send(HostId host, NodeId id, node::Frame frame) {
  Seat& seat = seats_.at(host);
  const auto peer = seat.peers.find(id);
  if (peer == seat.peers.end() || peer->second.link == nullptr) {
    if (!frame.forwards.empty()) seat.user->OnNotSent(IdsOf(frame.forwards));
    return;
  }
  const LinkPtr link = peer->second.link;
  const size_t towards = link->ends[0].host == host ? 1 : 0;
  uint64_t queued = 0;
  for (const Item& item : link->ends[towards].arriving) queued += item.bytes;
  if (!network_.is_calm() && queued != 0 && queued + SizeOf(frame) > swarm_.max_queued_bytes) {
    if (!frame.forwards.empty()) seat.user->OnNotSent(IdsOf(frame.forwards));
    frame.forwards.clear();
    frame.raft.clear();
    frame.membership = {};
    for (node::ForwardReply& reply : frame.replies) {
      if (std::holds_alternative<node::Found>(reply.result)) {
        reply.result = Refusal{.reason = Reason::kOverloaded, .message = "no room"};
      }
    }
  }
  DropSome(frame);
  if (!link->broken) Put(link, towards, Kind::kFrame, std::move(frame));
}

// Consensus is made for it.
void Links::DropSome(node::Frame& frame) {
  if (network_.is_calm() || swarm_.raft_loss_ppm == 0) return;
  std::erase_if(frame.raft, [this](const node::GroupMessage&) {
    return world_.random().Chance(swarm_.raft_loss_ppm);
  });
  if (frame.membership.empty()) return;
  if (world_.random().Chance(swarm_.raft_loss_ppm)) frame.membership = {};
}

void Links::Put(const LinkPtr& link, size_t towards, Kind kind, node::Frame frame) {
  auto& arriving = link->ends[towards].arriving;
  const uint64_t bytes = SizeOf(frame);
  Duration arrives = world_.now() + network_.DrawReliableDelay();
  if (!arriving.empty()) arrives = std::max(arrives, arriving.back().arrives);
  arriving.push_back({kind, std::move(frame), arrives, bytes});
  if (arriving.size() == 1) {
    world_.After(arrives - world_.now(), [=, this] { Arrive(link, towards); });
  }
}

// Exactly one such event is pending while something is arriving.
void Links::Arrive(const LinkPtr& link, size_t at) {
  End& end = link->ends[at];
  if (end.arriving.empty()) return;  // Timed out.
  if (network_.IsCut(link->ends[1 - at].host, end.host)) {
    if (end.stuck_since == Duration::zero()) end.stuck_since = world_.now();
    if (world_.now() - end.stuck_since > swarm_.link_timeout) return TimeOut(link);
    return world_.After(kLookAgain, [=, this] { Arrive(link, at); });
  }
  end.stuck_since = Duration::zero();
  const Item item = std::move(end.arriving.front());
  end.arriving.pop_front();
  if (!end.arriving.empty()) {
    const Duration next = std::max(end.arriving.front().arrives, world_.now());
    world_.After(next - world_.now(), [=, this] { Arrive(link, at); });
  }
  Hand(link, at, item);
}

void Links::Hand(const LinkPtr& link, size_t at, const Item& item) {
  const End& end = link->ends[at];
  LinkUser* user = UserAt(end);
  if (user == nullptr) return;
  const Peer* peer = PeerAt(seats_.at(end.host), end.peer);
  switch (item.kind) {
    case Kind::kOpen:
      if (peer != nullptr && peer->dialling == link) Open(link, at);
      return;
    case Kind::kEnd:
      return Close(link, at);
    case Kind::kFrame:
      if (peer != nullptr && peer->link == link) user->OnFrame(end.peer, item.frame);
  }
}

void Links::Open(const LinkPtr& link, size_t at) {
  const End& end = link->ends[at];
  Peer& peer = seats_.at(end.host).peers.at(end.peer);
  if (peer.dialling == link) peer.dialling = nullptr;
  LinkUser& user = *UserAt(end);
  // A peer that comes anew has lost the old link, whether or not we noticed.
  if (const LinkPtr replaced = std::exchange(peer.link, link)) {
    Break(replaced);
    user.OnLinkDown(end.peer);
  }
  user.OnLinkUp(end.peer);
}

void Links::Close(const LinkPtr& link, size_t at) {
  const End& end = link->ends[at];
  LinkUser* user = UserAt(end);
  if (user == nullptr) return;
  Peer* peer = PeerAt(seats_.at(end.host), end.peer);
  if (peer == nullptr || peer->link != link) return;
  peer->link = nullptr;
  user->OnLinkDown(end.peer);
  if (!peer->knocking) KnockLater(end.host, end.run, end.peer, Duration::zero());
}

void Links::Break(const LinkPtr& link) {
  if (std::exchange(link->broken, true)) return;
  for (const size_t towards : {0U, 1U}) {
    auto& arriving = link->ends[towards].arriving;
    // What is under way may still arrive, up to some point. The first has its event already.
    if (arriving.size() > 1) arriving.resize(1 + world_.random().Below(arriving.size()));
    Put(link, towards, Kind::kEnd, {});
  }
}

// Nothing came through for too long: both ends give up.
void Links::TimeOut(const LinkPtr& link) {
  link->broken = true;
  for (const size_t at : {0U, 1U}) {
    link->ends[at].arriving.clear();
    Close(link, at);
  }
}

void Links::BreakOne() {
  std::vector<LinkPtr> up;
  for (const LinkPtr& link : links_) {
    if (!link->broken) up.push_back(link);
  }
  if (!up.empty()) Break(up[world_.random().Below(up.size())]);
}

}  // namespace kvd::simulation
