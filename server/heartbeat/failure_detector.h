// Decides, from the arrival times of frames alone, which peers to suspect. A suspicion may start an
// election; it never decides one.
//
// Pure: no clock, no timer, no I/O. The caller passes `now` to every call and asks NextChangeAt()
// when to call again, so a whole cluster of detectors can be driven by one virtual clock.
//
// The detector doubts itself before it blames most of the others (after Lifeguard, DSN'18): if its
// own loop ran late, or if more than half of its peers fell silent together, the likelier patient
// is this node. Suspicion is then delayed, by at most `max_doubt` per peer, and never vetoed. A
// node that was stopped and continues therefore hears its peers again before it suspects them. A
// refused connection is no matter of timing and is never doubted.
//
// Threading: confined to the shard that runs the node's heartbeats.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "common/types.h"

namespace kvd::heartbeat {

enum class Health : uint8_t { kAlive, kSuspect };

// Why a peer is suspected.
enum class Suspicion : uint8_t {
  kSilent,         // No frame of its came for longer than its rhythm allows.
  kRefused,        // It refused a connection twice in a row: nobody is listening.
  kDoesNotHearUs,  // Its frames come, and say that ours do not arrive.
};

// "silent", "refused", "does not hear us", for logs and status.
[[nodiscard]] std::string_view SuspicionName(Suspicion suspicion);

// One peer's health changed. Reported once per change, in NodeId order.
struct HealthChange {
  NodeId peer;
  Health to = Health::kAlive;
  std::optional<Suspicion> why;  // Set if `to` is kSuspect.
};

// What is known of a peer, as last reported.
struct PeerState {
  Health health = Health::kAlive;
  std::optional<Suspicion> why;     // Set if suspect: what started the suspicion.
  Instant since;                    // When `health` was reported, or the peer added.
  std::optional<Instant> heard_at;  // The last frame of any kind; "silent 4m12s" counts from here.
  Duration average_gap{};           // Between its frames.
};

class FailureDetector {
 public:
  // A peer is suspected once it has been silent for `gaps` of its average gaps between frames, but
  // never sooner than `floor` nor later than `ceiling`.
  struct Options {
    int gaps = 3;
    Duration floor = std::chrono::milliseconds(300);
    Duration ceiling = std::chrono::milliseconds(600);    // Must exceed floor.
    Duration on_time = std::chrono::milliseconds(50);     // Lateness of our own loop not minded.
    Duration max_doubt = std::chrono::milliseconds(500);  // 0 switches self-doubt off.
  };

  explicit FailureDetector(Options options);

  // Starts watching `peer`. A peer is granted a full `ceiling` before its first frame is due, so
  // that a cluster starting together does not suspect itself. Adding a peer twice is a no-op.
  void Add(NodeId peer, Instant now);

  // Stops watching `peer`. Forgets its history; a later Add() starts afresh.
  void Remove(NodeId peer);

  // Records a frame of any kind. Ignores peers not being watched: a removed node may still be
  // talking.
  // REQUIRES: `now` is not before an earlier frame of the same peer.
  void Heard(NodeId peer, Instant now);

  // Records what a frame of `peer` says of the other direction: it heard us `ago` before it sent
  // the frame; nullopt: never since it started. Call it besides Heard(). Once this age exceeds
  // `ceiling` the peer is suspected, however well it is heard, until a frame says better. Ignores
  // peers not being watched.
  void PeerHeardUs(NodeId peer, std::optional<Duration> ago, Instant now);

  // Records that `peer` refused a connection and, dialled again at once, refused again: it is
  // suspected without waiting for silence, until it is next heard.
  void Refused(NodeId peer, Instant now);

  // Records that this node's own loop ran `by` later than it had planned: for twice that time, at
  // most for `max_doubt`, silence is not held against anyone. Ignored within `on_time`. Advance()
  // sees by itself when it is called late; callers add the timers that only they know.
  void LoopWasLate(Duration by, Instant now);

  // Re-grades the peers that are due and returns the changes since the last call. Nothing changes
  // between calls to Advance(), so Of() always agrees with the changes already reported. Being
  // called before NextChangeAt() costs one comparison and returns nothing; being called well after
  // it is taken as lateness of our own loop.
  [[nodiscard]] std::vector<HealthChange> Advance(Instant now);

  // The health last reported for `peer`; kSuspect for a peer not being watched.
  [[nodiscard]] Health Of(NodeId peer) const;

  // Nullopt for a peer not being watched.
  [[nodiscard]] std::optional<PeerState> Describe(NodeId peer) const;

  // The earliest instant at which Advance() could report something; Instant::max() if never.
  [[nodiscard]] Instant NextChangeAt() const;

 private:
  struct Peer {
    PeerState state;
    Instant silent_at;           // When its patience ends.
    Instant heard_us_at;         // When it last heard us, by its own account; at first, when added.
    Duration heard_us_before{};  // The age of that when it was last told.
    bool refused = false;
    Instant wake_at;  // When it is next graded: its place in agenda_.
  };
  using Peers = std::map<NodeId, Peer>;  // Ordered: reports must not depend on hashing.

  [[nodiscard]] Duration Patience(const Peer& peer) const;
  [[nodiscard]] std::optional<Suspicion> Evidence(const Peer& peer, Instant now) const;
  [[nodiscard]] bool MostFellSilentTogether(Instant now) const;
  [[nodiscard]] std::optional<Instant> DoubtedUntil(NodeId peer, Suspicion why, Instant now);

  std::optional<HealthChange> Grade(Peers::iterator it, Instant now);
  void Reschedule(Peers::iterator it, Instant now);
  void WakeAt(Peers::iterator it, Instant at);

  const Options options_;
  Peers peers_;
  std::set<std::pair<Instant, NodeId>> agenda_;  // Every peer once, by wake_at.

  std::map<NodeId, Instant> doubted_;       // Evidence held back, and since when.
  Instant late_until_ = Instant::min();     // Our own loop was late: no suspicion before this.
  bool most_silent_ = false;                // As of the last Advance() that graded anyone.
  Instant reconsider_at_ = Instant::max();  // Set when a frame may have ended most_silent_.
};

}  // namespace kvd::heartbeat
