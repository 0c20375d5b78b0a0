#include "server/raft/outbox.h"

#include <utility>

namespace kvd::raft {

void Outbox::Release(uint64_t number, Term term) {
  const auto end = held_.upper_bound(number);
  for (auto it = held_.begin(); it != end; ++it) {
    if (it->second.message.term >= term) ready_.push_back(std::move(it->second));
  }
  held_.erase(held_.begin(), end);
}

std::vector<Outgoing> Outbox::TakeReady() {
  return std::exchange(ready_, {});
}

}  // namespace kvd::raft
