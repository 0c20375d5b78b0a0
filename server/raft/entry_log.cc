#include "server/raft/entry_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace kvd::raft {

EntryLog::EntryLog(const Restored& restored, uint64_t cache_bytes)
    : budget_(cache_bytes),
      first_(restored.first),
      last_(restored.applied),
      applied_(restored.applied),
      runs_(restored.terms.begin(), restored.terms.end()),
      cached_from_(restored.applied + 1) {
  KVD_CHECK_OP(>=, restored.applied + 1, restored.first);
  KVD_CHECK_OP(<=, restored.applied, restored.last);
  if (runs_.empty()) {
    KVD_CHECK(restored.first == 1 && restored.last == 0, "only an empty log has no terms");
    runs_.push_back({});
  }
  KVD_CHECK_OP(==, runs_.front().from, restored.first - 1);
  // The tail says its terms itself.
  while (runs_.size() > 1 && runs_.back().from > applied_) runs_.pop_back();
  for (const storage::Entry& entry : restored.tail) Append(entry);
  KVD_CHECK_OP(==, last_, restored.last);
}

std::optional<Term> EntryLog::TermAt(Index index) const {
  if (index + 1 < first_ || index > last_) return std::nullopt;
  const auto above = std::ranges::upper_bound(runs_, index, {}, &Restored::TermStart::from);
  return std::prev(above)->term;
}

Position EntryLog::LastWithin(Position limit) const {
  Index index = std::min(limit.index, last_);
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->from > index) continue;
    if (run->term <= limit.term || run->from == 0) return {index, run->term};
    index = run->from - 1;
  }
  return {std::min(index, first_ - 1), 0};
}

bool EntryLog::IsCoveredBy(Position end) const {
  return end.term > last_term() || (end.term == last_term() && end.index >= last_);
}

std::vector<storage::Entry> EntryLog::Slice(Index from, uint64_t max_bytes) const {
  KVD_CHECK_OP(>=, from, cached_from_);
  uint64_t bytes = 0;
  Index to = from;
  for (; to <= last_; ++to) {
    bytes += BytesOf(At(to));
    if (bytes > max_bytes && to > from) break;
  }
  return Range(from, to - 1);
}

std::vector<storage::Entry> EntryLog::Range(Index from, Index to) const {
  if (from > to) return {};
  KVD_CHECK_OP(>=, from, cached_from_);
  KVD_CHECK_OP(<=, to, last_);
  const auto begin = cache_.begin() + static_cast<ptrdiff_t>(from - cached_from_);
  return {begin, begin + static_cast<ptrdiff_t>(to - from + 1)};
}

const storage::Entry& EntryLog::At(Index index) const {
  KVD_CHECK_OP(>=, index, cached_from_);
  KVD_CHECK_OP(<=, index, last_);
  return cache_[index - cached_from_];
}

void EntryLog::Append(storage::Entry entry) {
  KVD_CHECK_OP(==, entry.index, last_ + 1);
  KVD_CHECK_OP(>=, entry.term, last_term());
  last_ = entry.index;
  if (entry.term > last_term()) runs_.push_back({entry.index, entry.term});
  cache_.push_back(std::move(entry));
}

void EntryLog::CutFrom(Index from) {
  KVD_CHECK_OP(>=, from, first_);
  KVD_CHECK_OP(<=, from, last_);
  while (!cache_.empty() && cache_.back().index >= from) {
    if (cache_.back().index <= applied_) applied_bytes_ -= BytesOf(cache_.back());
    cache_.pop_back();
  }
  cached_from_ = std::min(cached_from_, from);
  applied_ = std::min(applied_, from - 1);
  last_ = from - 1;
  while (runs_.back().from >= from) runs_.pop_back();
}

void EntryLog::Reset(Position position) {
  cache_.clear();
  applied_bytes_ = 0;
  first_ = position.index + 1;
  last_ = position.index;
  applied_ = position.index;
  cached_from_ = first_;
  runs_.assign(1, {position.index, position.term});
}

void EntryLog::ForgetThrough(Index through) {
  KVD_CHECK_OP(<=, through, applied_);
  if (through < first_) return;
  first_ = through + 1;
  while (runs_.size() > 1 && runs_[1].from <= through) runs_.pop_front();
  runs_.front().from = through;
  while (!cache_.empty() && cached_from_ <= through) PopFront();
}

void EntryLog::Applied(Index index) {
  KVD_CHECK_OP(<=, index, last_);
  for (Index i = std::max(applied_ + 1, cached_from_); i <= index; ++i) {
    applied_bytes_ += BytesOf(At(i));
  }
  applied_ = std::max(applied_, index);
  Evict();
}

void EntryLog::Evict() {
  while (applied_bytes_ > budget_) PopFront();
}

void EntryLog::PopFront() {
  applied_bytes_ -= BytesOf(cache_.front());
  cache_.pop_front();
  ++cached_from_;
}

}  // namespace kvd::raft
