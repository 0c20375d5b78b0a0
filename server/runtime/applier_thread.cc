#include "server/runtime/applier_thread.h"

#include <algorithm>
#include <chrono>

namespace kvd::runtime {
namespace {

constexpr Duration kMeasureEvery = std::chrono::seconds(1);

}  // namespace

ApplierThread::ApplierThread(partition::StateMachines& machines, const Clock& clock,
                             Duration flush_every, Callbacks callbacks)
    : machines_(machines),
      clock_(clock),
      flush_every_(flush_every),
      callbacks_(std::move(callbacks)),
      thread_([this] { Run(); }) {}

ApplierThread::~ApplierThread() {
  jobs_.Close();
  thread_.join();
}

void ApplierThread::Apply(std::vector<partition::ApplyJob> jobs) {
  jobs_.Push(std::move(jobs));
}
void ApplierThread::Read(std::vector<node::ReadJob> jobs) {
  jobs_.Push(std::move(jobs));
}

void ApplierThread::Run() {
  Instant flush_at = clock_.Now() + flush_every_;
  Instant measure_at = clock_.Now();
  Status status;
  while (status.ok() && !jobs_.IsFinished()) {
    status = Do(jobs_.TakeAll(std::min(flush_at, measure_at)));
    if (status.ok() && clock_.Now() >= measure_at) {
      callbacks_.on_disk(callbacks_.measure_disk());
      measure_at = clock_.Now() + kMeasureEvery;
    }
    if (status.ok() && clock_.Now() >= flush_at) {
      status = Flush();
      flush_at = clock_.Now() + flush_every_;
    }
  }
  if (status.ok()) status = Flush();
  if (status.ok()) return;
  jobs_.Close();
  callbacks_.on_fatal(status);
}

Status ApplierThread::Do(std::vector<Job> jobs) {
  std::vector<partition::ApplyJob> applies;
  std::vector<node::ReadJob> reads;
  for (Job& job : jobs) {
    const auto append = [](auto& to, auto& from) {
      to.insert(to.end(), std::make_move_iterator(from.begin()),
                std::make_move_iterator(from.end()));
    };
    if (auto* some = std::get_if<std::vector<partition::ApplyJob>>(&job)) append(applies, *some);
    if (auto* some = std::get_if<std::vector<node::ReadJob>>(&job)) append(reads, *some);
  }
  std::vector<partition::Applied> applied;
  if (!applies.empty()) {
    KVD_ASSIGN_OR_RETURN(applied, machines_.Apply(applies));
  }
  std::vector<ReadResult> values;
  values.reserve(reads.size());
  for (const node::ReadJob& read : reads) {
    auto value = machines_.Read(read.partition, read.key);
    if (value.ok() && *value && read.omit_value) (*value)->value.clear();
    values.push_back({read.ticket, std::move(value)});
  }
  if (!applied.empty() || !values.empty()) {
    callbacks_.on_done(std::move(applied), std::move(values));
  }
  return OkStatus();
}

Status ApplierThread::Flush() {
  KVD_ASSIGN_OR_RETURN(auto truncations, machines_.Flush());
  callbacks_.on_flushed(std::move(truncations));
  return OkStatus();
}

}  // namespace kvd::runtime
