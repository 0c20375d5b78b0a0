// A queue between threads that is emptied whole: whoever consumes gets everything that is pending,
// in order, so that work becomes batches under load and nobody waits for more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace kvd::runtime {

// Threading: thread-safe; one consumer. With std::mutex, against the house rule: abseil of this age
// waits by the wall clock, and a node must not sleep for an hour because somebody set the time.
template <typename T>
class Queue {
 public:
  explicit Queue(size_t capacity = std::numeric_limits<size_t>::max()) : capacity_(capacity) {}

  // False, and `item` is dropped, if the queue is full or closed.
  bool TryPush(T item) { return PushIfBelow(capacity_, std::move(item)); }

  // For those who hold what bounds them elsewhere. False, and `item` is dropped, if closed.
  bool Push(T item) { return PushIfBelow(std::numeric_limits<size_t>::max(), std::move(item)); }

  // Waits for an item, for Close() or until `deadline`, an instant of SteadyClock; takes
  // everything. Instant::max() waits for as long as it takes, an instant that has passed not at
  // all.
  std::vector<T> TakeAll(Instant deadline) {
    std::unique_lock lock(mu_);
    const auto ready = [this] { return !items_.empty() || closed_; };
    if (deadline == Instant::max()) {
      changed_.wait(lock, ready);
    } else {
      changed_.wait_until(lock, std::chrono::steady_clock::time_point(deadline.time_since_epoch()),
                          ready);
    }
    return std::exchange(items_, {});
  }

  // What is queued stays to be taken; nothing more is accepted.
  void Close() {
    const std::lock_guard lock(mu_);
    closed_ = true;
    changed_.notify_one();
  }

  // True if nothing is queued and nothing ever will be.
  [[nodiscard]] bool IsFinished() {
    const std::lock_guard lock(mu_);
    return closed_ && items_.empty();
  }

 private:
  bool PushIfBelow(size_t capacity, T item) {
    const std::lock_guard lock(mu_);
    if (closed_ || items_.size() >= capacity) return false;
    items_.push_back(std::move(item));
    if (items_.size() == 1) changed_.notify_one();  // Else the consumer was told already.
    return true;
  }

  const size_t capacity_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace kvd::runtime
