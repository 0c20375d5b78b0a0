// How far one follower is, as its leader knows, and what may be sent to it now.
//
//   probe      where the logs agree is not known: one request at a time
//   replicate  it is: requests follow one another without waiting, up to a window in bytes
//   snapshot   what it needs is no longer in the log: nothing is sent until a snapshot was
//
// What was lost on the way is found by beats: an answer to a beat that was sent after a request
// says whether the request had arrived.
//
// Pure. Threading: confined to the group's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "common/clock.h"
#include "common/types.h"
#include "server/raft/messages.h"

namespace kvd::raft {

class Progress {
 public:
  enum class Mode : uint8_t { kProbe, kReplicate, kSnapshot };

  // What a beat's answer asks the leader to do.
  enum class Repair : uint8_t {
    kNone,
    kSend,         // Something was lost: send again from next().
    kConfirm,      // It has arrived, and its answer has not: ask once more.
    kInstallAgain  // The same for the request to install.
  };

  Progress(Index next, Instant now) : next_(next), heard_at_(now) {}

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] Index match() const { return match_; }
  [[nodiscard]] Index next() const { return next_; }
  // When an answer came last; when it began, if none did.
  [[nodiscard]] Instant heard_at() const { return heard_at_; }
  [[nodiscard]] bool was_heard() const { return was_heard_; }
  [[nodiscard]] bool link_down() const { return link_down_; }

  // An answer came, of any kind.
  void Heard(Instant now);

  // Whether a request may go out now.
  [[nodiscard]] bool CanSend(uint64_t window_bytes) const;

  // A request with entries up to `last` went out after beat `round`; last == next - 1 if it had
  // none.
  void Sent(Index last, uint64_t bytes, uint64_t round);

  // Everything up to `index` is durable there. `first`: of the leader's log. Answers whether match
  // moved.
  bool Accepted(Index index, Index first);

  // The follower has no such entry before those of the request behind `previous`, but may agree at
  // `agreed` or below. Answers whether that is news.
  bool Rejected(Index previous, Index agreed);

  // What was on its way is lost, and so would be what is sent before the next beat is answered.
  void LinkDown(uint64_t round);

  // Entries are being read from the disk: nothing is sent meanwhile. Ended by EndFetch().
  void BeginFetch() { fetching_ = true; }
  void EndFetch() { fetching_ = false; }
  [[nodiscard]] bool fetching() const { return fetching_; }

  // They could not be read: try again after the next beat.
  void Pause(uint64_t round);

  void BeginSnapshot();
  void SnapshotSent(SnapshotPoint snapshot, uint64_t round);
  void SnapshotFailed(uint64_t round);

  // The snapshot that was sent and is to be installed.
  [[nodiscard]] const std::optional<SnapshotPoint>& snapshot() const { return snapshot_; }
  void InstallSent(uint64_t round) { sent_round_ = round; }

  // A beat of `round` went out, saying that `commit` is committed; it was answered, by a log that
  // ends at `last`.
  void BeatSent(uint64_t round, Index commit) {
    beat_round_ = round;
    beat_commit_ = commit;
  }
  [[nodiscard]] uint64_t beat_round() const { return beat_round_; }
  [[nodiscard]] Repair BeatAnswered(uint64_t round, Index last);
  [[nodiscard]] uint64_t answered_round() const { return answered_round_; }

  // Whether the follower of a log that ends at `last` has all of it, was told that it is committed,
  // and has answered since: there is nothing to tell it but that its leader lives.
  [[nodiscard]] bool HasHeardAll(Index last) const {
    return mode_ == Mode::kReplicate && !link_down_ && match_ == last && beat_commit_ == last &&
           answered_round_ == beat_round_;
  }

 private:
  struct InFlight {
    Index last = 0;
    uint64_t bytes = 0;
  };

  void BecomeProbe();
  void ClearInFlight();

  Mode mode_ = Mode::kProbe;
  Index match_ = 0;
  Index next_;
  Instant heard_at_;
  bool was_heard_ = false;
  bool link_down_ = false;
  bool probing_ = false;  // One is on its way.
  bool fetching_ = false;
  std::deque<InFlight> in_flight_;
  uint64_t in_flight_bytes_ = 0;
  std::optional<SnapshotPoint> snapshot_;
  uint64_t sent_round_ = 0;  // The newest beat before the newest request.
  uint64_t beat_round_ = 0;
  Index beat_commit_ = 0;
  uint64_t answered_round_ = 0;
};

}  // namespace kvd::raft
