#include "server/daemon/survivor.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "server/node/system_group.h"
#include "server/partition/command.h"
#include "server/raft/configuration.h"
#include "server/storage/rocks/rocks_store.h"
#include "server/storage/segments/segment_log.h"

namespace kvd::daemon {
namespace {

using topology::GroupSalvage;

// What can be told without touching anything.
std::optional<Failure> WhatIsInTheWay(const std::string& path) {
  struct stat info {};
  const std::string identity = (std::filesystem::path(path) / "IDENTITY").string();
  if (access(path.c_str(), F_OK) != 0 || stat(path.c_str(), &info) != 0) {
    return Failure{kConfiguration, fmt::format("{}: there is no such directory", path)};
  }
  // What recover writes as another user, kvd could not open.
  if (info.st_uid != geteuid()) {
    return Failure{kNoPermission,
                   fmt::format("{} belongs to user {} and this is user {}: run kvd recover as the "
                               "user that kvd runs as, or chown it first",
                               path, info.st_uid, geteuid())};
  }
  if (access(identity.c_str(), F_OK) == 0) return std::nullopt;
  return Failure{kConfiguration,
                 fmt::format("{} holds no IDENTITY: it is no data directory of a node that was a "
                             "member of a cluster",
                             path)};
}

Status NoMember(const std::string& why) {
  return MakeStatus(StatusCode::kFailedPrecondition, why);
}

// Founding replicas of which nobody wrote the name yet have the one of the founding's ring.
raft::Configuration FoundingConfiguration(const topology::Topology& topology, GroupId group) {
  raft::Configuration founding;
  if (topology.epoch != topology::kFoundingEpoch) return founding;
  const auto& wish =
      group == kSystemGroup ? topology.system_voters : topology.ring[PartitionOf(group).value];
  for (const topology::Replica& replica : wish) {
    founding.voters.push_back({replica.id, replica.node});
  }
  std::ranges::sort(founding.voters);
  return founding;
}

ReplicaId IdOn(const raft::Configuration& configuration, NodeId node) {
  const auto own = std::ranges::find(configuration.voters, node, &raft::Member::node);
  return own == configuration.voters.end() ? ReplicaId{} : own->id;
}

// The last one in the log; nullopt: as restored.
std::optional<raft::Configuration> LastIn(const std::vector<storage::Entry>& entries) {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->kind != storage::EntryKind::kConfiguration) continue;
    if (auto decoded = raft::DecodeConfiguration(entry->payload); decoded.ok()) return *decoded;
  }
  return std::nullopt;
}

topology::FoundCopy CopyOf(const node::RecoveredReplica& found, const topology::Topology& topology,
                           NodeId self) {
  const raft::Configuration founding = FoundingConfiguration(topology, GroupOf(found.partition));
  const bool is_named = found.id != ReplicaId{};
  topology::FoundCopy copy{
      .group = GroupOf(found.partition),
      .replica = {.id = is_named ? found.id : IdOn(founding, self), .node = self},
      .term = found.restored.hard_state.term,
      .last_term = found.restored.terms.back().term,
      .last_index = found.restored.last,
      .configuration = found.restored.configuration};
  if (copy.configuration.voters.empty()) copy.configuration = founding;
  if (auto last = LastIn(found.restored.tail)) copy.configuration = *std::move(last);
  return copy;
}

raft::Configuration Alone(const raft::Member& replica) {
  return {.voters = {replica}, .outgoing = {}, .learners = {}};
}

// No-op for a replica that is here already.
storage::GroupWrite BeginningOf(const GroupSalvage& group) {
  storage::GroupWrite write{.group = group.group};
  write.create = {.id = group.replica.id,
                  .initial = raft::EncodeConfiguration(Alone(group.replica))};
  return write;
}

// The log of a replica that a snapshot of its own data took the place of.
storage::GroupWrite LogOf(const GroupSalvage& group) {
  storage::GroupWrite write{.group = group.group};
  write.reset = {.index = group.index, .term = group.term};
  write.hard_state = {.term = group.term, .voted_for = {}};
  return write;
}

}  // namespace

OrFailure<std::unique_ptr<Survivor>> Survivor::Open(const std::string& path) {
  if (auto obstacle = WhatIsInTheWay(path)) return *std::move(obstacle);
  auto dir = storage::DataDir::Open(path);
  if (!dir.ok()) return StorageFailure(dir.status());
  std::unique_ptr<Survivor> survivor(new Survivor());
  survivor->dir_ = *std::move(dir);
  if (Status read = survivor->Read(); !read.ok()) {
    return StorageFailure(Annotate(read, path));
  }
  return survivor;
}

Status Survivor::Read() {
  KVD_ASSIGN_OR_RETURN(const auto kept, dir_->Read(storage::KeptRecord::kTopology));
  if (!dir_->identity() || !kept) return NoMember("its node never was a member of a cluster");
  KVD_ASSIGN_OR_RETURN(const topology::Topology topology, topology::DecodeTopology(*kept));
  if (const auto* removed = topology.FindRemoved(identity().node_uuid)) {
    return NoMember(
        fmt::format("{} was removed from cluster {} at epoch {}: nothing of it is of "
                    "use, leave it out",
                    removed->name, topology.cluster_name, removed->at.value));
  }
  if (topology.Find(identity().node_uuid) == nullptr) {
    return MakeStatus(StatusCode::kDataLoss,
                      "IDENTITY is of no member of the topology beside it; leave it out");
  }
  const bool was_clean = dir_->was_clean();
  KVD_RETURN_IF_ERROR(dir_->MarkRunning());
  clean_ = was_clean;
  // Whoever asks for something is told of an error too.
  const auto ignore = [](const Status&) {};
  KVD_ASSIGN_OR_RETURN(
      auto opened, storage::OpenSegmentLog(
                       dir_->log_path(),
                       {.last_stop_was_clean = was_clean, .must_exist = true, .on_fatal = ignore}));
  log_ = std::move(opened.log);
  KVD_ASSIGN_OR_RETURN(
      store_, storage::OpenRocksStore(dir_->data_path(),
                                      {.must_exist = true, .memory = {}, .on_fatal = ignore}));
  machines_ = std::make_unique<partition::StateMachines>(*store_);
  KVD_ASSIGN_OR_RETURN(recovery_, node::Recover(*log_, *machines_, kept));
  return OkStatus();
}

Survivor::~Survivor() {
  Close();
  if (clean_) (void)dir_->MarkClean();
}

void Survivor::Close() {
  machines_.reset();
  store_.reset();
  log_.reset();
}

std::optional<Uuid> Survivor::successor() const {
  if (identity().cluster_id == topology().cluster_id) return std::nullopt;
  return identity().cluster_id;
}

std::vector<topology::FoundCopy> Survivor::Copies(NodeId self) const {
  std::vector<topology::FoundCopy> copies;
  for (const node::RecoveredReplica& found : recovery_.replicas) {
    topology::FoundCopy copy = CopyOf(found, topology(), self);
    const bool is_of_cluster = copy.group.value <= topology().partitions();
    if (is_of_cluster && copy.replica.id != ReplicaId{}) copies.push_back(std::move(copy));
  }
  return copies;
}

Status Survivor::BindTo(const Uuid& cluster_id) {
  clean_ = false;
  storage::Identity bound = identity();
  bound.cluster_id = cluster_id;
  bound.founder_uuid = {};
  return dir_->SetIdentity(bound);
}

const node::RecoveredReplica* Survivor::Find(GroupId group) const {
  const auto found =
      std::ranges::find(recovery_.replicas, PartitionOf(group), &node::RecoveredReplica::partition);
  return found == recovery_.replicas.end() ? nullptr : &*found;
}

// All that the log holds is committed now; of the system group also `record`, behind it.
Status Survivor::Apply(const GroupSalvage& group, const std::string& record) {
  const PartitionId partition = PartitionOf(group.group);
  partition::ApplyJob job{.partition = partition, .entries = {}};
  if (group.best) job.entries = Find(group.group)->restored.tail;
  if (group.group == kSystemGroup) {
    const Index last = group.best ? group.best->last_index : 0;
    const partition::Command put{.mutation = partition::PutMutation{
                                     .key = std::string(node::kTopologyKey), .value = record}};
    job.entries.push_back(
        {.index = last + 1, .term = group.term, .payload = partition::EncodeCommand(put)});
  }
  KVD_RETURN_IF_ERROR(machines_->Apply(std::span(&job, 1)).status());
  storage::AppliedRecord applied = machines_->applied(partition);
  applied.index = group.index;
  applied.term = group.term;
  applied.snapshot_index = group.index;
  applied.configuration = raft::EncodeConfiguration(Alone(group.replica));
  storage::StoreBatch batch;
  batch.Add(storage::StoreBatch::SetApplied{partition, std::move(applied)});
  return store_->Write(std::move(batch));
}

// Replicas that are new here come first, because data without a log is refused. Then the data,
// flushed: where the process dies before the log follows, it is ahead of its log as after a
// snapshot, and is found so.
Status Survivor::Rewrite(const topology::Salvage& salvage, NodeId self) {
  const std::string record = topology::EncodeTopology(salvage.topology);
  std::vector<const GroupSalvage*> here;
  std::vector<storage::GroupWrite> beginnings;
  std::vector<storage::GroupWrite> logs;
  for (const GroupSalvage& group : salvage.groups) {
    if (group.replica.node != self) continue;
    here.push_back(&group);
    beginnings.push_back(BeginningOf(group));
    logs.push_back(LogOf(group));
  }
  for (const topology::FoundCopy& copy : Copies(self)) {
    if (salvage.groups[copy.group.value].replica == copy.replica) continue;
    logs.push_back({.group = copy.group, .remove = copy.replica.id});
  }
  KVD_RETURN_IF_ERROR(log_->Append(beginnings));
  for (const GroupSalvage* group : here) KVD_RETURN_IF_ERROR(Apply(*group, record));
  KVD_RETURN_IF_ERROR(store_->Flush());
  return log_->Append(logs);
}

Status Survivor::Finish(const topology::Topology& topology) {
  Close();
  KVD_RETURN_IF_ERROR(
      dir_->Keep(storage::KeptRecord::kTopology, topology::EncodeTopology(topology)));
  clean_ = true;
  return OkStatus();
}

}  // namespace kvd::daemon
