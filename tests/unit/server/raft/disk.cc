#include "tests/unit/server/raft/disk.h"

#include "common/check.h"

namespace kvd::raft::test {

void Machine::Apply(const storage::Entry& entry) {
  KVD_CHECK_OP(==, entry.index, index + 1);
  index = entry.index;
  term = entry.term;
  if (entry.kind == storage::EntryKind::kConfiguration) {
    configuration = *DecodeConfiguration(entry.payload);
  } else if (!entry.payload.empty()) {
    commands.emplace_back(entry.payload);
  }
}

void Disk::Apply(const storage::GroupWrite& write) {
  if (write.hard_state.has_value()) hard_state = *write.hard_state;
  if (write.reset.has_value()) {
    base_ = write.reset->index;
    base_term_ = write.reset->term;
    entries_.clear();
  }
  if (write.entries.empty()) return;
  const Index from = write.entries.front().index;
  KVD_CHECK_OP(>, from, base_);
  KVD_CHECK_OP(<=, from, last() + 1);
  entries_.resize(from - base_ - 1);
  entries_.insert(entries_.end(), write.entries.begin(), write.entries.end());
}

void Disk::TruncateThrough(Index through) {
  KVD_CHECK_OP(<=, through, flushed.index);
  while (base_ < through) {
    base_term_ = entries_.front().term;
    entries_.pop_front();
    ++base_;
  }
}

std::vector<storage::Entry> Disk::Read(Index from, Index to, uint64_t max_bytes) const {
  std::vector<storage::Entry> read;
  if (from <= base_ || to > last()) return read;
  uint64_t bytes = 0;
  for (Index i = from; i <= to; ++i) {
    const storage::Entry& entry = entries_[i - base_ - 1];
    bytes += entry.payload.size();
    if (bytes > max_bytes && !read.empty()) break;
    read.push_back(entry);
  }
  return read;
}

bool Disk::Holds(Index index, Term term) const {
  if (index <= flushed.index) return true;  // Only what is committed is flushed.
  return index > base_ && index <= last() && TermAt(index) == term;
}

Term Disk::TermAt(Index index) const {
  return index == base_ ? base_term_ : entries_[index - base_ - 1].term;
}

Restored Disk::Restore() {
  const bool behind = flushed.index > last() || flushed.index < base_;
  if (behind || TermAt(flushed.index) != flushed.term) {
    base_ = flushed.index;
    base_term_ = flushed.term;
    entries_.clear();
  }
  Restored restored{.hard_state = hard_state,
                    .configuration = flushed.configuration,
                    .applied = flushed.index,
                    .first = base_ + 1,
                    .last = last(),
                    .terms = {{base_, base_term_}},
                    .tail = {}};
  for (Index i = base_ + 1; i <= last(); ++i) {
    const Term term = TermAt(i);
    if (term != restored.terms.back().term) restored.terms.push_back({i, term});
    if (i > flushed.index) restored.tail.push_back(entries_[i - base_ - 1]);
  }
  return restored;
}

}  // namespace kvd::raft::test
