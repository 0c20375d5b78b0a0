// A cluster as one of its nodes sees it, in virtual time: peers that send a frame each 100 ms,
// links that delay and lose frames, and the faults of a report. The watching node runs the real
// FailureDetector and calls it exactly when asked, except while it is itself stopped.
//
// Pure: everything follows from the seed. Threading: confined to its owner.
#pragma once

#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "common/random.h"
#include "server/heartbeat/failure_detector.h"

namespace kvd::heartbeat {

class WatchedCluster {
 public:
  struct Options {
    uint32_t peers = 2;
    uint32_t loss_per_million = 0;  // Of frames, each direction alike.
    FailureDetector::Options detector;
    uint64_t seed = 1;
  };

  struct Observation {
    Instant at;
    HealthChange change;
  };

  explicit WatchedCluster(Options options);

  // Lets time pass until `until`; returns what the detector reported on the way.
  std::vector<Observation> RunUntil(Instant until);

  // The link between `peer` and the watching node loses every frame, in one direction or in both.
  void CutTowardsUs(NodeId peer, bool cut) { links_.at(peer).cut_towards_us = cut; }
  void CutTowardsPeer(NodeId peer, bool cut) { links_.at(peer).cut_towards_peer = cut; }

  // Kills the process of `peer`: it falls silent, its kernel closes the connection, and what is
  // dialled again is refused. Each of these messages may be lost and is then repeated by TCP.
  void Kill(NodeId peer);
  void Restart(NodeId peer);

  // Stops the watching node, as SIGSTOP does: from now on, for `duration`, it neither sends nor
  // reads. When it continues, timers fire before the waiting frames are read: the worst order.
  void StopUs(Duration duration);

  [[nodiscard]] Instant now() const { return now_; }

 private:
  struct Link {
    Duration phase{};  // Of the peer's ticks.
    Instant next_tick;
    Instant next_own_tick;  // The first tick of ours that this link has not seen.
    Instant peer_heard_us_at;
    bool cut_towards_us = false;
    bool cut_towards_peer = false;
  };

  // A frame on its way to us, or the second refusal of a dead peer's address.
  struct Arrival {
    Instant at;
    NodeId peer;
    std::optional<Instant> sent_at;  // Unset for a refusal.

    friend bool operator>(const Arrival& a, const Arrival& b) {
      return std::pair(a.at, a.peer) > std::pair(b.at, b.peer);
    }
  };

  void SendNext(NodeId peer);
  Duration HeardUsAgo(Link& link, Instant sent_at);
  void Deliver(const Arrival& arrival);
  [[nodiscard]] bool Lost() { return random_.Chance(options_.loss_per_million); }
  [[nodiscard]] Duration Delay();
  [[nodiscard]] Duration TcpDelay(Duration first_timeout);
  [[nodiscard]] bool Stopped(Instant at) const {
    return at >= stopped_from_ && at < stopped_until_;
  }

  const Options options_;
  Random random_;
  FailureDetector detector_;
  std::map<NodeId, Link> links_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  Instant now_{};
  Instant stopped_from_ = Instant::max();
  Instant stopped_until_ = Instant::max();
  bool continued_ = true;  // The wake-up after a stop has happened.
};

}  // namespace kvd::heartbeat
