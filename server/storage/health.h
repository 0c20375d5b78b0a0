// Whether what is on the disk may still be trusted: the first error that leaves it in doubt ends
// its use for good, and is told once.
//
// Threading: thread-safe; calls out without its lock.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status.h"

namespace kvd::storage {

class Health {
 public:
  // `on_fatal` is called at most once, by whoever fails first; may be empty.
  explicit Health(std::function<void(const Status&)> on_fatal) : on_fatal_(std::move(on_fatal)) {}

  void Fail(const Status& error) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      const absl::MutexLock lock(&mu_);
      if (!error_.ok()) return;
      error_ = error;
    }
    failed_.store(true, std::memory_order_release);
    if (on_fatal_) on_fatal_(error);
  }

  // The first error; OK until then.
  [[nodiscard]] Status Check() const ABSL_LOCKS_EXCLUDED(mu_) {
    if (!failed_.load(std::memory_order_acquire)) return OkStatus();
    const absl::MutexLock lock(&mu_);
    return error_;
  }

 private:
  const std::function<void(const Status&)> on_fatal_;
  std::atomic<bool> failed_ = false;  // Spares the lock on the way that is always taken.
  mutable absl::Mutex mu_;
  Status error_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::storage
