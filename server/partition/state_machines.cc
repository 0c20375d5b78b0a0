#include "server/partition/state_machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::partition {
namespace {

constexpr uint64_t kReplayBytes = 4U << 20U;  // Read and applied at once.

}  // namespace

StatusOr<std::vector<StateMachines::Recovered>> StateMachines::Recover(const storage::Log& log) {
  KVD_CHECK(appliers_.empty(), "Recover() comes first and once");
  KVD_ASSIGN_OR_RETURN(const auto extents, log.Groups());
  std::vector<Recovered> recovered;
  for (const storage::GroupExtent& extent : extents) {
    if (extent.group == kSystemGroup) continue;
    auto one = RecoverOne(log, extent);
    if (!one.ok()) {
      return Annotate(one.status(), fmt::format("recover partition {}", extent.group.value - 1));
    }
    recovered.push_back(*one);
  }
  return recovered;
}

StatusOr<StateMachines::Recovered> StateMachines::RecoverOne(const storage::Log& log,
                                                             const storage::GroupExtent& extent) {
  const PartitionId partition{extent.group.value - 1};
  KVD_ASSIGN_OR_RETURN(const auto record, store_.Applied(partition, storage::Store::Tier::kLatest));
  const storage::AppliedRecord start = record.value_or(storage::AppliedRecord{});
  if (start.index > extent.last || start.index + 1 < extent.first) {
    return MakeStatus(
        StatusCode::kDataLoss,
        fmt::format("the data is applied up to {}, the log holds {} to {}; one of them "
                    "is not this node's own: restore both, or empty the data directory",
                    start.index, extent.first, extent.last));
  }
  const auto [applier, fresh] = appliers_.emplace(partition, Applier(partition, start));
  KVD_CHECK(fresh, "a group is listed once");
  while (applier->second.applied().index < extent.last) {
    KVD_ASSIGN_OR_RETURN(auto entries, log.Read(extent.group, applier->second.applied().index + 1,
                                                extent.last, kReplayBytes));
    const ApplyJob job{partition, std::move(entries)};
    KVD_RETURN_IF_ERROR(Apply(std::span(&job, 1)).status());
  }
  return Recovered{.partition = partition,
                   .last = extent.last,
                   .last_term = extent.last_term,
                   .keys = applier->second.applied().keys};
}

Applier& StateMachines::ApplierOf(PartitionId partition) {
  const auto it = appliers_.find(partition);
  if (it != appliers_.end()) return it->second;
  return appliers_.emplace(partition, Applier(partition, {})).first->second;
}

StatusOr<std::vector<Applied>> StateMachines::Apply(std::span<const ApplyJob> jobs) {
  storage::StoreBatch batch;
  std::vector<Applied> done;
  // Jobs of one partition are applied together: an applier sees the store only between batches.
  std::map<PartitionId, std::vector<storage::Entry>> entries;
  for (const ApplyJob& job : jobs) {
    auto& all = entries[job.partition];
    all.insert(all.end(), job.entries.begin(), job.entries.end());
  }
  for (const auto& [partition, all] : entries) {
    Applier& applier = ApplierOf(partition);
    KVD_ASSIGN_OR_RETURN(auto outcomes, applier.Apply(all, store_, batch));
    done.push_back({partition, std::move(outcomes), applier.applied().keys});
  }
  KVD_RETURN_IF_ERROR(store_.Write(batch));
  return done;
}

StatusOr<std::optional<storage::StoredValue>> StateMachines::Read(PartitionId partition,
                                                                  std::string_view key) const {
  const auto it = appliers_.find(partition);
  if (it == appliers_.end()) return std::optional<storage::StoredValue>();
  return store_.Get(partition, it->second.applied().generation, key);
}

StatusOr<std::vector<StateMachines::Truncation>> StateMachines::Flush() {
  KVD_RETURN_IF_ERROR(store_.Flush());
  std::vector<Truncation> truncations;
  for (const auto& [partition, applier] : appliers_) {
    KVD_ASSIGN_OR_RETURN(const auto record,
                         store_.Applied(partition, storage::Store::Tier::kFlushed));
    if (record && record->index > 0) truncations.push_back({partition, record->index});
  }
  return truncations;
}

}  // namespace kvd::partition
