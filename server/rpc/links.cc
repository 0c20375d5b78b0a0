#include "server/rpc/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "common/check.h"
#include "server/rpc/channel.h"
#include "server/rpc/convert.h"
#include "server/rpc/probe.h"
#include "server/runtime/thread_name.h"

namespace kvd::rpc {
namespace {

Refusal Mismatch(Reason reason, std::string_view what, const std::string& ours,
                 const std::string& theirs) {
  return {.reason = reason,
          .message = fmt::format("this node {} {}, the link is meant for {}", what, ours, theirs),
          .metadata = {{"expected", ours}, {"actual", theirs}}};
}

Refusal WasRemoved(const topology::Removed& removed) {
  return {.reason = Reason::kNodeRemoved,
          .message = fmt::format("{} was removed at epoch {}; it can join as new, with an empty "
                                 "data directory",
                                 removed.name, removed.at.value)};
}

}  // namespace

Links::Links(Options options, EventLoop& loop, runtime::Runtime& runtime, Logger& logger)
    : options_(std::move(options)), loop_(loop), runtime_(runtime), logger_(logger) {}

Links::~Links() {
  Stop();
}

// Never under the lock: what is posted may run here and now. Who is gone is reported before its
// successor of the same id is there.
void Links::SetTargets(node::LinkSet links) {
  std::vector<PeerPtr> gone;
  std::vector<std::thread> ended;
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) return;
    cluster_id_ = links.cluster_id;
    removed_ = std::move(links.removed);
    gone = RetireLocked(links.targets);
    ended = TakeEndedLocked();
  }
  for (std::thread& keeper : ended) keeper.join();
  for (const PeerPtr& peer : gone) {
    if (const auto link = LinkOf(*peer)) link->Cancel();
    ReportLink(peer);
  }
  absl::MutexLock lock(&mu_);
  if (stopping_) return;
  for (node::LinkTarget& target : links.targets) AddLocked(std::move(target));
}

std::vector<Links::PeerPtr> Links::RetireLocked(const std::vector<node::LinkTarget>& targets) {
  std::vector<PeerPtr> gone;
  for (const auto& [id, peer] : peers_) {
    if (std::ranges::find(targets, peer->target) == targets.end()) gone.push_back(peer);
  }
  for (const PeerPtr& peer : gone) {
    peer->gone = true;
    retired_.push_back(peer);
    peers_.erase(peer->target.id);
  }
  return gone;
}

// All that is left of them to do is to return.
std::vector<std::thread> Links::TakeEndedLocked() {
  std::vector<std::thread> ended;
  for (const PeerPtr& peer : retired_) {
    if (peer->ended && peer->link == nullptr) ended.push_back(std::move(peer->keeper));
  }
  std::erase_if(retired_, [](const PeerPtr& peer) { return !peer->keeper.joinable(); });
  return ended;
}

void Links::AddLocked(node::LinkTarget target) {
  const auto [at, fresh] = peers_.try_emplace(target.id);
  if (!fresh) return;
  at->second = std::make_shared<Peer>(std::move(target), runtime_.shards());
  at->second->keeper = std::thread([this, peer = at->second] { Keep(peer); });
}

// Who has this link, be it gone; nullptr: it was replaced by another one.
Links::PeerPtr Links::HolderLocked(const std::shared_ptr<Link>& link) const {
  const auto kept = peers_.find(link->peer().id);
  if (kept != peers_.end() && kept->second->link == link) return kept->second;
  const auto gone =
      std::ranges::find(retired_, link, [](const PeerPtr& peer) { return peer->link; });
  return gone != retired_.end() ? *gone : nullptr;
}

std::shared_ptr<Link> Links::LinkOf(const Peer& peer) const {
  absl::MutexLock lock(&mu_);
  return peer.link;
}

void Links::Drain(Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto is_sending = [&] {
    absl::MutexLock lock(&mu_);
    return std::ranges::any_of(peers_, [](const auto& entry) {
      return entry.second->link != nullptr && entry.second->link->IsSending();
    });
  };
  while (is_sending() && std::chrono::steady_clock::now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
}

void Links::Stop() {
  std::vector<std::thread> keepers;
  std::vector<std::shared_ptr<Link>> links;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    std::vector<PeerPtr> all = retired_;
    for (const auto& [id, peer] : peers_) all.push_back(peer);
    for (const PeerPtr& peer : all) {
      if (peer->keeper.joinable()) keepers.push_back(std::move(peer->keeper));
      if (peer->link != nullptr) links.push_back(peer->link);
    }
  }
  for (const auto& link : links) link->Cancel();
  for (std::thread& keeper : keepers) keeper.join();
  for (const auto& link : links) link->AwaitDone();
}

std::variant<LinkPeer, Refusal> Links::Recognise(const Introduction& introduction) const {
  absl::MutexLock lock(&mu_);
  if (stopping_) return Refusal{.reason = Reason::kNodeDraining, .message = "the node is stopping"};
  if (cluster_id_.is_nil()) {
    return Refusal{.reason = Reason::kNodeJoining, .message = "the node has no topology yet"};
  }
  const auto removed = std::ranges::find_if(removed_, [&](const topology::Removed& each) {
    return each.uuid.ToString() == introduction.from;
  });
  if (const std::string ours = cluster_id_.ToString(); introduction.cluster_id != ours) {
    // A cluster that was recovered without a node has another id than that node knows.
    if (removed != removed_.end()) return WasRemoved(*removed);
    return Mismatch(Reason::kWrongCluster, "belongs to cluster", ours, introduction.cluster_id);
  }
  if (const std::string self = options_.self.ToString(); introduction.to != self) {
    return Mismatch(Reason::kWrongNode, "is", self, introduction.to);
  }
  for (const auto& [id, peer] : peers_) {
    if (peer->target.uuid.ToString() == introduction.from) return peer->end();
  }
  if (removed != removed_.end()) return WasRemoved(*removed);
  return Refusal{.reason = Reason::kWrongNode,
                 .message = fmt::format("{} is no member of cluster {} that is known here",
                                        introduction.from, introduction.cluster_id)};
}

void Links::Send(NodeId id, node::Frame frame) {
  std::shared_ptr<Link> link;
  {
    absl::MutexLock lock(&mu_);
    const auto it = peers_.find(id);
    if (it != peers_.end()) link = it->second->link;
  }
  std::vector<uint64_t> not_sent;
  if (link != nullptr) {
    not_sent = link->Send(std::move(frame));
  } else {
    for (const node::Forward& forward : frame.forwards) not_sent.push_back(forward.id);
  }
  if (not_sent.empty()) return;
  // A frame that is sent is of one shard.
  const uint32_t shard = node::ShardOfNumber(not_sent.front(), runtime_.shards());
  runtime_.Post(shard, [not_sent = std::move(not_sent)](node::Node& node, Instant now) {
    node.OnNotSent(not_sent, now);
  });
}

void Links::OnOpen(const std::shared_ptr<Link>& link) {
  std::shared_ptr<Link> replaced;
  PeerPtr peer;
  {
    absl::MutexLock lock(&mu_);
    const auto kept = peers_.find(link->peer().id);
    if (!stopping_ && kept != peers_.end() && kept->second->end() == link->peer()) {
      peer = kept->second;
      replaced = std::exchange(peer->link, link);
      peer->refusal.clear();
      ++peer->opened;
    }
  }
  if (peer == nullptr) return link->Cancel();
  // A peer that comes anew has lost the old link, whether or not we noticed.
  if (replaced != nullptr) replaced->Cancel();
  ReportLink(peer);
}

void Links::OnClosed(const std::shared_ptr<Link>& link) {
  PeerPtr peer;
  {
    absl::MutexLock lock(&mu_);
    peer = HolderLocked(link);
    if (peer == nullptr) return;
    peer->link = nullptr;
  }
  ReportLink(peer);
}

// Level-triggered: when the event runs it compares what is with what the node was told, so that the
// order in which links opened and closed on other threads does not matter.
void Links::ReportLink(const PeerPtr& peer) {
  runtime_.PostToAll([this, peer](node::Node& node, Instant now) {
    uint64_t was = 0;
    uint64_t is = 0;
    {
      absl::MutexLock lock(&mu_);
      is = peer->link != nullptr && !peer->gone ? peer->opened : 0;
      was = std::exchange(peer->reported_open[node.shard().index], is);
    }
    if (was == is) return;
    if (was != 0) node.OnLinkDown(peer->target.id, now);
    if (is != 0) node.OnLinkUp(peer->target.id, now);
  });
}

void Links::ReportRefused(const PeerPtr& peer) {
  runtime_.PostToAll([this, peer](node::Node& node, Instant now) {
    {
      absl::MutexLock lock(&mu_);
      if (peer->gone) return;
    }
    node.OnRefused(peer->target.id, now);
  });
}

void Links::OnFrame(const std::shared_ptr<Link>& link, peer_pb::Frame& frame, ReadToken token) {
  PeerPtr peer;
  {
    absl::MutexLock lock(&mu_);
    peer = HolderLocked(link);
    if (peer == nullptr || peer->gone) return;
  }
  auto read = Take(frame);
  if (!read) return BreakOff(*peer, *link);
  PostFrame(peer->target.id, *std::move(read), std::move(token));
}

// The link reads on when every shard is through with its part.
void Links::PostFrame(NodeId peer, node::Frame frame, ReadToken token) {
  if (runtime_.shards() == 1) {
    return runtime_.PostToFirst(
        [peer, frame = std::move(frame), token = std::move(token)](
            node::Node& node, Instant now) mutable { node.OnFrame(peer, std::move(frame), now); });
  }
  const auto shared = std::make_shared<ReadToken>(std::move(token));
  for (auto& [shard, part] : node::Split(std::move(frame), runtime_.shards())) {
    runtime_.Post(shard,
                  [peer, part = std::move(part), shared](node::Node& node, Instant now) mutable {
                    node.OnFrame(peer, std::move(part), now);
                  });
  }
}

// The frame is dropped whole, and with the link everything in it fails at once, on both sides.
void Links::BreakOff(const Peer& peer, Link& link) {
  logger_.Write({LogLevel::kWarn,
                 "rpc",
                 "malformed peer frame, link broken off: is the peer of the same release?",
                 {{"peer", peer.target.name}}});
  link.Cancel();
}

bool Links::AwaitDown(const Peer& peer) {
  absl::MutexLock lock(&mu_);
  const auto down = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stopping_ || peer.gone || peer.link == nullptr;
  };
  mu_.Await(absl::Condition(&down));
  return !stopping_ && !peer.gone;
}

// Or until `dialled` has come to nothing.
void Links::AwaitUpOr(const Peer& peer, Duration timeout, Link* dialled) {
  // Asked again and again: a timed wait of abseil's would go by the wall clock.
  const auto is_over = [&] {
    if (dialled != nullptr && dialled->IsDone()) return true;
    absl::MutexLock lock(&mu_);
    return stopping_ || peer.gone || peer.link != nullptr;
  };
  const auto step = absl::FromChrono(std::min<Duration>(timeout, std::chrono::milliseconds(5)));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!is_over() && std::chrono::steady_clock::now() < deadline) {
    absl::SleepFor(step);
  }
}

// A process that dies closes its links and its port one after the other: who asks in between finds
// somebody there, and asks again soon.
void Links::Keep(const PeerPtr& peer) {
  runtime::NameThread("kvd-link");
  uint64_t opened = 0;
  size_t tries = 0;
  Duration pause = options_.retry_soon;
  while (AwaitDown(*peer)) {
    const auto address = FindAnyone(peer, tries++);
    const bool dials = address && peer->target.dial;
    if (dials) Dial(*peer, *address);
    const uint64_t before = std::exchange(opened, CountOpened(*peer));
    const Duration longest = dials ? options_.redial_every : options_.retry_every;
    pause = opened != before ? options_.retry_soon : std::min(2 * pause, longest);
    AwaitUpOr(*peer, pause);
  }
  absl::MutexLock lock(&mu_);
  peer->ended = true;
}

uint64_t Links::CountOpened(const Peer& peer) const {
  absl::MutexLock lock(&mu_);
  return peer.opened;
}

// Where somebody listens, of the places where the peer may be, each the first in its turn: it may
// be somebody else.
std::optional<std::string> Links::FindAnyone(const PeerPtr& peer, size_t turn) {
  std::vector<std::string> addresses = {peer->target.peer_address};
  if (!peer->target.other_address.empty()) addresses.push_back(peer->target.other_address);
  bool all_refused = true;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const std::string& address = addresses[(turn + i) % addresses.size()];
    Probe probe = ProbeAddress(address, options_.connect_timeout);
    if (probe == Probe::kRefused) probe = ProbeAddress(address, options_.connect_timeout);
    if (probe == Probe::kConnected) return address;
    all_refused = all_refused && probe == Probe::kRefused;
  }
  if (all_refused) ReportRefused(peer);
  return std::nullopt;
}

// Returns when the link it dialled, if any, has ended and gRPC is through with it.
void Links::Dial(Peer& peer, const std::string& address) {
  Introduction introduction{
      .cluster_id = {}, .from = options_.self.ToString(), .to = peer.target.uuid.ToString()};
  {
    absl::MutexLock lock(&mu_);
    introduction.cluster_id = cluster_id_.ToString();
  }
  const auto channel = NewPeerChannel(address, options_.credentials);
  const auto stub = peer_pb::Peer::NewStub(channel);
  const auto link = DialledLink::New(peer.end(), *this, *stub, introduction, loop_);
  // A process that dies may still accept a connection: what becomes of it says more than silence.
  AwaitUpOr(peer, options_.connect_timeout, link.get());
  {
    absl::MutexLock lock(&mu_);
    const auto over = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return stopping_ || peer.gone || peer.link != link;
    };
    mu_.Await(absl::Condition(&over));
  }
  link->Cancel();
  link->AwaitDone();
  NoteRefusal(peer, link->status());
}

// While members change one node may know it before the other, so this may pass. A status without
// details is gRPC's own: the connection broke.
void Links::NoteRefusal(Peer& peer, const grpc::Status& status) {
  if (status.error_details().empty()) return;
  {
    absl::MutexLock lock(&mu_);
    if (std::exchange(peer.refusal, status.error_message()) == status.error_message()) return;
  }
  logger_.Write({LogLevel::kInfo,
                 "rpc",
                 "link refused: " + status.error_message(),
                 {{"peer", peer.target.name}}});
}

}  // namespace kvd::rpc
