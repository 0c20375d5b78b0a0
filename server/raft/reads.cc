#include "server/raft/reads.h"

#include <utility>

#include "common/check.h"

namespace kvd::raft {

void Reads::Add(ReadId id, uint64_t round, std::optional<Index> index) {
  KVD_CHECK(pending_.empty() || pending_.back().round <= round, "rounds count up");
  pending_.push_back({id, round, index});
}

void Reads::OnReadable(Index commit) {
  for (Pending& read : pending_) {
    if (!read.index.has_value()) read.index = commit;
  }
}

std::vector<ConfirmedRead> Reads::TakeConfirmed(uint64_t round) {
  std::vector<ConfirmedRead> confirmed;
  while (!pending_.empty()) {
    const Pending& read = pending_.front();
    if (read.round > round || !read.index.has_value()) break;
    confirmed.push_back({read.id, *read.index});
    pending_.pop_front();
  }
  return confirmed;
}

std::vector<ReadId> Reads::TakeAll() {
  std::vector<ReadId> all;
  for (const Pending& read : std::exchange(pending_, {})) all.push_back(read.id);
  return all;
}

std::optional<uint64_t> Reads::newest_round() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.back().round;
}

}  // namespace kvd::raft
