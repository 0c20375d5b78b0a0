#include "tests/simulation/log_writer.h"

#include <map>

namespace kvd::simulation {
namespace {

void Merge(std::vector<storage::GroupWrite> writes,
           std::map<GroupId, storage::GroupWrite>& groups) {
  for (storage::GroupWrite& write : writes) {
    storage::GroupWrite& all = groups[write.group];
    all.group = write.group;
    if (write.hard_state) all.hard_state = write.hard_state;
    for (storage::Entry& entry : write.entries) all.entries.push_back(std::move(entry));
  }
}

}  // namespace

LogWriter::LogWriter(const Surroundings& around, Life& life, Disk& disk, Callbacks callbacks)
    : around_(around), life_(life), disk_(disk), callbacks_(std::move(callbacks)) {}

void LogWriter::Push(Job job) {
  jobs_.push_back(std::move(job));
  if (!busy_) TakeJobs();
}

// Everything that has queued up becomes one batch, its log writes one fsync at its end.
void LogWriter::TakeJobs() {
  std::map<GroupId, storage::GroupWrite> groups;
  for (Job& job : std::exchange(jobs_, {})) {
    if (auto* writes = std::get_if<std::vector<storage::GroupWrite>>(&job)) {
      Merge(std::move(*writes), groups);
    } else if (const auto* binding = std::get_if<topology::Binding>(&job)) {
      steps_.push_back(StepOf(*binding));
    } else if (const auto* topology = std::get_if<topology::Topology>(&job)) {
      steps_.push_back(StepOf(*topology));
    } else {
      steps_.push_back(StepOf(std::get<Truncations>(job)));
    }
  }
  std::vector<storage::GroupWrite> merged;
  for (auto& [group, write] : groups) merged.push_back(std::move(write));
  if (!merged.empty()) steps_.push_back(StepOf(std::move(merged)));
  busy_ = true;
  Next();
}

void LogWriter::Next() {
  if (steps_.empty()) {
    busy_ = false;
    if (!jobs_.empty()) TakeJobs();
    return;
  }
  const Step step = std::move(steps_.front());
  steps_.pop_front();
  step.begin();
  life_.After(around_.DrawWriteTime(), [this, end = step.end] { Finish(end); });
}

void LogWriter::Finish(const std::function<Status()>& end) {
  if (const Status status = end(); !status.ok()) return callbacks_.on_fatal(status);  // For good.
  Next();
}

Status LogWriter::Sync() {
  if (!around_.network.is_calm() && around_.world.random().Chance(around_.swarm.io_error_ppm)) {
    disk_.log().FailNextAppend(MakeStatus(StatusCode::kInternal, "fsync: input/output error"));
  }
  return disk_.log().Sync();
}

LogWriter::Step LogWriter::StepOf(const topology::Binding& binding) {
  const bool early = around_.sabotage == Sabotage::kAnswerBeforeBound;
  return {.begin =
              [=, this] {
                disk_.BeginBind(binding);
                if (early) callbacks_.on_bound();
              },
          .end =
              [=, this] {
                disk_.EndBind();
                if (!early) callbacks_.on_bound();
                return OkStatus();
              }};
}

LogWriter::Step LogWriter::StepOf(const topology::Topology& topology) {
  storage::GroupWrite write{.group = kSystemGroup, .hard_state = std::nullopt, .entries = {}};
  write.entries.push_back(
      {.index = topology.epoch.value, .term = 1, .payload = topology::EncodeTopology(topology)});
  return {.begin =
              [this, write = std::move(write)] {
                disk_.log().Write({&write, 1});
              },
          .end =
              [this] {
                KVD_RETURN_IF_ERROR(Sync());
                callbacks_.on_topology_stored();
                return OkStatus();
              }};
}

LogWriter::Step LogWriter::StepOf(const Truncations& truncations) {
  return {.begin = [] {},
          .end =
              [this, truncations] {
                for (const auto& [partition, through] : truncations) {
                  KVD_RETURN_IF_ERROR(disk_.log().TruncatePrefix(GroupOf(partition), through));
                }
                return OkStatus();
              }};
}

LogWriter::Step LogWriter::StepOf(std::vector<storage::GroupWrite> merged) {
  Durable durable;
  for (const storage::GroupWrite& write : merged) {
    durable.emplace_back(PartitionId{write.group.value - 1}, write.entries.back().index);
  }
  const bool early = around_.sabotage == Sabotage::kAcknowledgeBeforeSync;
  return {.begin =
              [=, this, merged = std::move(merged)] {
                disk_.log().Write(merged);
                if (early) callbacks_.on_durable(durable);
              },
          .end =
              [=, this] {
                KVD_RETURN_IF_ERROR(Sync());
                if (!early) callbacks_.on_durable(durable);
                return OkStatus();
              }};
}

}  // namespace kvd::simulation
