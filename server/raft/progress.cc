#include "server/raft/progress.h"

#include <algorithm>
#include <utility>

namespace kvd::raft {

void Progress::Heard(Instant now) {
  heard_at_ = std::max(heard_at_, now);
  was_heard_ = true;
  link_down_ = false;
}

bool Progress::CanSend(uint64_t window_bytes) const {
  if (fetching_) return false;
  switch (mode_) {
    case Mode::kProbe:
      return !probing_;
    case Mode::kReplicate:
      return in_flight_bytes_ < window_bytes;
    case Mode::kSnapshot:
      return false;
  }
  return false;
}

void Progress::Sent(Index last, uint64_t bytes, uint64_t round) {
  sent_round_ = round;
  if (mode_ == Mode::kProbe) {
    probing_ = true;
    return;
  }
  if (last < next_) return;
  next_ = last + 1;
  in_flight_.push_back({last, bytes});
  in_flight_bytes_ += bytes;
}

bool Progress::Accepted(Index index, Index first) {
  const bool moved = index > match_;
  match_ = std::max(match_, index);
  next_ = std::max(next_, match_ + 1);
  if (mode_ == Mode::kReplicate) {
    while (!in_flight_.empty() && in_flight_.front().last <= index) {
      in_flight_bytes_ -= in_flight_.front().bytes;
      in_flight_.pop_front();
    }
    return moved;
  }
  // A repeat of an old answer does not say where the logs agree now; at match they do in any case.
  if (index < match_) return moved;
  if (match_ + 1 < first) {
    // The snapshot is there, but the log has moved on beyond it meanwhile: another one is needed.
    if (snapshot_.has_value() && match_ >= snapshot_->index) BecomeProbe();
    return moved;
  }
  mode_ = Mode::kReplicate;
  next_ = match_ + 1;
  snapshot_.reset();
  ClearInFlight();
  return moved;
}

bool Progress::Rejected(Index previous, Index agreed) {
  switch (mode_) {
    case Mode::kSnapshot:
      if (!snapshot_.has_value() || previous != snapshot_->index) return false;
      BecomeProbe();
      return true;
    case Mode::kReplicate:
      if (previous <= match_) return false;
      BecomeProbe();
      return true;
    case Mode::kProbe:
      if (previous + 1 != next_) return false;
      next_ = std::max(std::min(previous, agreed + 1), match_ + 1);
      probing_ = false;
      return true;
  }
  return false;
}

void Progress::LinkDown(uint64_t round) {
  link_down_ = true;
  if (mode_ == Mode::kSnapshot) return;
  BecomeProbe();
  Pause(round);
}

void Progress::Pause(uint64_t round) {
  if (mode_ == Mode::kReplicate) BecomeProbe();
  probing_ = true;
  sent_round_ = round;
}

void Progress::BeginSnapshot() {
  mode_ = Mode::kSnapshot;
  snapshot_.reset();
  ClearInFlight();
}

void Progress::SnapshotSent(SnapshotPoint snapshot, uint64_t round) {
  snapshot_ = std::move(snapshot);
  sent_round_ = round;
}

void Progress::SnapshotFailed(uint64_t round) {
  BecomeProbe();
  Pause(round);
}

Progress::Repair Progress::BeatAnswered(uint64_t round, Index last) {
  answered_round_ = std::max(answered_round_, round);
  if (round <= sent_round_) return Repair::kNone;
  switch (mode_) {
    case Mode::kProbe:
      probing_ = false;
      return Repair::kSend;
    case Mode::kReplicate:
      if (match_ + 1 == next_) return Repair::kNone;
      if (last + 1 >= next_) return Repair::kConfirm;
      BecomeProbe();
      return Repair::kSend;
    case Mode::kSnapshot:
      return snapshot_.has_value() ? Repair::kInstallAgain : Repair::kNone;
  }
  return Repair::kNone;
}

void Progress::BecomeProbe() {
  mode_ = Mode::kProbe;
  next_ = match_ + 1;
  probing_ = false;
  snapshot_.reset();
  ClearInFlight();
}

void Progress::ClearInFlight() {
  in_flight_.clear();
  in_flight_bytes_ = 0;
}

}  // namespace kvd::raft
