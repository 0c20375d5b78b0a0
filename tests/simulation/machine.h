// One machine of the cluster: a disk, a clock, and the process that runs on it, if any.
//
// Threading: one world, one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/disk.h"
#include "tests/simulation/process.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Machine {
 public:
  // What the cluster file says, and how the process is told, of the others: it is asked at every
  // start.
  struct Others {
    std::vector<topology::Peer> peers;
    std::vector<std::string> join;
  };

  struct Options {
    HostId host;
    topology::Founding::Options founding;
    std::function<Others(const Machine&)> others;
    Greet greet;
    Reconciler reconciler;
    LocalClock clock;
    bool is_off = false;  // At first.
  };

  Machine(const Surroundings& around, Options options);

  // Starts a process, unless one runs or the machine is off.
  void Start();

  // Kills the process, if one runs; another starts after `down`. What the disk had not synced is
  // lost.
  void Crash(Duration down);

  // As SIGTERM does: leadership is handed over, then nothing new is accepted, what is underway is
  // finished or given up after 2 s, and everything is on the disk. Another process starts after
  // `down`.
  void Restart(Duration down);

  // The process does not run for a while.
  void Pause(Duration time);
  void Resume();

  void SetDiskFull(bool full);
  void StallDisk(Duration time);
  void SlowDown(Duration lag);

  // Nothing runs until it is turned on. Whoever runs is killed.
  void TurnOff();
  void TurnOn();

  // The disk is lost: an empty one is in its place, under a new UUID. REQUIRES: nothing runs.
  void Wipe();

  // Copies what is synced on the disk.
  void CopyDisk() { copy_ = disk().Copy(); }
  [[nodiscard]] bool has_copy() const { return copy_ != nullptr; }

  // Puts the copy in the place of the disk. It is condemned before it starts under a boot past the
  // first `boots`, which might be taken for one that follows. REQUIRES: IsCopyBefore(boots), and
  // nothing runs.
  void RollBack(uint64_t boots);

  // Whether a process that starts after RollBack(boots) speaks under one of the first `boots`.
  [[nodiscard]] bool IsCopyBefore(uint64_t boots) const;

  // It gets another address, from its next start on. REQUIRES: nothing runs.
  void Move();

  [[nodiscard]] HostId host() const { return options_.host; }
  [[nodiscard]] const std::string& name() const { return options_.founding.self.name; }
  [[nodiscard]] const topology::NodeCard& card() const { return options_.founding.self; }
  [[nodiscard]] const std::string& peer_address() const { return card().peer_address; }
  [[nodiscard]] Disk& disk() { return *disks_.back(); }
  [[nodiscard]] const Disk& disk() const { return *disks_.back(); }
  [[nodiscard]] bool is_off() const { return is_off_; }
  [[nodiscard]] bool was_wiped() const { return disks_.size() > 1; }
  [[nodiscard]] bool is_rolled_back() const { return is_rolled_back_; }

  // nullptr while none runs.
  [[nodiscard]] Process* process() { return process_.get(); }
  [[nodiscard]] const node::Node& node() const { return process_->node(); }  // REQUIRES: one runs.

  // nullptr: no process, or no such replica.
  [[nodiscard]] const raft::Replica* FindReplica(PartitionId partition) const;
  [[nodiscard]] bool runs() const { return process_ != nullptr; }

  // Counts processes: an answer belongs to the one that asked.
  [[nodiscard]] uint64_t run() const { return run_; }

 private:
  [[nodiscard]] bool MayPassForOneThatFollows() const;
  void Kill();
  void StartAfter(Duration down);
  void BeginStop(Duration down);
  void FinishStop(uint64_t run, Duration give_up_at, Duration down);
  void Stop(Duration down);
  void Leave();
  void Condemn();

  const Surroundings& around_;
  Options options_;
  std::vector<std::unique_ptr<Disk>> disks_;  // The last one is there; others remember.
  std::unique_ptr<Disk> copy_;                // Of the last one, earlier.
  bool disk_full_ = false;
  bool draining_ = false;
  bool is_off_ = false;
  bool is_rolled_back_ = false;
  uint64_t boots_noticed_ = 0;  // Of a disk that was rolled back.
  uint32_t moves_ = 0;
  uint64_t run_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace kvd::simulation
