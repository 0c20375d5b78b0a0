// Room for so many operations at once: whoever begins one waits for a slot, whoever ends one frees
// it.
//
// Threading: thread-safe, by one lock.
#pragma once

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"

namespace kvd::load {

class Slots {
 public:
  explicit Slots(size_t count) : free_(count) {}

  // False: none became free within `patience`.
  [[nodiscard]] bool Take(Duration patience) ABSL_LOCKS_EXCLUDED(mu_);

  void Free() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  [[nodiscard]] bool HasFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return free_ > 0; }

  absl::Mutex mu_;
  size_t free_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::load
