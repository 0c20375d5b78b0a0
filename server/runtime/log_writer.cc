#include "server/runtime/log_writer.h"

#include <map>

#include "common/check.h"

namespace kvd::runtime {
namespace {

// The writes of one batch, one per group: a group's later entries follow its earlier ones.
class Merged {
 public:
  void Add(std::vector<storage::GroupWrite> writes) {
    for (storage::GroupWrite& write : writes) {
      storage::GroupWrite& all = groups_[write.group];
      all.group = write.group;
      if (write.hard_state) all.hard_state = write.hard_state;
      for (storage::Entry& entry : write.entries) {
        KVD_CHECK(all.entries.empty() || all.entries.back().index + 1 == entry.index,
                  "one owner proposes in order");
        all.entries.push_back(std::move(entry));
      }
    }
  }

  [[nodiscard]] std::vector<storage::GroupWrite> Take() {
    std::vector<storage::GroupWrite> writes;
    for (auto& [group, write] : groups_) writes.push_back(std::move(write));
    return writes;
  }

 private:
  std::map<GroupId, storage::GroupWrite> groups_;
};

}  // namespace

LogWriter::LogWriter(storage::Log& log, storage::DataDir& data_dir, Callbacks callbacks)
    : log_(log),
      data_dir_(data_dir),
      callbacks_(std::move(callbacks)),
      thread_([this] { Run(); }) {}

LogWriter::~LogWriter() {
  jobs_.Close();
  thread_.join();
}

void LogWriter::Append(std::vector<storage::GroupWrite> writes) {
  jobs_.Push(std::move(writes));
}
void LogWriter::Bind(const topology::Binding& binding) {
  jobs_.Push(binding);
}
void LogWriter::StoreTopology(const topology::Topology& topology) {
  jobs_.Push(topology);
}
void LogWriter::Truncate(Truncations truncations) {
  jobs_.Push(std::move(truncations));
}

void LogWriter::Run() {
  while (!jobs_.IsFinished()) {
    if (const Status done = Do(jobs_.TakeAll(Instant::max())); !done.ok()) {
      callbacks_.on_fatal(done);
      jobs_.Close();
      return;
    }
  }
}

Status LogWriter::Do(std::vector<Job> jobs) {
  Merged merged;
  for (Job& job : jobs) {
    if (auto* writes = std::get_if<std::vector<storage::GroupWrite>>(&job)) {
      merged.Add(std::move(*writes));
    } else if (const auto* binding = std::get_if<topology::Binding>(&job)) {
      KVD_RETURN_IF_ERROR(DoBind(*binding));
    } else if (const auto* topology = std::get_if<topology::Topology>(&job)) {
      KVD_RETURN_IF_ERROR(DoStore(*topology));
    } else {
      KVD_RETURN_IF_ERROR(DoTruncate(std::get<Truncations>(job)));
    }
  }
  const std::vector<storage::GroupWrite> writes = merged.Take();
  if (writes.empty()) return OkStatus();
  KVD_RETURN_IF_ERROR(Annotate(log_.Append(writes), "write the log"));
  std::vector<std::pair<PartitionId, Index>> durable;
  for (const storage::GroupWrite& write : writes) {
    durable.emplace_back(PartitionId{write.group.value - 1}, write.entries.back().index);
  }
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

// The topology of an epoch is the entry of the system group at that index.
Status LogWriter::DoStore(const topology::Topology& topology) {
  storage::GroupWrite write{.group = kSystemGroup, .hard_state = std::nullopt, .entries = {}};
  write.entries.push_back(
      {.index = topology.epoch.value, .term = 1, .payload = topology::EncodeTopology(topology)});
  KVD_RETURN_IF_ERROR(Annotate(log_.Append({&write, 1}), "write the topology"));
  callbacks_.on_topology_stored();
  return OkStatus();
}

Status LogWriter::DoTruncate(const Truncations& truncations) {
  std::vector<storage::Log::Prefix> prefixes;
  for (const auto& [partition, through] : truncations) {
    prefixes.push_back({GroupOf(partition), through});
  }
  return Annotate(log_.TruncatePrefixes(prefixes), "truncate the log");
}

}  // namespace kvd::runtime
