#include "client/write_ids.h"

#include <utility>

namespace kvd::client {

WriteIds::WriteIds(std::function<uint64_t()> draw) : draw_(std::move(draw)), client_(draw_()) {}

RequestId WriteIds::Begin() {
  const absl::MutexLock lock(&mu_);
  unfinished_.insert(++last_);
  return {.client = client_, .sequence = last_, .done_below = *unfinished_.begin()};
}

void WriteIds::Finish(const RequestId& id) {
  const absl::MutexLock lock(&mu_);
  if (id.client == client_) unfinished_.erase(id.sequence);
}

void WriteIds::Abandon(const RequestId& id) {
  const absl::MutexLock lock(&mu_);
  if (id.client != client_) return;
  client_ = draw_();
  last_ = 0;
  unfinished_.clear();
}

}  // namespace kvd::client
