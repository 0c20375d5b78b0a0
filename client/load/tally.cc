#include "client/load/tally.h"

namespace kvd::load {
namespace {

void Add(Outcomes& sum, const Outcomes& other) {
  sum.latencies.Add(other.latencies);
  sum.in_time += other.in_time;
  sum.unknown += other.unknown;
  sum.errors += other.errors;
  sum.absent += other.absent;
  sum.conflicts += other.conflicts;
}

}  // namespace

void Tally::Record(Kind kind, const Ended& ended) {
  Outcomes& outcomes = kinds_[static_cast<size_t>(kind)];
  outcomes.conflicts += ended.conflicts;
  if (!ended.error) {
    outcomes.latencies.Record(ended.latency);
    outcomes.in_time += ended.in_time ? 1 : 0;
    outcomes.absent += ended.absent ? 1 : 0;
    return;
  }
  const bool is_unknown = ended.error->kind == client::ErrorKind::kOutcomeUnknown;
  ++(is_unknown ? outcomes.unknown : outcomes.errors);
  auto& first = is_unknown ? first_unknown_ : first_error_;
  if (!first) first = ended.error;
}

void Tally::Add(const Tally& other) {
  for (size_t i = 0; i < kinds_.size(); ++i) load::Add(kinds_[i], other.kinds_[i]);
  if (!first_unknown_) first_unknown_ = other.first_unknown_;
  if (!first_error_) first_error_ = other.first_error_;
}

Outcomes Tally::Total() const {
  Outcomes total;
  for (const Outcomes& outcomes : kinds_) load::Add(total, outcomes);
  return total;
}

}  // namespace kvd::load
