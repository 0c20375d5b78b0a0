// The highest index known of each partition, from the ring and from answers: what a write says it
// knew when it was first sent (RequestId::base).
//
// Threading: thread-safe, by one lock held for a few instructions.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/answers.h"
#include "common/types.h"

namespace kvd::client {

class Bases {
 public:
  // An index of `partition` that exists. Lower ones than known are ignored.
  void Learn(PartitionId partition, Index index) ABSL_LOCKS_EXCLUDED(mu_);

  // All partitions, and how many there are.
  void Learn(const Ring& ring) ABSL_LOCKS_EXCLUDED(mu_);

  // Of the partition of `key`; 0 if none is known, or no ring was learnt yet.
  [[nodiscard]] Index Of(std::string_view key) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable absl::Mutex mu_;
  uint32_t partitions_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<PartitionId, Index> known_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::client
