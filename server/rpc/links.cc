#include "server/rpc/links.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "common/check.h"
#include "server/rpc/channel.h"
#include "server/rpc/convert.h"
#include "server/rpc/probe.h"
#include "server/runtime/thread_name.h"

namespace kvd::rpc {

Links::Links(Options options, EventLoop& loop, runtime::Runtime& runtime, Logger& logger)
    : options_(std::move(options)), loop_(loop), runtime_(runtime), logger_(logger) {}

Links::~Links() {
  Stop();
}

void Links::SetTargets(node::LinkSet links) {
  absl::MutexLock lock(&mu_);
  if (stopping_) return;
  KVD_CHECK(peers_.empty(), "members change with the system group, which this release has not");
  cluster_id_ = links.cluster_id;
  for (node::LinkTarget& target : links.targets) {
    const NodeId id = target.id;
    Peer& peer = peers_[id];
    peer.target = std::move(target);
    peer.keeper = std::thread([this, &peer] { Keep(peer); });  // Nodes of a map stay in place.
  }
}

void Links::Drain(Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto is_sending = [&] {
    absl::MutexLock lock(&mu_);
    return std::ranges::any_of(peers_, [](const auto& entry) {
      return entry.second.link != nullptr && entry.second.link->IsSending();
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
    for (auto& [id, peer] : peers_) {
      if (peer.keeper.joinable()) keepers.push_back(std::move(peer.keeper));
      if (peer.link != nullptr) links.push_back(peer.link);
    }
  }
  for (const auto& link : links) link->Cancel();
  for (std::thread& keeper : keepers) keeper.join();
  for (const auto& link : links) link->AwaitDone();
}

std::optional<NodeId> Links::Recognise(const Introduction& introduction) const {
  absl::MutexLock lock(&mu_);
  if (stopping_ || introduction.cluster_id != cluster_id_.ToString()) return std::nullopt;
  if (introduction.to != options_.self.ToString()) return std::nullopt;
  for (const auto& [id, peer] : peers_) {
    if (peer.target.uuid.ToString() == introduction.from) return id;
  }
  return std::nullopt;
}

void Links::Send(NodeId id, node::Frame frame) {
  std::shared_ptr<Link> link;
  {
    absl::MutexLock lock(&mu_);
    const auto it = peers_.find(id);
    if (it != peers_.end()) link = it->second.link;
  }
  std::vector<uint64_t> not_sent;
  if (link != nullptr) {
    not_sent = link->Send(std::move(frame));
  } else {
    for (const node::Forward& forward : frame.forwards) not_sent.push_back(forward.id);
  }
  if (not_sent.empty()) return;
  runtime_.Post([not_sent = std::move(not_sent)](node::Node& node, Instant now) {
    node.OnNotSent(not_sent, now);
  });
}

void Links::OnOpen(const std::shared_ptr<Link>& link) {
  std::shared_ptr<Link> replaced;
  bool refuse = false;
  {
    absl::MutexLock lock(&mu_);
    refuse = stopping_;
    Peer& peer = peers_.at(link->peer());
    if (!refuse) {
      replaced = std::exchange(peer.link, link);
      ++peer.opened;
    }
  }
  if (refuse) return link->Cancel();
  // A peer that comes anew has lost the old link, whether or not we noticed.
  if (replaced != nullptr) replaced->Cancel();
  ReportLink(link->peer());
}

void Links::OnClosed(const std::shared_ptr<Link>& link) {
  {
    absl::MutexLock lock(&mu_);
    Peer& peer = peers_.at(link->peer());
    if (peer.link != link) return;
    peer.link = nullptr;
  }
  ReportLink(link->peer());
}

// Level-triggered: when the event runs it compares what is with what the node was told, so that the
// order in which links opened and closed on other threads does not matter.
void Links::ReportLink(NodeId id) {
  runtime_.Post([this, id](node::Node& node, Instant now) {
    uint64_t was = 0;
    uint64_t is = 0;
    {
      absl::MutexLock lock(&mu_);
      Peer& peer = peers_.at(id);
      is = peer.link != nullptr ? peer.opened : 0;
      was = std::exchange(peer.reported_open, is);
    }
    if (was == is) return;
    if (was != 0) node.OnLinkDown(id, now);
    if (is != 0) node.OnLinkUp(id, now);
  });
}

void Links::OnFrame(NodeId peer, peer_pb::Frame frame, ReadToken token) {
  auto read = FromProto(std::move(frame));
  if (!read) return OnMalformed(peer);
  runtime_.Post(
      [peer, frame = *std::move(read), token = std::move(token)](
          node::Node& node, Instant now) mutable { node.OnFrame(peer, std::move(frame), now); });
}

// The frame is dropped whole, and with the link everything in it fails at once, on both sides.
void Links::OnMalformed(NodeId id) {
  std::shared_ptr<Link> link;
  std::string name;
  {
    absl::MutexLock lock(&mu_);
    const Peer& peer = peers_.at(id);
    link = peer.link;
    name = peer.target.name;
  }
  logger_.Write({LogLevel::kWarn,
                 "rpc",
                 "malformed peer frame, link broken off: is the peer of the same release?",
                 {{"peer", name}}});
  if (link != nullptr) link->Cancel();
}

bool Links::AwaitDown(Peer& peer) {
  absl::MutexLock lock(&mu_);
  const auto down = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stopping_ || peer.link == nullptr;
  };
  mu_.Await(absl::Condition(&down));
  return !stopping_;
}

// Or until `dialled` has come to nothing.
void Links::AwaitUpOr(Peer& peer, Duration timeout, Link* dialled) {
  // Asked again and again: a timed wait of abseil's would go by the wall clock.
  const auto is_over = [&] {
    if (dialled != nullptr && dialled->IsDone()) return true;
    absl::MutexLock lock(&mu_);
    return stopping_ || peer.link != nullptr;
  };
  const auto step = absl::FromChrono(std::min<Duration>(timeout, std::chrono::milliseconds(5)));
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!is_over() && std::chrono::steady_clock::now() < deadline) {
    absl::SleepFor(step);
  }
}

// A process that dies closes its links and its port one after the other: who asks in between finds
// somebody there, and asks again soon.
void Links::Keep(Peer& peer) {
  runtime::NameThread("kvd-link");
  uint64_t opened = 0;
  Duration pause = options_.retry_soon;
  while (AwaitDown(peer)) {
    const bool dials = IsAnyoneThere(peer.target) && peer.target.dial;
    if (dials) Dial(peer);
    const uint64_t before = std::exchange(opened, CountOpened(peer));
    const Duration longest = dials ? options_.redial_every : options_.retry_every;
    pause = opened != before ? options_.retry_soon : std::min(2 * pause, longest);
    AwaitUpOr(peer, pause);
  }
}

uint64_t Links::CountOpened(const Peer& peer) const {
  absl::MutexLock lock(&mu_);
  return peer.opened;
}

bool Links::IsAnyoneThere(const node::LinkTarget& target) {
  const Probe first = ProbeAddress(target.peer_address, options_.connect_timeout);
  if (first != Probe::kRefused) return first == Probe::kConnected;
  const Probe second = ProbeAddress(target.peer_address, options_.connect_timeout);
  if (second == Probe::kRefused) {
    runtime_.Post([id = target.id](node::Node& node, Instant now) { node.OnRefused(id, now); });
  }
  return second == Probe::kConnected;
}

// Returns when the link it dialled, if any, has ended and gRPC is through with it.
void Links::Dial(Peer& peer) {
  Introduction introduction{
      .cluster_id = {}, .from = options_.self.ToString(), .to = peer.target.uuid.ToString()};
  {
    absl::MutexLock lock(&mu_);
    introduction.cluster_id = cluster_id_.ToString();
  }
  const auto channel = NewPeerChannel(peer.target.peer_address, options_.credentials);
  const auto stub = peer_pb::Peer::NewStub(channel);
  const auto link = DialledLink::New(peer.target.id, *this, *stub, introduction, loop_);
  // A process that dies may still accept a connection: what becomes of it says more than silence.
  AwaitUpOr(peer, options_.connect_timeout, link.get());
  {
    absl::MutexLock lock(&mu_);
    const auto over = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return stopping_ || peer.link != link;
    };
    mu_.Await(absl::Condition(&over));
  }
  link->Cancel();
  link->AwaitDone();
}

}  // namespace kvd::rpc
