#include "client/write_ids.h"

#include <random>
#include <utility>

namespace kvd::client {

uint64_t DrawClientNumber() {
  std::random_device device;
  return uint64_t{device()} << 32U | device();
}

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
