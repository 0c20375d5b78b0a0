#include "tests/simulation/machine.h"

#include <fmt/format.h>

#include <utility>

namespace kvd::simulation {

Machine::Machine(const Surroundings& around, Options options)
    : around_(around), options_(std::move(options)), disk_(options_.founding.self.uuid) {}

void Machine::Start() {
  if (process_ != nullptr) return;
  ++run_;
  around_.world.Trace(name(), "starts");
  const auto on_fatal = [this, run = run_] {
    around_.world.After(Duration::zero(), [this, run] {
      if (run == run_) Crash(std::chrono::milliseconds(500));
    });
  };
  process_ = Process::Start(around_,
                            {.host = options_.host,
                             .clock = options_.clock,
                             .founding = options_.founding,
                             .greet = options_.greet,
                             .on_fatal = on_fatal},
                            disk_);
  if (process_ != nullptr) process_->SetDiskFull(disk_full_);
}

void Machine::Kill() {
  around_.links.Detach(host());
  process_.reset();
}

void Machine::Crash(Duration down) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "crashes");
  Kill();
  disk_.Crash(around_.world.random());
  StartAfter(down);
}

void Machine::StartAfter(Duration down) {
  around_.world.After(down, [this] { Start(); });
}

void Machine::Restart(Duration down) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "is asked to stop");
  process_->StopAccepting();
  FinishStop(run_, around_.world.now() + std::chrono::seconds(2), down);
}

void Machine::FinishStop(uint64_t run, Duration give_up_at, Duration down) {
  if (run != run_ || process_ == nullptr) return;
  if (!process_->node().IsIdle() && around_.world.now() < give_up_at) {
    return around_.world.After(std::chrono::milliseconds(5),
                               [=, this] { FinishStop(run, give_up_at, down); });
  }
  around_.world.Trace(name(), "stops");
  Kill();
  // Threads are joined: what was written is synced, what is applied is flushed.
  const Status synced = disk_.log().Sync();
  const Status flushed = disk_.store().Flush();
  if (!synced.ok() || !flushed.ok()) around_.world.Trace(name(), "stops with an error");
  disk_.Crash(around_.world.random());
  StartAfter(down);
}

void Machine::Pause(Duration time) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "pauses for " + ForPeople(time));
  process_->life().Pause(time);
}

void Machine::Resume() {
  if (process_ != nullptr) process_->life().Resume();
}

void Machine::SetDiskFull(bool full) {
  disk_full_ = full;
  if (process_ != nullptr) process_->SetDiskFull(full);
}

}  // namespace kvd::simulation
