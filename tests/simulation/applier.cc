#include "tests/simulation/applier.h"

#include <iterator>

namespace kvd::simulation {
namespace {

template <typename T>
void Take(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// A snapshot that leaves out what is remembered of requests.
std::string WithoutSessions(const std::string& bytes) {
  auto chunk = partition::DecodeChunk(bytes);
  if (!chunk.ok()) return bytes;
  chunk->sessions.clear();
  if (chunk->end) chunk->end->sessions = 0;
  return partition::EncodeChunk(*chunk);
}

// One without the last few writes: as of a replica that has yet to apply them. `lacking` goes
// along with all of its chunks.
std::string WithoutNewest(const std::string& bytes, partition::SnapshotChunk::End& lacking) {
  constexpr Index kBehind = 4;
  auto chunk = partition::DecodeChunk(bytes);
  if (!chunk.ok()) return bytes;
  std::erase_if(chunk->values, [&](const storage::StoredKey& one) {
    if (one.value.version + kBehind <= chunk->index) return false;
    ++lacking.keys;
    lacking.value_bytes += one.key.size() + one.value.value.size();
    return true;
  });
  if (chunk->end) {
    chunk->end->keys -= lacking.keys;
    chunk->end->value_bytes -= lacking.value_bytes;
  }
  return partition::EncodeChunk(*chunk);
}

std::function<uint32_t(uint32_t)> Of(PartitionId partition) {
  return [partition](uint32_t shards) { return node::ShardOf(partition, shards); };
}

std::function<uint32_t(uint32_t)> OfNumber(uint64_t number) {
  return [number](uint32_t shards) { return node::ShardOfNumber(number, shards); };
}

}  // namespace

bool Applier::Jobs::empty() const {
  return applies.empty() && installs.empty() && reads.empty() && fetches.empty() &&
         chunk_closes.empty() && chunk_reads.empty() && chunk_writes.empty() && drops.empty();
}

Applier::Applier(const Surroundings& around, Life& life, Disk& disk,
                 partition::StateMachines& machines, Callbacks callbacks)
    : around_(around),
      life_(life),
      disk_(disk),
      machines_(machines),
      transfers_(machines),
      callbacks_(std::move(callbacks)) {
  FlushLater();
}

void Applier::FlushLater() {
  life_.After(around_.swarm.flush_every, [this] {
    flush_due_ = true;
    Start();
    FlushLater();
  });
}

void Applier::Do(Jobs jobs) {
  Take(jobs_.applies, jobs.applies);
  Take(jobs_.installs, jobs.installs);
  Take(jobs_.reads, jobs.reads);
  Take(jobs_.fetches, jobs.fetches);
  Take(jobs_.chunk_closes, jobs.chunk_closes);
  Take(jobs_.chunk_reads, jobs.chunk_reads);
  Take(jobs_.chunk_writes, jobs.chunk_writes);
  Take(jobs_.drops, jobs.drops);
  Start();
}

void Applier::Start() {
  if (busy_ || (jobs_.empty() && !flush_due_)) return;
  busy_ = true;
  life_.After(around_.DrawWriteTime() / 2, [this] { Work(); });
}

void Applier::Work() {
  Done done;
  if (Status status = WorkOff(std::exchange(jobs_, {}), done); !status.ok()) {
    return callbacks_.on_fatal(status);
  }
  if (std::exchange(flush_due_, false)) {
    if (Status status = Flush(); !status.ok()) return callbacks_.on_fatal(status);
  }
  TellWhenDurable();
  life_.After(around_.DrawWriteTime() / 2, [this, done = std::move(done)]() mutable {
    if (!done.empty()) callbacks_.on_done(std::move(done));
    busy_ = false;
    Start();
  });
}

// Beside the work that follows.
void Applier::TellWhenDurable() {
  if (unflushed_.empty()) return;
  life_.After(around_.DrawWriteTime(), [this, done = std::exchange(unflushed_, {})]() mutable {
    if (Status status = machines_.FlushData(); !status.ok()) return callbacks_.on_fatal(status);
    callbacks_.on_done(std::move(done));
  });
}

Status Applier::WorkOff(const Jobs& jobs, Done& done) {
  if (!jobs.applies.empty()) KVD_RETURN_IF_ERROR(Apply(jobs.applies, done));
  for (const node::InstallJob& job : jobs.installs) KVD_RETURN_IF_ERROR(Install(job, done));
  for (const node::ReadJob& job : jobs.reads) {
    done.push_back({OfNumber(job.ticket.value),
                    [ticket = job.ticket, value = ReadOne(job)](node::Node& node, Instant now) {
                      node.OnRead(ticket, value, now);
                    }});
  }
  for (const node::FetchJob& job : jobs.fetches) KVD_RETURN_IF_ERROR(Fetch(job, done));
  KVD_RETURN_IF_ERROR(Transfer(jobs, done));
  for (const PartitionId partition : jobs.drops) {
    KVD_RETURN_IF_ERROR(transfers_.Drop(partition));
    unflushed_.push_back({Of(partition), [this, partition](node::Node& node, Instant now) {
                            callbacks_.on_dropped(partition);
                            node.OnDropped(partition, now);
                          }});
  }
  return OkStatus();
}

Status Applier::Apply(const std::vector<partition::ApplyJob>& jobs, Done& done) {
  KVD_ASSIGN_OR_RETURN(auto applied, machines_.Apply(jobs));
  std::map<PartitionId, partition::ApplyJob> merged;
  for (const partition::ApplyJob& job : jobs) {
    auto& all = merged[job.partition];
    all.partition = job.partition;
    all.entries.insert(all.entries.end(), job.entries.begin(), job.entries.end());
  }
  for (partition::Applied& one : applied) {
    callbacks_.on_applied(merged.at(one.partition), one);
    const PartitionId partition = one.partition;
    done.push_back({Of(partition), [one = std::move(one)](node::Node& node, Instant now) {
                      node.OnApplied(one, now);
                    }});
  }
  return OkStatus();
}

Status Applier::Install(const node::InstallJob& job, Done& done) {
  auto keys = transfers_.Install(job.partition, job.snapshot);
  const StatusCode code = keys.status().code();
  if (!keys.ok() && code != StatusCode::kNotFound && code != StatusCode::kFailedPrecondition) {
    return Annotate(keys.status(), "install a snapshot");
  }
  Done& to = keys.ok() ? unflushed_ : done;
  to.push_back(
      {Of(job.partition), [this, job, keys = std::move(keys)](node::Node& node, Instant now) {
         if (keys.ok()) callbacks_.on_installed(job.partition);
         node.OnInstalled(job.partition, job.snapshot, keys, now);
       }});
  return OkStatus();
}

Status Applier::Fetch(const node::FetchJob& job, Done& done) {
  auto entries =
      disk_.log().Read(GroupOf(job.partition), job.fetch.from, job.fetch.to, job.fetch.max_bytes);
  // A log that has failed is about to end its process.
  const StatusCode code = entries.status().code();
  if (!entries.ok() && code != StatusCode::kOutOfRange) return entries.status();
  std::vector<storage::Entry> read;
  if (entries.ok()) read = *std::move(entries);
  done.push_back({Of(job.partition), [partition = job.partition, follower = job.fetch.follower,
                                      read = std::move(read)](node::Node& node, Instant now) {
                    node.OnFetched(partition, follower, read, now);
                  }});
  return OkStatus();
}

Status Applier::Transfer(const Jobs& jobs, Done& done) {
  for (const node::ChunkRead& job : jobs.chunk_reads) {
    auto chunk = transfers_.Read(job.stream, job.partition,
                                 std::min(job.max_bytes, around_.swarm.max_chunk_bytes));
    if (chunk.ok() && around_.sabotage == Sabotage::kSendNoSessions) {
      chunk->bytes = WithoutSessions(chunk->bytes);
    }
    if (chunk.ok() && around_.sabotage == Sabotage::kSendStaleSnapshot) {
      chunk->bytes = WithoutNewest(chunk->bytes, lacking_[job.stream]);
    }
    done.push_back({OfNumber(job.stream.value),
                    [stream = job.stream, chunk = std::move(chunk)](node::Node& node, Instant now) {
                      node.OnChunkRead(stream, chunk, now);
                    }});
  }
  for (const partition::StreamId stream : jobs.chunk_closes) transfers_.Close(stream);
  for (const node::ChunkWrite& job : jobs.chunk_writes) {
    const Status written = transfers_.Write(job.peer, job.stream, job.partition, job.bytes);
    if (written.code() == StatusCode::kInternal) return Annotate(written, "receive a snapshot");
    done.push_back({Of(job.partition), [stream = job.stream, peer = job.peer, ok = written.ok()](
                                           node::Node& node, Instant now) {
                      node.OnChunkWritten(stream, peer, ok, now);
                    }});
  }
  return OkStatus();
}

Status Applier::Flush() {
  KVD_ASSIGN_OR_RETURN(auto truncations, machines_.Flush());
  callbacks_.on_flushed(std::move(truncations));
  return OkStatus();
}

std::optional<Applier::Value> Applier::Peek(const node::ReadJob& job) {
  if (around_.world.random().Chance(500'000)) return std::nullopt;
  return ReadOne(job);
}

Applier::Value Applier::ReadOne(const node::ReadJob& job) {
  if (around_.sabotage != Sabotage::kReadStale) return machines_.Read(job.partition, job.key);
  const auto before = read_before_.find({job.partition, job.key});
  if (before != read_before_.end() && around_.world.random().Chance(200'000)) return before->second;
  Value value = machines_.Read(job.partition, job.key);
  read_before_.insert_or_assign({job.partition, job.key}, value);
  return value;
}

}  // namespace kvd::simulation
