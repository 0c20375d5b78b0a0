#include "server/partition/state_machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::partition {
namespace {

// Without its log, a partition's votes and last entries are lost.
Status CheckLogsExist(std::span<const PartitionId> partitions,
                      std::span<const storage::GroupExtent> extents) {
  for (const PartitionId partition : partitions) {
    if (std::ranges::find(extents, GroupOf(partition), &storage::GroupExtent::group) !=
        extents.end()) {
      continue;
    }
    return MakeStatus(StatusCode::kDataLoss,
                      fmt::format("partition {} has data and no log: its votes and its last "
                                  "entries are lost; restore log and data together, or empty the "
                                  "data directory",
                                  partition.value));
  }
  return OkStatus();
}

std::vector<storage::Entry> Join(std::span<const ApplyJob* const> jobs) {
  std::vector<storage::Entry> entries;
  for (const ApplyJob* job : jobs) {
    entries.insert(entries.end(), job->entries.begin(), job->entries.end());
  }
  return entries;
}

bool WasRemoved(PartitionId partition, std::span<const storage::GroupExtent> extents) {
  const auto extent = std::ranges::find(extents, GroupOf(partition), &storage::GroupExtent::group);
  return extent->replica == ReplicaId{} && extent->removed != ReplicaId{};
}

}  // namespace

StatusOr<std::vector<StateMachines::Opened>> StateMachines::Open(
    std::span<const storage::GroupExtent> extents) {
  KVD_CHECK(appliers_.empty(), "Open() comes first and once");
  KVD_ASSIGN_OR_RETURN(const auto partitions, store_.Partitions());
  KVD_RETURN_IF_ERROR(CheckLogsExist(partitions, extents));
  std::vector<Opened> opened;
  bool dropped = false;
  for (const PartitionId partition : partitions) {
    if (WasRemoved(partition, extents)) {
      KVD_RETURN_IF_ERROR(Drop(partition));
      dropped = true;
      continue;
    }
    KVD_ASSIGN_OR_RETURN(auto record, store_.Applied(partition, storage::Store::Tier::kLatest));
    auto sessions = LoadSessions(store_, partition, *record);
    if (!sessions.ok()) {
      return Annotate(sessions.status(), fmt::format("open partition {}", partition.value));
    }
    opened.push_back({.partition = partition, .clients = sessions->clients()});
    appliers_.emplace(partition, Applier(partition, *std::move(record), *std::move(sessions)));
  }
  if (dropped) KVD_RETURN_IF_ERROR(store_.Flush());
  return opened;
}

const storage::AppliedRecord& StateMachines::applied(PartitionId partition) const {
  static const storage::AppliedRecord kNever;
  const auto it = appliers_.find(partition);
  return it == appliers_.end() ? kNever : it->second.applied();
}

Applier& StateMachines::ApplierOf(PartitionId partition) {
  const auto it = appliers_.find(partition);
  if (it != appliers_.end()) return it->second;
  return appliers_.emplace(partition, Applier(partition, {})).first->second;
}

StatusOr<std::vector<Applied>> StateMachines::Apply(std::span<const ApplyJob> jobs) {
  storage::StoreBatch batch;
  std::vector<Applied> done;
  done.reserve(jobs.size());
  // Jobs of one partition are applied together: an applier sees the store only between batches.
  std::vector<const ApplyJob*> order;
  order.reserve(jobs.size());
  for (const ApplyJob& job : jobs) order.push_back(&job);
  std::ranges::stable_sort(order, {}, &ApplyJob::partition);
  for (auto begin = order.begin(); begin != order.end();) {
    const PartitionId partition = (*begin)->partition;
    const auto end = std::find_if(begin, order.end(), [partition](const ApplyJob* job) {
      return job->partition != partition;
    });
    const std::span<const ApplyJob* const> of_one(begin, end);
    begin = end;
    std::span<const storage::Entry> entries = of_one.front()->entries;
    std::vector<storage::Entry> joined;
    if (of_one.size() > 1) entries = joined = Join(of_one);
    Applier& applier = ApplierOf(partition);
    KVD_ASSIGN_OR_RETURN(auto outcomes, applier.Apply(entries, store_, batch));
    done.push_back({.partition = partition,
                    .outcomes = std::move(outcomes),
                    .keys = applier.applied().keys,
                    .bytes = applier.applied().value_bytes});
  }
  KVD_RETURN_IF_ERROR(store_.Write(std::move(batch)));
  return done;
}

StatusOr<std::optional<storage::StoredValue>> StateMachines::Read(PartitionId partition,
                                                                  std::string_view key) const {
  const auto it = appliers_.find(partition);
  if (it == appliers_.end()) return std::optional<storage::StoredValue>();
  return store_.Get(partition, it->second.applied().generation, key);
}

StatusOr<SnapshotReader> StateMachines::ReadSnapshot(PartitionId partition) const {
  KVD_ASSIGN_OR_RETURN(auto view, store_.OpenView(partition));
  return SnapshotReader(partition, std::move(view));
}

StatusOr<SnapshotWriter> StateMachines::WriteSnapshot(PartitionId partition) const {
  SnapshotWriter writer(store_, partition, applied(partition).generation);
  KVD_RETURN_IF_ERROR(writer.Begin());
  return writer;
}

Status StateMachines::SwitchTo(PartitionId partition, const storage::AppliedRecord& received) {
  const storage::AppliedRecord& before = applied(partition);
  if (received.index <= before.index || received.generation != before.generation + 1) {
    return MakeStatus(StatusCode::kFailedPrecondition,
                      fmt::format("switch partition {} to the snapshot at index {}, generation {}: "
                                  "it is applied up to {} in generation {}",
                                  partition.value, received.index, received.generation,
                                  before.index, before.generation));
  }
  KVD_ASSIGN_OR_RETURN(Sessions sessions, LoadSessions(store_, partition, received));
  storage::StoreBatch batch;
  batch.Add(storage::StoreBatch::SetApplied{partition, received});
  batch.Add(storage::StoreBatch::DropGeneration{partition, before.generation});
  KVD_RETURN_IF_ERROR(store_.Write(std::move(batch)));
  appliers_.erase(partition);
  appliers_.emplace(partition, Applier(partition, received, std::move(sessions)));
  return OkStatus();
}

Status StateMachines::Drop(PartitionId partition) {
  appliers_.erase(partition);
  storage::StoreBatch batch;
  batch.Add(storage::StoreBatch::DropPartition{partition});
  return store_.Write(std::move(batch));
}

StatusOr<uint64_t> StateMachines::Digest(PartitionId partition) const {
  KVD_ASSIGN_OR_RETURN(const auto view, store_.OpenView(partition));
  return DigestOf(*view);
}

StatusOr<std::vector<StateMachines::Truncation>> StateMachines::Flush() {
  KVD_RETURN_IF_ERROR(FlushData());
  return Flushed();
}

StatusOr<std::vector<StateMachines::Truncation>> StateMachines::Flushed() const {
  std::vector<Truncation> truncations;
  for (const auto& [partition, applier] : appliers_) {
    KVD_ASSIGN_OR_RETURN(const auto record,
                         store_.Applied(partition, storage::Store::Tier::kFlushed));
    if (record && record->index > record->snapshot_index)
      truncations.push_back({partition, record->index});
  }
  return truncations;
}

}  // namespace kvd::partition
