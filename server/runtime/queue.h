// A queue between threads that is emptied whole: whoever consumes gets everything that is pending,
// in order, so that work becomes batches under load and nobody waits for more.
#pragma once

#include <limits>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kvd::runtime {

// Threading: thread-safe; one consumer.
template <typename T>
class Queue {
 public:
  explicit Queue(size_t capacity = std::numeric_limits<size_t>::max()) : capacity_(capacity) {}

  // False, and `item` is dropped, if the queue is full or closed.
  bool TryPush(T item) ABSL_LOCKS_EXCLUDED(mu_) { return PushIfBelow(capacity_, std::move(item)); }

  // For those who hold what bounds them elsewhere. False, and `item` is dropped, if closed.
  bool Push(T item) ABSL_LOCKS_EXCLUDED(mu_) {
    return PushIfBelow(std::numeric_limits<size_t>::max(), std::move(item));
  }

  // Waits for an item, for Close() or until `deadline`; takes everything.
  std::vector<T> TakeAll(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    const auto ready = [this]()
                           ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !items_.empty() || closed_; };
    mu_.AwaitWithDeadline(absl::Condition(&ready), deadline);
    return std::exchange(items_, {});
  }

  // What is queued stays to be taken; nothing more is accepted.
  void Close() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    closed_ = true;
  }

  // True if nothing is queued and nothing ever will be.
  [[nodiscard]] bool IsFinished() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return closed_ && items_.empty();
  }

 private:
  bool PushIfBelow(size_t capacity, T item) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (closed_ || items_.size() >= capacity) return false;
    items_.push_back(std::move(item));
    return true;
  }

  const size_t capacity_;
  absl::Mutex mu_;
  std::vector<T> items_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::runtime
