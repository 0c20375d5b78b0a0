// One machine of the cluster: a disk, a clock, and the process that runs on it, if any.
//
// Threading: one world, one thread.
#pragma once

#include <memory>
#include <string>

#include "tests/simulation/disk.h"
#include "tests/simulation/process.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

class Machine {
 public:
  struct Options {
    HostId host;
    topology::Founding::Options founding;
    Greet greet;
    Reconciler reconciler;
    LocalClock clock;
  };

  Machine(const Surroundings& around, Options options);

  // Starts a process, unless one runs.
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

  [[nodiscard]] HostId host() const { return options_.host; }
  [[nodiscard]] const std::string& name() const { return options_.founding.self.name; }
  [[nodiscard]] Disk& disk() { return disk_; }

  // nullptr while none runs.
  [[nodiscard]] Process* process() { return process_.get(); }

  // Counts processes: an answer belongs to the one that asked.
  [[nodiscard]] uint64_t run() const { return run_; }

 private:
  void Kill();
  void StartAfter(Duration down);
  void FinishStop(uint64_t run, Duration give_up_at, Duration down);
  void Stop(Duration down);

  const Surroundings& around_;
  const Options options_;
  Disk disk_;
  bool disk_full_ = false;
  bool draining_ = false;
  uint64_t run_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace kvd::simulation
