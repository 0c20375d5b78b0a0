#include "server/runtime/applier_thread.h"

#include <algorithm>
#include <chrono>

#include "server/runtime/thread_name.h"

namespace kvd::runtime {
namespace {

constexpr Duration kMeasureEvery = std::chrono::seconds(1);

// Nobody waits for a drop but the next replica of its partition: several share a flush.
constexpr Duration kDropsWait = std::chrono::seconds(1);

template <typename T>
void Take(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

uint64_t BytesOf(const std::vector<partition::ApplyJob>& jobs) {
  uint64_t bytes = 0;
  for (const partition::ApplyJob& job : jobs) {
    for (const storage::Entry& entry : job.entries) bytes += entry.payload.size();
  }
  return bytes;
}

}  // namespace

ApplierThread::ApplierThread(partition::StateMachines& machines, const storage::Log& log,
                             const Clock& clock, FlushEvery flush_every, Callbacks callbacks)
    : machines_(machines),
      log_(log),
      clock_(clock),
      flush_every_(flush_every),
      callbacks_(std::move(callbacks)),
      transfers_(machines),
      thread_([this] { Run(); }) {}

ApplierThread::~ApplierThread() {
  jobs_.Close();
  thread_.join();
}

bool ApplierThread::Jobs::empty() const {
  return applies.empty() && installs.empty() && reads.empty() && fetches.empty() &&
         chunk_closes.empty() && chunk_reads.empty() && chunk_writes.empty() && drops.empty();
}

void ApplierThread::Do(Jobs jobs) {
  if (!jobs.empty()) jobs_.Push(std::move(jobs));
}

void ApplierThread::Run() {
  NameThread("kvd-apply");
  truncate_at_ = clock_.Now() + flush_every_.interval;
  Instant measure_at = clock_.Now();
  Status status;
  while (status.ok() && !jobs_.IsFinished()) {
    status = Work(jobs_.TakeAll(std::min(NextFlush(), measure_at)));
    if (status.ok() && clock_.Now() >= measure_at) {
      callbacks_.on_disk(callbacks_.measure_disk());
      measure_at = clock_.Now() + kMeasureEvery;
    }
    if (status.ok()) FlushIfDue();
  }
  if (status.ok()) status = LastFlush();
  if (status.ok()) return;
  jobs_.Close();
  callbacks_.on_fatal(status);
}

// Everything that is pending is one batch of the store. Applies first: what is read then is
// younger, never older, than was asked for; and what is installed comes after all that was applied
// before. Drops come last: all before them was asked for by the replica that is gone.
Status ApplierThread::Work(std::vector<Jobs> pending) {
  Jobs all;
  for (Jobs& jobs : pending) {
    Take(all.applies, jobs.applies);
    Take(all.installs, jobs.installs);
    Take(all.reads, jobs.reads);
    Take(all.fetches, jobs.fetches);
    Take(all.chunk_closes, jobs.chunk_closes);
    Take(all.chunk_reads, jobs.chunk_reads);
    Take(all.chunk_writes, jobs.chunk_writes);
    Take(all.drops, jobs.drops);
    all.flush_done = all.flush_done || jobs.flush_done;
  }
  Done done;
  if (!all.applies.empty()) KVD_RETURN_IF_ERROR(DoApplies(all.applies, done));
  KVD_RETURN_IF_ERROR(DoInstalls(all.installs, done));
  for (const node::ReadJob& job : all.reads) done.emplace_back(DoRead(job));
  for (const node::FetchJob& job : all.fetches) {
    KVD_ASSIGN_OR_RETURN(auto fetched, DoFetch(job));
    done.emplace_back(std::move(fetched));
  }
  KVD_RETURN_IF_ERROR(DoTransfers(all, done));
  KVD_RETURN_IF_ERROR(DoDrops(all.drops));
  if (all.flush_done) KVD_RETURN_IF_ERROR(EndFlush());
  if (!done.empty()) callbacks_.on_done(std::move(done));
  return OkStatus();
}

Status ApplierThread::DoApplies(const std::vector<partition::ApplyJob>& jobs, Done& done) {
  unflushed_bytes_ += BytesOf(jobs);
  const Instant begun = clock_.Now();
  KVD_ASSIGN_OR_RETURN(auto applied, machines_.Apply(jobs));
  if (callbacks_.on_applied) callbacks_.on_applied(clock_.Now() - begun);
  for (partition::Applied& one : applied) done.emplace_back(std::move(one));
  return OkStatus();
}

Status ApplierThread::DoInstalls(const std::vector<node::InstallJob>& jobs, Done& done) {
  for (const node::InstallJob& job : jobs) {
    gate_.Shut(job.partition);
    auto keys = transfers_.Install(job.partition, job.snapshot);
    // Not there, or no longer of use: the leader sends another. All else is the disk's.
    const StatusCode code = keys.status().code();
    if (!keys.ok() && code != StatusCode::kNotFound && code != StatusCode::kFailedPrecondition) {
      return Annotate(keys.status(), "install a snapshot");
    }
    Done& to = keys.ok() ? unflushed_ : done;
    if (keys.ok()) tell_at_ = clock_.Now();
    to.emplace_back(InstallResult{job.partition, job.snapshot, std::move(keys)});
  }
  return OkStatus();
}

Status ApplierThread::DoDrops(const std::vector<PartitionId>& partitions) {
  for (const PartitionId partition : partitions) {
    gate_.Shut(partition);
    KVD_RETURN_IF_ERROR(Annotate(transfers_.Drop(partition), "drop a removed replica's data"));
    tell_at_ = std::min(tell_at_, clock_.Now() + kDropsWait);
    unflushed_.emplace_back(DropResult{partition});
  }
  return OkStatus();
}

Status ApplierThread::DoTransfers(const Jobs& jobs, Done& done) {
  for (const node::ChunkRead& job : jobs.chunk_reads) {
    done.emplace_back(
        ChunkResult{job.stream, transfers_.Read(job.stream, job.partition, job.max_bytes)});
  }
  for (const partition::StreamId stream : jobs.chunk_closes) transfers_.Close(stream);
  for (const node::ChunkWrite& job : jobs.chunk_writes) {
    const Status written = transfers_.Write(job.peer, job.stream, job.partition, job.bytes);
    if (written.code() == StatusCode::kInternal) return Annotate(written, "receive a snapshot");
    done.emplace_back(WriteResult{job.stream, job.partition, job.peer, written.ok()});
  }
  return OkStatus();
}

std::optional<storage::KnownValue> ApplierThread::Peek(const node::ReadJob& job) const {
  auto found = gate_.Try(job.partition, [&](storage::Generation generation) {
    return machines_.Peek(job.partition, generation, job.key);
  });
  if (found && found->value && job.omit_value) found->value->value.clear();
  return found;
}

ApplierThread::ReadResult ApplierThread::DoRead(const node::ReadJob& job) {
  gate_.Open(job.partition, machines_.applied(job.partition).generation);
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

Instant ApplierThread::NextFlush() const {
  return flushing_.valid() ? Instant::max() : std::min(truncate_at_, tell_at_);
}

// Beside the work here: it may take as long as writing megabytes takes.
void ApplierThread::FlushIfDue() {
  if (flushing_.valid()) return;
  const Instant now = clock_.Now();
  truncating_ = now >= truncate_at_ || unflushed_bytes_ >= flush_every_.bytes;
  if (!truncating_ && now < tell_at_) return;
  if (truncating_) truncate_at_ = now + flush_every_.interval;
  unflushed_bytes_ = 0;
  tell_at_ = Instant::max();
  being_flushed_ = std::exchange(unflushed_, {});
  flushing_ = std::async(std::launch::async, [this] {
    Status flushed = machines_.FlushData();
    Jobs done;
    done.flush_done = true;
    jobs_.Push(std::move(done));
    return flushed;
  });
}

Status ApplierThread::EndFlush() {
  KVD_RETURN_IF_ERROR(flushing_.get());
  if (!being_flushed_.empty()) callbacks_.on_done(std::exchange(being_flushed_, {}));
  if (!truncating_) return OkStatus();
  KVD_ASSIGN_OR_RETURN(auto truncations, machines_.Flushed());
  callbacks_.on_flushed(std::move(truncations));
  return OkStatus();
}

Status ApplierThread::LastFlush() {
  if (flushing_.valid()) KVD_RETURN_IF_ERROR(EndFlush());
  KVD_ASSIGN_OR_RETURN(auto truncations, machines_.Flush());
  if (!unflushed_.empty()) callbacks_.on_done(std::exchange(unflushed_, {}));
  callbacks_.on_flushed(std::move(truncations));
  return OkStatus();
}

}  // namespace kvd::runtime
