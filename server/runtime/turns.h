// A mailbox whose events are handled by whoever brings them: a thread that puts an event where
// nobody is at work gets the turn, and does one round of work itself, on the spot. What others put
// meanwhile waits for the next round, which the keeper does. So a lone event changes no thread, and
// under load work becomes batches as in a queue. A thread that wakes another costs more than most
// rounds of work. Who brings several events at once gathers them into one round.
//
// What is due by time alone is done by the watch, a thread that sleeps elsewhere anyway and is up
// again in time, or by the keeper where there is no watch, or when it would be up too late.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace kvd::runtime {

// Threading: thread-safe; the turn is one thread's at a time, and what is done in it happens before
// what is done in the next. With std::mutex for the reason that Queue gives.
template <typename T>
class Turns {
 public:
  enum class Put { kRefused, kQueued, kYourTurn };

  // The turn is the keeper's at first.
  explicit Turns(size_t capacity) : capacity_(capacity) {}

  // Refused if the mailbox is closed or full; not for want of room if `always`. Whoever gets the
  // turn takes what is there, works, and finishes.
  [[nodiscard]] Put Add(T item, bool always) {
    const std::lock_guard lock(mu_);
    if (closed_ || (!always && items_.size() >= capacity_)) return Put::kRefused;
    items_.push_back(std::move(item));
    if (state_ != State::kFree) return Put::kQueued;
    state_ = State::kTaken;
    return Put::kYourTurn;
  }

  // How many items nobody has taken yet.
  [[nodiscard]] size_t pending() {
    const std::lock_guard lock(mu_);
    return items_.size();
  }

  // In a turn: everything that is pending, in order.
  std::vector<T> Take() {
    const std::lock_guard lock(mu_);
    return std::exchange(items_, {});
  }

  // Ends a turn. Somebody gets the next one at `wake_at`, an instant of SteadyClock, at the latest.
  void Finish(Instant wake_at) {
    const std::lock_guard lock(mu_);
    wake_at_ = wake_at;
    EndTurn();
  }

  // The watch's, before it sleeps: when to be back, to ask whether it IsDue(). Instant::max(): when
  // it likes.
  [[nodiscard]] Instant Watch() {
    const std::lock_guard lock(mu_);
    watch_back_at_ = state_ == State::kFree ? wake_at_ : Instant::max();
    return watch_back_at_;
  }

  // The watch's: whether time is due and nobody is at work; then it has the turn.
  [[nodiscard]] bool TakeIfDue() {
    const std::lock_guard lock(mu_);
    if (closed_ || state_ != State::kFree || !IsTime()) return false;
    state_ = State::kTaken;
    return true;
  }

  // The watch's, before it puts what may be several things: gets the turn, if nobody has it. What
  // is put, by whomever, waits until HasGathered().
  [[nodiscard]] bool Gather() {
    const std::lock_guard lock(mu_);
    if (closed_ || state_ != State::kFree) return false;
    state_ = State::kTaken;
    return true;
  }

  // In the turn that Gather() got. True: there is work, and the turn ends like any other. False:
  // there is none, and the turn is over.
  [[nodiscard]] bool HasGathered() {
    const std::lock_guard lock(mu_);
    if (!items_.empty() || IsTime()) return true;
    EndTurn();
    return false;
  }

  // In the turn that Gather() got: the keeper gets the next one for what is there, if that is at
  // least so much, and this turn is over.
  [[nodiscard]] bool LeaveToKeeper(size_t at_least) {
    const std::lock_guard lock(mu_);
    if (items_.size() < at_least) return false;
    EndTurn();
    return true;
  }

  // There is no watch any more.
  void Unwatch() {
    const std::lock_guard lock(mu_);
    watch_back_at_ = Instant::max();
    changed_.notify_all();
  }

  // The keeper's: waits for its turn. False: closed.
  [[nodiscard]] bool AwaitTurn() {
    std::unique_lock lock(mu_);
    while (!closed_ && !IsKeepersTurn()) {
      asleep_until_ = IsKeepersTime() ? wake_at_ : Instant::max();
      if (asleep_until_ == Instant::max()) {
        changed_.wait(lock);
      } else {
        changed_.wait_until(lock, TimePoint(asleep_until_.time_since_epoch()));
      }
    }
    asleep_until_ = Instant::min();
    if (closed_) return false;
    state_ = State::kTaken;
    return true;
  }

  // Nothing is accepted any more and nobody gets the turn; waits until the one who has it is done.
  // Not in a turn.
  void Close() {
    std::unique_lock lock(mu_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return state_ != State::kTaken; });
    items_.clear();
  }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class State { kFree, kTaken, kHanded };

  void EndTurn() {
    state_ = items_.empty() ? State::kFree : State::kHanded;
    const bool too_late = wake_at_ < asleep_until_ && wake_at_ < watch_back_at_;
    if (closed_ || state_ == State::kHanded || too_late) changed_.notify_all();
  }

  [[nodiscard]] bool IsTime() const {
    return TimePoint(wake_at_.time_since_epoch()) <= std::chrono::steady_clock::now();
  }

  [[nodiscard]] bool IsKeepersTime() const {
    return state_ == State::kFree && wake_at_ < watch_back_at_;
  }

  [[nodiscard]] bool IsKeepersTurn() const {
    return state_ == State::kHanded || (IsKeepersTime() && IsTime());
  }

  const size_t capacity_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<T> items_;
  State state_ = State::kHanded;
  Instant wake_at_ = Instant::max();
  Instant asleep_until_ = Instant::min();  // Until when the keeper sleeps, if nobody wakes it.
  Instant watch_back_at_ = Instant::max();
  bool closed_ = false;
};

}  // namespace kvd::runtime
