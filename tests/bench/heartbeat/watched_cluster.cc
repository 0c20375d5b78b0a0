#include "tests/bench/heartbeat/watched_cluster.h"

namespace kvd::heartbeat {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Duration kInterval = milliseconds(100);
constexpr Duration kFrameTimeout = milliseconds(200);  // Linux's smallest retransmission timeout.
constexpr Duration kDialTimeout = milliseconds(1000);  // Of a SYN.

}  // namespace

WatchedCluster::WatchedCluster(Options options)
    : options_(options), random_(options.seed), detector_(options.detector) {
  for (uint32_t id = 1; id <= options_.peers; ++id) {
    Link& link = links_[NodeId{id}];
    link.phase = Duration{static_cast<int64_t>(random_.Below(kInterval.count()))};
    link.next_tick = now_ + link.phase;
    detector_.Add(NodeId{id}, now_);
    SendNext(NodeId{id});
  }
}

std::vector<WatchedCluster::Observation> WatchedCluster::RunUntil(Instant until) {
  std::vector<Observation> seen;
  const auto advance = [&](Instant at) {
    now_ = at;
    for (const HealthChange& change : detector_.Advance(at)) seen.push_back({at, change});
  };

  while (true) {
    const Instant arrives = arrivals_.top().at;
    const Instant due = detector_.NextChangeAt();
    const Instant next = std::min(arrives, due);
    if (!continued_ && next >= stopped_from_) {
      if (stopped_until_ >= until) return seen;
      continued_ = true;
      advance(stopped_until_);
    } else if (next >= until) {
      now_ = until;
      return seen;
    } else if (due <= arrives) {
      advance(std::max(due, now_));
    } else {
      const Arrival arrival = arrivals_.top();
      arrivals_.pop();
      now_ = std::max(arrival.at, now_);
      Deliver(arrival);
    }
  }
}

void WatchedCluster::Kill(NodeId peer) {
  CutTowardsUs(peer, true);
  const Duration closed = TcpDelay(kFrameTimeout);
  const Duration refused_twice = TcpDelay(kDialTimeout) + TcpDelay(kDialTimeout);
  arrivals_.push({now_ + closed + refused_twice, peer, std::nullopt});
}

void WatchedCluster::Restart(NodeId peer) {
  CutTowardsUs(peer, false);
}

void WatchedCluster::StopUs(Duration duration) {
  stopped_from_ = now_;
  stopped_until_ = now_ + duration;
  continued_ = false;
}

void WatchedCluster::Deliver(const Arrival& arrival) {
  Link& link = links_.at(arrival.peer);
  if (!arrival.sent_at) {
    // A peer that was restarted in between listens again.
    if (link.cut_towards_us) detector_.Refused(arrival.peer, now_);
    return;
  }
  const Duration heard_us_ago = HeardUsAgo(link, *arrival.sent_at);
  if (!link.cut_towards_us) {
    detector_.Heard(arrival.peer, now_);
    detector_.PeerHeardUs(arrival.peer, heard_us_ago, now_);
  }
  SendNext(arrival.peer);
}

// Queues the next frame of `peer` that is not lost.
void WatchedCluster::SendNext(NodeId peer) {
  Link& link = links_.at(peer);
  while (Lost()) link.next_tick += kInterval;
  const Instant sent_at = link.next_tick + microseconds(random_.Below(1000));  // Its loop's jitter.
  link.next_tick += kInterval;
  arrivals_.push({sent_at + Delay(), peer, sent_at});
}

// The age, at `sent_at`, of the last frame of ours that the peer got. Our ticks during a stop leave
// when it ends.
Duration WatchedCluster::HeardUsAgo(Link& link, Instant sent_at) {
  while (true) {
    const Instant leaves = Stopped(link.next_own_tick) ? stopped_until_ : link.next_own_tick;
    const Instant arrives = leaves + milliseconds(1);
    if (arrives > sent_at) break;
    if (!link.cut_towards_peer && !Lost()) link.peer_heard_us_at = arrives;
    link.next_own_tick += kInterval;
  }
  return sent_at - link.peer_heard_us_at;
}

// A local network: mostly well below 1 ms, now and then a queue.
Duration WatchedCluster::Delay() {
  if (random_.Chance(10'000)) return microseconds(random_.Between(1000, 20'000));
  return microseconds(random_.Between(100, 1000));
}

Duration WatchedCluster::TcpDelay(Duration first_timeout) {
  Duration delay = Delay();
  for (Duration timeout = first_timeout; Lost(); timeout *= 2) delay += timeout;
  return delay;
}

}  // namespace kvd::heartbeat
