#include "server/raft/durability.h"

#include <algorithm>

#include "common/check.h"

namespace kvd::raft {

void Durability::CutFrom(Index from) {
  const Index kept = from - 1;
  for (Written& write : under_way_) write.to = std::min(write.to, kept);
  last_ = std::min(last_, kept);
  written_ = std::min(written_, kept);
  durable_ = std::min(durable_, kept);
}

void Durability::Reset(Index index, Term term) {
  for (Written& write : under_way_) write.to = 0;
  reset_ = {.index = index, .term = term};
  last_ = index;
  written_ = index;
  durable_ = index;  // The state behind it is: the snapshot was installed.
}

bool Durability::IsDirty() const {
  return hard_state_changed_ || reset_.has_value() || last_ > written_;
}

Durability::Plan Durability::Begin() {
  KVD_CHECK(IsDirty(), "a write has something to say");
  Plan plan{.number = next_++,
            .hard_state = hard_state_changed_,
            .from = written_ + 1,
            .to = last_,
            .reset = reset_};
  if (hard_state_changed_) hard_state_number_ = plan.number;
  if (reset_.has_value()) reset_number_ = plan.number;
  hard_state_changed_ = false;
  reset_.reset();
  written_ = last_;
  under_way_.push_back({plan.number, plan.to});
  return plan;
}

void Durability::OnDurable(uint64_t number) {
  KVD_CHECK_OP(<, number, next_);
  while (!under_way_.empty() && under_way_.front().number <= number) {
    durable_ = std::max(durable_, under_way_.front().to);
    under_way_.pop_front();
  }
  done_ = std::max(done_, number);
}

uint64_t Durability::HardStateNumber() const {
  return hard_state_changed_ ? next_ : hard_state_number_;
}

uint64_t Durability::NumberOf(Index index) const {
  if (index > written_ || reset_.has_value()) return next_;
  const auto carries = [&](const Written& write) { return write.to >= index; };
  if (index <= durable_) return reset_number_;
  const auto it = std::ranges::find_if(under_way_, carries);
  KVD_CHECK(it != under_way_.end(), "an entry that was written is under way or durable");
  return std::max(it->number, reset_number_);
}

}  // namespace kvd::raft
