#include "tests/simulation/recovery.h"

#include <fmt/format.h>

#include <utility>

namespace kvd::simulation {
namespace {

// A log whose entries have lost their content.
class HollowLog final : public storage::Log {
 public:
  explicit HollowLog(const storage::Log& log) : log_(log) {}

  Status Append(std::span<const storage::GroupWrite>) override { return Refuse(); }
  Status TruncatePrefix(GroupId, Index) override { return Refuse(); }
  StatusOr<std::vector<storage::GroupExtent>> Groups() const override { return log_.Groups(); }
  StatusOr<std::vector<storage::Entry>> Read(GroupId group, Index from, Index to,
                                             uint64_t max_bytes) const override {
    KVD_ASSIGN_OR_RETURN(auto entries, log_.Read(group, from, to, max_bytes));
    for (storage::Entry& entry : entries) entry.payload.clear();
    return entries;
  }
  uint64_t disk_bytes() const override { return log_.disk_bytes(); }

 private:
  static Status Refuse() { return MakeStatus(StatusCode::kUnimplemented, "a log to read from"); }

  const storage::Log& log_;
};

Status CheckBoot(const std::vector<partition::StateMachines::Recovered>& recovered,
                 const topology::Boot& boot) {
  for (const auto& partition : recovered) {
    if (partition.last_term < boot.counter) continue;
    return MakeStatus(StatusCode::kDataLoss,
                      fmt::format("partition {} was written in boot {}, this is boot {}",
                                  partition.partition.value, partition.last_term, boot.counter));
  }
  return OkStatus();
}

// The topology is the last entry of the system group.
StatusOr<std::optional<topology::Topology>> ReadTopology(const storage::Log& log) {
  KVD_ASSIGN_OR_RETURN(const auto extents, log.Groups());
  if (extents.empty() || extents.front().group != kSystemGroup) {
    return std::optional<topology::Topology>();
  }
  const Index last = extents.front().last;
  KVD_ASSIGN_OR_RETURN(const auto entries, log.Read(kSystemGroup, last, last, 1));
  KVD_ASSIGN_OR_RETURN(auto topology, topology::DecodeTopology(entries.front().payload));
  return std::optional(std::move(topology));
}

}  // namespace

StatusOr<Recovery> RecoverFrom(Disk& disk, partition::StateMachines& machines, Random& random,
                               const RecoveryOptions& options) {
  const uint64_t last_boot = disk.boot().counter;
  const bool reuse = options.reuse_boot && last_boot > 0;
  disk.SetBoot({.counter = reuse ? last_boot : last_boot + 1, .nonce = random.Next()});

  const HollowLog hollow(disk.log());
  const storage::Log& log =
      options.lose_replay ? static_cast<const storage::Log&>(hollow) : disk.log();
  Recovery recovery;
  KVD_ASSIGN_OR_RETURN(recovery.partitions, machines.Recover(log));
  KVD_RETURN_IF_ERROR(CheckBoot(recovery.partitions, disk.boot()));
  KVD_ASSIGN_OR_RETURN(recovery.topology, ReadTopology(disk.log()));
  if (recovery.topology && recovery.topology->Find(disk.node_uuid()) == nullptr) {
    return MakeStatus(StatusCode::kDataLoss, "IDENTITY is no member of the topology beside it");
  }
  return recovery;
}

}  // namespace kvd::simulation
