#include "server/runtime/log_writer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "server/runtime/thread_name.h"
#include "server/storage/merge.h"

namespace kvd::runtime {
LogWriter::LogWriter(storage::Log& log, storage::DataDir& data_dir, Callbacks callbacks)
    : log_(log),
      data_dir_(data_dir),
      callbacks_(std::move(callbacks)),
      thread_([this] { Run(); }) {}

LogWriter::~LogWriter() {
  jobs_.Close();
  thread_.join();
}

void LogWriter::Append(std::vector<raft::Write> writes) {
  jobs_.Push(std::move(writes));
}
void LogWriter::Bind(const topology::Binding& binding) {
  jobs_.Push(binding);
}
void LogWriter::StoreTopology(const topology::Topology& topology) {
  jobs_.Push(topology);
}
void LogWriter::StoreBoots(std::string record) {
  jobs_.Push(BootsRecord{std::move(record)});
}
void LogWriter::Truncate(Truncations truncations) {
  jobs_.Push(std::move(truncations));
}

void LogWriter::Run() {
  NameThread("kvd-log");
  while (!jobs_.IsFinished()) {
    if (const Status done = Do(jobs_.TakeAll(Instant::max())); !done.ok()) {
      callbacks_.on_fatal(done);
      jobs_.Close();
      return;
    }
  }
}

// What may be forgotten was in the log before what is queued behind it: truncations come last. Of a
// replica that is removed meanwhile there is nothing left to forget. A topology comes behind the
// log: the replicas of the one before have their names there when it is taken over.
Status LogWriter::Do(std::vector<Job> jobs) {
  std::vector<raft::Write> writes;
  Truncations truncations;
  std::optional<topology::Topology> newest;
  for (Job& job : jobs) {
    if (auto* some = std::get_if<std::vector<raft::Write>>(&job)) {
      std::ranges::move(*some, std::back_inserter(writes));
    } else if (const auto* binding = std::get_if<topology::Binding>(&job)) {
      KVD_RETURN_IF_ERROR(DoBind(*binding));
    } else if (auto* topology = std::get_if<topology::Topology>(&job)) {
      newest = std::move(*topology);
    } else if (const auto* boots = std::get_if<BootsRecord>(&job)) {
      KVD_RETURN_IF_ERROR(data_dir_.Keep(storage::KeptRecord::kBoots, boots->bytes));
      callbacks_.on_boots_stored();
    } else {
      std::ranges::move(std::get<Truncations>(job), std::back_inserter(truncations));
    }
  }
  for (const raft::Write& write : writes) {
    if (!write.write.remove) continue;
    std::erase_if(truncations, [&](const auto& each) { return each.group == write.write.group; });
  }
  if (!writes.empty()) KVD_RETURN_IF_ERROR(DoAppend(std::move(writes)));
  if (newest) KVD_RETURN_IF_ERROR(DoStore(*newest));
  if (!truncations.empty()) KVD_RETURN_IF_ERROR(DoTruncate(truncations));
  return OkStatus();
}

// One write per group, one batch for all of them.
Status LogWriter::DoAppend(std::vector<raft::Write> writes) {
  std::map<GroupId, raft::Write> merged;
  for (raft::Write& write : writes) {
    const GroupId group = write.write.group;
    const auto [at, fresh] = merged.try_emplace(group);
    at->second.number = write.number;
    if (fresh) {
      at->second.write = std::move(write.write);
    } else {
      storage::Merge(at->second.write, std::move(write.write));
    }
  }
  std::vector<storage::GroupWrite> batch;
  Durable durable;
  for (auto& [group, write] : merged) {
    durable.emplace_back(group, write.number);
    batch.push_back(std::move(write.write));
  }
  KVD_RETURN_IF_ERROR(Annotate(log_.Append(batch), "write the log"));
  callbacks_.on_durable(std::move(durable));
  return OkStatus();
}

Status LogWriter::DoBind(const topology::Binding& binding) {
  storage::Identity identity = *data_dir_.identity();
  identity.cluster_id = binding.cluster_id;
  identity.founder_uuid = binding.founder;
  KVD_RETURN_IF_ERROR(data_dir_.SetIdentity(identity));
  callbacks_.on_bound();
  return OkStatus();
}

Status LogWriter::DoStore(const topology::Topology& topology) {
  KVD_RETURN_IF_ERROR(
      data_dir_.Keep(storage::KeptRecord::kTopology, topology::EncodeTopology(topology)));
  callbacks_.on_topology_stored();
  return OkStatus();
}

Status LogWriter::DoTruncate(const Truncations& truncations) {
  return Annotate(log_.TruncatePrefixes(truncations), "truncate the log");
}

}  // namespace kvd::runtime
