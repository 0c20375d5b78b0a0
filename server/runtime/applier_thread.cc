#include "server/runtime/applier_thread.h"

#include <algorithm>
#include <chrono>

namespace kvd::runtime {
namespace {

constexpr Duration kMeasureEvery = std::chrono::seconds(1);

template <typename T>
void Take(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

ApplierThread::ApplierThread(partition::StateMachines& machines, const storage::Log& log,
                             const Clock& clock, Duration flush_every, Callbacks callbacks)
    : machines_(machines),
      log_(log),
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

void ApplierThread::Fetch(std::vector<node::FetchJob> jobs) {
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

// Applies first, in one batch: what is read then is younger, never older, than was asked for.
Status ApplierThread::Do(std::vector<Job> jobs) {
  std::vector<partition::ApplyJob> applies;
  std::vector<node::ReadJob> reads;
  std::vector<node::FetchJob> fetches;
  for (Job& job : jobs) {
    if (auto* some = std::get_if<std::vector<partition::ApplyJob>>(&job)) Take(applies, *some);
    if (auto* some = std::get_if<std::vector<node::ReadJob>>(&job)) Take(reads, *some);
    if (auto* some = std::get_if<std::vector<node::FetchJob>>(&job)) Take(fetches, *some);
  }
  Done done;
  if (!applies.empty()) {
    KVD_ASSIGN_OR_RETURN(done.applied, machines_.Apply(applies));
  }
  done.reads.reserve(reads.size());
  for (const node::ReadJob& read : reads) done.reads.push_back(DoRead(read));
  for (const node::FetchJob& job : fetches) {
    KVD_ASSIGN_OR_RETURN(auto fetched, DoFetch(job));
    done.fetches.push_back(std::move(fetched));
  }
  if (!done.empty()) callbacks_.on_done(std::move(done));
  return OkStatus();
}

ApplierThread::ReadResult ApplierThread::DoRead(const node::ReadJob& job) const {
  auto value = machines_.Read(job.partition, job.key);
  if (value.ok() && *value && job.omit_value) (*value)->value.clear();
  return {job.ticket, std::move(value)};
}

StatusOr<ApplierThread::FetchResult> ApplierThread::DoFetch(const node::FetchJob& job) const {
  FetchResult result{.partition = job.partition, .follower = job.fetch.follower, .entries = {}};
  auto entries =
      log_.Read(GroupOf(job.partition), job.fetch.from, job.fetch.to, job.fetch.max_bytes);
  if (entries.ok()) {
    result.entries = *std::move(entries);
  } else if (entries.status().code() != StatusCode::kOutOfRange) {
    return Annotate(entries.status(), "read the log");
  }
  return result;
}

Status ApplierThread::Flush() {
  KVD_ASSIGN_OR_RETURN(auto truncations, machines_.Flush());
  callbacks_.on_flushed(std::move(truncations));
  return OkStatus();
}

}  // namespace kvd::runtime
