#include "tests/simulation/recovery.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kvd::simulation {
namespace {

void CountBoot(Disk& disk, Random& random, Sabotage sabotage) {
  const topology::Boot& last = disk.boot();
  const topology::Boot next{.counter = last.counter + 1, .nonce = random.Next()};
  const bool reuse = sabotage == Sabotage::kReuseBoot && last.counter > 0;
  disk.SetBoot(reuse ? last : next);
}

// What a store would be that does not write what is remembered of requests.
Status ForgetSessions(storage::Store& store) {
  KVD_ASSIGN_OR_RETURN(const auto partitions, store.Partitions());
  storage::StoreBatch batch;
  for (const PartitionId partition : partitions) {
    KVD_ASSIGN_OR_RETURN(const auto record,
                         store.Applied(partition, storage::Store::Tier::kLatest));
    const storage::Generation generation = record.value_or(storage::AppliedRecord()).generation;
    KVD_ASSIGN_OR_RETURN(
        const auto sessions,
        store.ScanSessions(partition, generation, 0, std::numeric_limits<size_t>::max()));
    for (const storage::StoredSession& session : sessions) {
      batch.Add(storage::StoreBatch::DeleteSession{partition, generation, session.client});
    }
  }
  return store.Write(std::move(batch));
}

// What a log would be that keeps no tombstones: whoever was removed is blank, and back.
void ForgetTombstones(node::Recovery& recovery) {
  for (const auto& [partition, removed] : std::exchange(recovery.tombstones, {})) {
    const auto is_here = [&](const auto& each) { return each.partition == partition; };
    if (std::ranges::any_of(recovery.replicas, is_here)) continue;
    node::RecoveredReplica blank;
    blank.partition = partition;
    blank.id = removed;
    recovery.replicas.push_back(std::move(blank));
  }
}

}  // namespace

StatusOr<node::Recovery> RecoverFrom(Disk& disk, partition::StateMachines& machines, Random& random,
                                     Sabotage sabotage) {
  CountBoot(disk, random, sabotage);
  if (sabotage == Sabotage::kForgetSessions) KVD_RETURN_IF_ERROR(ForgetSessions(disk.store()));
  KVD_ASSIGN_OR_RETURN(auto recovery, node::Recover(disk.log(), machines, disk.topology()));
  disk.NoteRecovered();
  if (sabotage == Sabotage::kForgetTombstones) ForgetTombstones(recovery);
  return recovery;
}

}  // namespace kvd::simulation
