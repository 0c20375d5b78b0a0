#include "tests/simulation/log_writer.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "server/storage/merge.h"

namespace kvd::simulation {

LogWriter::LogWriter(const Surroundings& around, Life& life, Disk& disk, Callbacks callbacks)
    : around_(around), life_(life), disk_(disk), callbacks_(std::move(callbacks)) {}

void LogWriter::Push(Job job) {
  jobs_.push_back(std::move(job));
  if (!busy_) TakeJobs();
}

// Everything that has queued up becomes one batch, its log writes one fsync. Truncations come last:
// what they forget was in the log before what is queued behind it.
void LogWriter::TakeJobs() {
  std::vector<raft::Write> writes;
  Truncations truncations;
  for (Job& job : std::exchange(jobs_, {})) {
    if (auto* some = std::get_if<std::vector<raft::Write>>(&job)) {
      std::ranges::move(*some, std::back_inserter(writes));
    } else if (const auto* binding = std::get_if<topology::Binding>(&job)) {
      steps_.push_back(StepOf(*binding));
    } else if (const auto* topology = std::get_if<topology::Topology>(&job)) {
      steps_.push_back(StepOf(storage::KeptRecord::kTopology, topology::EncodeTopology(*topology),
                              callbacks_.on_topology_stored));
    } else if (const auto* boots = std::get_if<BootsRecord>(&job)) {
      steps_.push_back(
          StepOf(storage::KeptRecord::kBoots, boots->bytes, callbacks_.on_boots_stored));
    } else {
      std::ranges::move(std::get<Truncations>(job), std::back_inserter(truncations));
    }
  }
  for (const raft::Write& write : writes) {
    if (!write.write.remove) continue;
    std::erase_if(truncations, [&](const auto& each) { return each.group == write.write.group; });
  }
  if (!writes.empty()) steps_.push_back(StepOf(std::move(writes)));
  if (!truncations.empty()) steps_.push_back(StepOf(truncations));
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
  life_.After(DrawTime(), [this, end = step.end] { Finish(end); });
}

Duration LogWriter::DrawTime() {
  return std::max(around_.DrawWriteTime(), stalled_until_ - around_.world.now());
}

void LogWriter::Finish(const std::function<Status()>& end) {
  if (around_.world.now() < stalled_until_) {
    return life_.After(DrawTime(), [this, end] { Finish(end); });
  }
  if (const Status status = end(); !status.ok()) return callbacks_.on_fatal(status);  // For good.
  Next();
}

Status LogWriter::Sync() {
  if (!around_.network.is_calm() && around_.world.random().Chance(around_.swarm.io_error_ppm)) {
    disk_.log().FailNextAppend(MakeStatus(StatusCode::kInternal, "fsync: input/output error"));
  }
  return disk_.EndWrite();
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

LogWriter::Step LogWriter::StepOf(storage::KeptRecord which, const std::string& record,
                                  const std::function<void()>& on_stored) {
  return {.begin = [=, this] { disk_.BeginKeep(which, record); },
          .end =
              [=, this] {
                disk_.EndKeep(which);
                on_stored();
                return OkStatus();
              }};
}

LogWriter::Step LogWriter::StepOf(const Truncations& truncations) {
  return {.begin = [] {}, .end = [this, truncations] { return disk_.Truncate(truncations); }};
}

// One write per group, one batch for all of them.
LogWriter::Step LogWriter::StepOf(std::vector<raft::Write> writes) {
  std::map<GroupId, raft::Write> merged;
  for (raft::Write& write : writes) {
    const auto [at, fresh] = merged.try_emplace(write.write.group);
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
    if (around_.sabotage == Sabotage::kLoseVote && write.write.hard_state) {
      write.write.hard_state->voted_for = {};
    }
    batch.push_back(std::move(write.write));
  }
  const bool early = around_.sabotage == Sabotage::kAcknowledgeBeforeSync;
  Durable created;
  for (const storage::GroupWrite& write : batch) {
    const bool begins = write.create && !write.hard_state && write.entries.empty();
    if (begins && around_.sabotage == Sabotage::kCreateBeforeSync)
      created.emplace_back(write.group, 0);
  }
  return {.begin =
              [=, this, batch = std::move(batch)] {
                disk_.BeginWrite(batch);
                if (early) callbacks_.on_durable(durable);
                if (!created.empty()) callbacks_.on_durable(created);
              },
          .end =
              [=, this] {
                KVD_RETURN_IF_ERROR(Sync());
                if (!early) callbacks_.on_durable(durable);
                return OkStatus();
              }};
}

}  // namespace kvd::simulation
