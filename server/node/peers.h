// The other members as seen from here: whether their link is up, when they were last heard, what
// they told of themselves, and so whether to send them work.
//
// Pure. Threading: confined to the node.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/log.h"
#include "common/types.h"
#include "server/heartbeat/failure_detector.h"
#include "server/heartbeat/lateness.h"
#include "server/node/messages.h"
#include "server/node/view.h"
#include "server/topology/topology.h"

namespace kvd::node {

class Peers {
 public:
  struct Options {
    Duration heartbeat_interval = std::chrono::milliseconds(100);

    // A peer silent for this long after it was first suspected counts as down.
    Duration down_after = std::chrono::milliseconds(1000);
    heartbeat::FailureDetector::Options detector;
  };

  // As `shard` of this node sees them.
  Peers(Options options, Shard shard, const topology::Topology& topology, NodeId self, Instant now);

  // The members are these now: who is new is watched, who is none any more is forgotten.
  void SetMembers(const topology::Topology& topology, NodeId self, Instant now);

  // The link to `peer` carries frames, or no longer does.
  void OnLinkUp(NodeId peer);
  void OnLinkDown(NodeId peer);

  // `peer` refused a connection, twice in a row.
  void OnRefused(NodeId peer, Instant now);

  // A frame of `peer`, under the boot it names, arrived. True if it was heard under another one
  // before: it was restarted.
  [[nodiscard]] bool OnFrame(NodeId peer, const topology::Boot& boot,
                             const std::optional<Heartbeat>& heartbeat, Instant now);

  // Re-grades peers. Returns what changed, and what to tell the operator.
  struct Changes {
    std::vector<heartbeat::HealthChange> health;
    std::vector<LogLine> log;
  };
  [[nodiscard]] Changes Advance(Instant now);

  // True once per heartbeat interval: send each peer MakeHeartbeat(). `awake`: a peer's heartbeat
  // just came, so that half the interval is enough: nodes that wake each other anyway do their
  // work at once, and wake less often.
  [[nodiscard]] bool IsTimeToBeat(Instant now, bool awake = false);

  // When the sender last heard `peer`, for its heartbeat; nullopt: never.
  [[nodiscard]] std::optional<Duration> HeardAgo(NodeId peer, Instant now) const;

  // Work may be sent to `peer`: its link is up and it is not suspected.
  [[nodiscard]] bool IsReachable(NodeId peer) const;

  // `peer` said that it is about to stop, or should not own anything for another reason.
  [[nodiscard]] bool IsFit(NodeId peer) const;

  // Entries that this node has yet to receive, as its peers said last.
  [[nodiscard]] uint64_t Behind() const;

  // Why it is not reachable, for messages: "connection refused", "silent", "not connected".
  [[nodiscard]] std::string WhyUnreachable(NodeId peer) const;

  // Who is suspected, and for how long nothing was heard of it.
  [[nodiscard]] std::map<NodeId, Duration> Silences(Instant now) const;

  // Fills in what is known of `peer` beside its card.
  void Describe(NodeId peer, Instant now, NodeView& view) const;

  // The stamps of a heartbeat for `peer`. `led_since`: this node surely led then whatever it leads
  // now.
  void Stamp(NodeId peer, Instant led_since, Instant now, Heartbeat& heartbeat) const;

  // When what `peer` has surely seen was sent; Instant::min(): nothing of this link.
  [[nodiscard]] Instant SeenBy(NodeId peer) const;

  // How late the heartbeats of this node were, at the worst, in the last minute or two.
  [[nodiscard]] Duration Late(Instant now) const { return lateness_.Worst(now); }

  [[nodiscard]] std::vector<NodeId> ids() const;
  [[nodiscard]] Instant NextWakeAt() const;

 private:
  struct Peer {
    std::string name;
    bool linked = false;
    std::optional<topology::Boot> boot = {};  // Under which it was heard last.
    std::map<uint32_t, Heartbeat> told = {};  // The latest of `boot`, by its shards.
    uint64_t suspicions = 0;
    std::deque<std::pair<uint64_t, Instant>> stamps = {};  // Its latest ones, and when they came.
  };

  const Options options_;
  const Shard shard_;
  std::map<NodeId, Peer> peers_;
  heartbeat::FailureDetector detector_;
  heartbeat::Lateness lateness_;
  Instant beat_at_;
};

}  // namespace kvd::node
