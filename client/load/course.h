// The time of one load, from now until it is over, and what became of its operations: what its
// callers share with whoever looks at it.
//
// Threading: thread-safe, by one lock held for a few instructions.
#pragma once

#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/load/pace.h"
#include "client/load/run.h"
#include "client/load/tally.h"

namespace kvd::load {

class Course {
 public:
  explicit Course(const RunOptions& options)
      : pace_(Schedule(options.per_second), options.length) {}

  [[nodiscard]] Pace& pace() { return pace_; }

  // An operation that was due at `due` has ended now; how long it took is not for `ended` to say.
  void End(Kind kind, Duration due, Ended ended) ABSL_LOCKS_EXCLUDED(mu_) {
    const Timing timing{.due = due, .answered = pace_.Now()};
    ended.latency = timing.latency();
    ended.in_time = timing.answered < pace_.end();
    const absl::MutexLock lock(&mu_);
    tally_.Record(kind, ended);
  }

  [[nodiscard]] Figures Look() const ABSL_LOCKS_EXCLUDED(mu_) {
    const Duration elapsed = std::min(pace_.Now(), pace_.end());
    const absl::MutexLock lock(&mu_);
    return {.tally = tally_, .elapsed = elapsed, .not_begun = pace_.NotBegun()};
  }

 private:
  Pace pace_;
  mutable absl::Mutex mu_;
  Tally tally_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::load
