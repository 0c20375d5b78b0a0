// Names the writes of one client: a number of its own, and a sequence. Keeps track of which are
// finished, so that nodes may forget them.
//
// Threading: thread-safe, by one lock held for a few instructions.
#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/request_id.h"

namespace kvd::client {

// From the system's randomness.
[[nodiscard]] uint64_t DrawClientNumber();

class WriteIds {
 public:
  // `draw` makes the client's number; it must not repeat itself.
  explicit WriteIds(std::function<uint64_t()> draw);

  // A new id, without a base. It counts as unfinished until Finish() or Abandon().
  [[nodiscard]] RequestId Begin() ABSL_LOCKS_EXCLUDED(mu_);

  // The caller knows what became of it: it will not be sent again.
  void Finish(const RequestId& id) ABSL_LOCKS_EXCLUDED(mu_);

  // What became of it is not known, and somebody may still send it again. From here on writes are
  // named under a new number, so that no later write calls this one finished.
  void Abandon(const RequestId& id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::function<uint64_t()> draw_;
  absl::Mutex mu_;
  uint64_t client_ ABSL_GUARDED_BY(mu_);
  uint64_t last_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<uint64_t> unfinished_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::client
