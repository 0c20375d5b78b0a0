#include "tests/simulation/machine.h"

#include <fmt/format.h>

#include <utility>

#include "common/check.h"

namespace kvd::simulation {

Machine::Machine(const Surroundings& around, Options options)
    : around_(around), options_(std::move(options)), is_off_(options_.is_off) {
  disks_.push_back(std::make_unique<Disk>(card().uuid));
  around_.consensus.AddMachine(host(), name(), disk());
}

void Machine::Start() {
  if (process_ != nullptr || is_off_ || disk().is_condemned()) return;
  if (MayPassForOneThatFollows()) return disk().Condemn();
  ++run_;
  draining_ = false;
  around_.world.Trace(name(), "starts");
  const auto on_fatal = [this, run = run_] {
    around_.world.After(Duration::zero(), [this, run] {
      if (run == run_) Crash(std::chrono::milliseconds(500));
    });
  };
  const auto on_removed = [this, run = run_] {
    around_.world.After(Duration::zero(), [this, run] {
      if (run == run_) Leave();
    });
  };
  const auto on_condemned = [this, run = run_] {
    around_.world.After(Duration::zero(), [this, run] {
      if (run == run_) Condemn();
    });
  };
  Others others = options_.others(*this);
  options_.founding.peers = std::move(others.peers);
  options_.founding.join = std::move(others.join);
  process_ = Process::Start(around_,
                            {.host = options_.host,
                             .clock = options_.clock,
                             .founding = options_.founding,
                             .greet = options_.greet,
                             .reconciler = options_.reconciler,
                             .on_fatal = on_fatal,
                             .on_condemned = on_condemned,
                             .on_removed = on_removed},
                            disk());
  if (process_ == nullptr) {
    is_off_ = true;  // It says why: it was removed.
  } else {
    process_->SetDiskFull(disk_full_);
  }
}

bool Machine::MayPassForOneThatFollows() const {
  if (around_.sabotage == Sabotage::kRollBackUnnoticed) return false;
  return is_rolled_back_ && disk().boot().counter >= boots_noticed_;
}

const raft::Replica* Machine::FindReplica(PartitionId partition) const {
  if (process_ == nullptr) return nullptr;
  const node::Replicas* replicas = process_->NodeOf(partition).replicas();
  return replicas == nullptr ? nullptr : replicas->Find(partition);
}

void Machine::Kill() {
  around_.links.Detach(host());
  process_.reset();
}

void Machine::Crash(Duration down) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "crashes");
  Kill();
  disk().Crash(around_.world.random());
  if (around_.sabotage == Sabotage::kForgetDisk && around_.world.random().Chance(300'000)) {
    disk().ForgetData();
  }
  StartAfter(down);
}

void Machine::StartAfter(Duration down) {
  around_.world.After(down, [this] { Start(); });
}

void Machine::Restart(Duration down) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "is asked to stop");
  BeginStop(down);
}

void Machine::BeginStop(Duration down) {
  draining_ = true;
  process_->StartDraining();
  FinishStop(run_, around_.world.now() + std::chrono::seconds(2), down);
}

void Machine::FinishStop(uint64_t run, Duration give_up_at, Duration down) {
  constexpr Duration kLookEvery = std::chrono::milliseconds(5);
  if (run != run_ || process_ == nullptr) return;
  const bool in_time = around_.world.now() < give_up_at;
  const auto look_again = [&] {
    around_.world.After(kLookEvery, [=, this] { FinishStop(run, give_up_at, down); });
  };
  const auto has_handed_over = [](const node::Node& node) { return node.HasHandedOver(); };
  if (draining_ && in_time && !process_->AllOf(has_handed_over)) return look_again();
  if (std::exchange(draining_, false)) {
    process_->StopAccepting();
    return look_again();
  }
  const auto is_idle = [](const node::Node& node) { return node.IsIdle(); };
  if (in_time && !process_->AllOf(is_idle)) return look_again();
  Stop(down);
}

// Threads are joined: what was written is synced, what is applied is flushed.
void Machine::Stop(Duration down) {
  around_.world.Trace(name(), "stops");
  Kill();
  const Status synced = disk().EndWrite();
  const Status flushed = disk().store().Flush();
  if (!synced.ok() || !flushed.ok()) around_.world.Trace(name(), "stops with an error");
  disk().Crash(around_.world.random());
  StartAfter(down);
}

// As the daemon does that is no member any more: it stops, and is not started again.
void Machine::Leave() {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "was removed");
  is_off_ = true;
  BeginStop(Duration::zero());
}

// The daemon does not start on this disk again.
void Machine::Condemn() {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "learns that its disk was rolled back");
  disk().Condemn();
  TurnOff();
}

void Machine::TurnOff() {
  is_off_ = true;
  Crash(Duration::zero());
}

void Machine::TurnOn() {
  is_off_ = false;
  Start();
}

bool Machine::IsCopyBefore(uint64_t boots) const {
  return copy_ != nullptr && copy_->boot().counter < boots;
}

void Machine::RollBack(uint64_t boots) {
  KVD_CHECK(process_ == nullptr && IsCopyBefore(boots), "nobody uses it, and it will be noticed");
  around_.world.Trace(name(), "its disk is rolled back");
  const topology::Boot latest = disk().boot();
  disks_.push_back(std::move(copy_));
  is_rolled_back_ = true;
  boots_noticed_ = boots;
  if (around_.sabotage == Sabotage::kRollBackUnnoticed) disk().SetBoot(latest);
  around_.consensus.RolledBack(host(), disk());
  around_.ledger.Wiped(host());
}

void Machine::Wipe() {
  KVD_CHECK(process_ == nullptr, "nobody uses the disk that is lost");
  around_.world.Trace(name(), "loses its disk");
  const Disk& lost = disk();
  if (around_.sabotage == Sabotage::kVoteWhenWiped) {
    disks_.push_back(Disk::Impostor(lost));
  } else {
    options_.founding.self.uuid = Uuid::Draw(around_.world.random());
    disks_.push_back(std::make_unique<Disk>(card().uuid));
  }
  copy_.reset();
  is_rolled_back_ = false;
  around_.consensus.Wiped(host(), disk());
  around_.ledger.Wiped(host());
}

void Machine::Move() {
  KVD_CHECK(process_ == nullptr, "a process has one address");
  options_.founding.self.peer_address = fmt::format("{}.test:{}", name(), 7500 + ++moves_);
  around_.world.Trace(name(), "moves to " + peer_address());
}

void Machine::Pause(Duration time) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "pauses for " + ForPeople(time));
  process_->life().Pause(time);
}

void Machine::Resume() {
  if (process_ == nullptr) return;
  process_->life().Resume();
  process_->EndStall();
  process_->SlowDown({});
}

void Machine::StallDisk(Duration time) {
  if (process_ == nullptr) return;
  around_.world.Trace(name(), "its disk stalls for " + ForPeople(time));
  process_->StallDisk(time);
}

void Machine::SlowDown(Duration lag) {
  if (process_ != nullptr) process_->SlowDown(lag);
}

void Machine::SetDiskFull(bool full) {
  disk_full_ = full;
  if (process_ != nullptr) process_->SetDiskFull(full);
}

}  // namespace kvd::simulation
