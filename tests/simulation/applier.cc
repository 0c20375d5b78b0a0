#include "tests/simulation/applier.h"

#include <iterator>

namespace kvd::simulation {
namespace {

template <typename T>
void Append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Applier::Applier(const Surroundings& around, Life& life, partition::StateMachines& machines,
                 Callbacks callbacks)
    : around_(around), life_(life), machines_(machines), callbacks_(std::move(callbacks)) {
  FlushLater();
}

void Applier::FlushLater() {
  life_.After(around_.swarm.flush_every, [this] {
    flush_due_ = true;
    Start();
    FlushLater();
  });
}

void Applier::Apply(std::vector<partition::ApplyJob> jobs) {
  Append(applies_, std::move(jobs));
  Start();
}

void Applier::Read(std::vector<node::ReadJob> jobs) {
  Append(reads_, std::move(jobs));
  Start();
}

void Applier::Start() {
  if (busy_ || (applies_.empty() && reads_.empty() && !flush_due_)) return;
  busy_ = true;
  life_.After(around_.DrawWriteTime() / 2, [this] { Work(); });
}

void Applier::Work() {
  std::vector<partition::Applied> applied;
  if (const auto jobs = std::exchange(applies_, {}); !jobs.empty()) {
    auto done = machines_.Apply(jobs);
    if (!done.ok()) return callbacks_.on_fatal(done.status());
    applied = *std::move(done);
  }
  Reads reads;
  for (const node::ReadJob& job : std::exchange(reads_, {})) {
    reads.emplace_back(job.ticket, ReadOne(job));
  }
  if (around_.sabotage == Sabotage::kTruncateUnflushed) {
    Truncations all;
    for (const auto& one : applied) all.push_back({one.partition, one.outcomes.back().index});
    callbacks_.on_flushed(std::move(all));
  }
  if (std::exchange(flush_due_, false)) {
    auto truncations = machines_.Flush();
    if (!truncations.ok()) return callbacks_.on_fatal(truncations.status());
    callbacks_.on_flushed(*std::move(truncations));
  }
  life_.After(around_.DrawWriteTime() / 2,
              [this, applied = std::move(applied), reads = std::move(reads)]() mutable {
                if (!applied.empty() || !reads.empty()) {
                  callbacks_.on_done(std::move(applied), std::move(reads));
                }
                busy_ = false;
                Start();
              });
}

Applier::Value Applier::ReadOne(const node::ReadJob& job) {
  if (around_.sabotage != Sabotage::kReadStale) return machines_.Read(job.partition, job.key);
  const auto before = read_before_.find({job.partition, job.key});
  if (before != read_before_.end() && around_.world.random().Chance(200'000)) return before->second;
  const Value value = machines_.Read(job.partition, job.key);
  read_before_.insert_or_assign({job.partition, job.key}, value);
  return value;
}

}  // namespace kvd::simulation
