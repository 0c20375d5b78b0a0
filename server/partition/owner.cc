#include "server/partition/owner.h"

#include <utility>

#include "common/check.h"

namespace kvd::partition {

Owner::Owner(Options options)
    : options_(options), last_(options.last), durable_(options.last), applied_(options.last) {}

storage::Entry Owner::Propose(Ticket ticket, const Mutation& mutation) {
  storage::Entry entry{
      .index = ++last_, .term = options_.term, .payload = EncodeMutation(mutation)};
  waiting_.emplace(entry.index, ticket);
  not_durable_.push_back(entry);
  return entry;
}

std::vector<storage::Entry> Owner::OnDurable(Index index) {
  KVD_CHECK_OP(<=, index, last_);
  KVD_CHECK_OP(>=, index, durable_);
  std::vector<storage::Entry> committed;
  while (!not_durable_.empty() && not_durable_.front().index <= index) {
    committed.push_back(std::move(not_durable_.front()));
    not_durable_.pop_front();
  }
  durable_ = index;
  return committed;
}

std::vector<std::pair<Ticket, Outcome>> Owner::OnApplied(const std::vector<Outcome>& outcomes) {
  std::vector<std::pair<Ticket, Outcome>> done;
  for (const Outcome& outcome : outcomes) {
    KVD_CHECK_OP(==, outcome.index, applied_ + 1);
    KVD_CHECK_OP(<=, outcome.index, durable_);
    applied_ = outcome.index;
    if (auto waiting = waiting_.extract(outcome.index))
      done.emplace_back(waiting.mapped(), outcome);
  }
  return done;
}

}  // namespace kvd::partition
