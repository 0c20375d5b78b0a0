// Child processes of a test: kvd, kvctl and whatever else is run from the outside. A child dies
// with its test, however that ends. What it prints is kept in memory, or goes to a file.
//
// The environment of a child is the test's own without the variables that kvd and kvctl listen to,
// so that a developer's settings change no test.
//
// Threading: confined to the thread that started the child: the kernel ends a child with the thread
// that forked it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "common/clock.h"

namespace kvd::testing {

// How a process ended: its exit code, or 128 + the signal as shells have it.
struct Finished {
  int code = 0;
  std::string out{};
  std::string err{};
};
std::ostream& operator<<(std::ostream& out, const Finished& finished);

class Process {
 public:
  enum class Output {
    kCaptured,
    kTerminal,  // stdout is a terminal; stderr is captured.
  };

  struct Options {
    std::vector<std::string> command{};
    std::vector<std::string> environment{};  // NAME=VALUE, in addition.
    std::string in{};                        // What the child reads on stdin.
    Output output = Output::kCaptured;
    std::string out_file{};   // stdout is written here instead.
    std::string log_file{};   // stdout and stderr are appended here instead.
    std::string directory{};  // Where to run; empty: where the test does.
  };

  // Whether the system has pseudo-terminals: a bare chroot has none.
  [[nodiscard]] static bool HasTerminals();

  explicit Process(const Options& options);

  // Kills the child if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Sends a signal; ignored if the child was reaped.
  void Signal(int signal) const;

  // Waits for the end; nullopt if the child still runs after `timeout`. May be repeated.
  std::optional<int> Wait(Duration timeout);

  // What it printed so far; with a terminal, REQUIRES that it has ended.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int out_ = -1;
  int err_ = -1;
  int terminal_ = -1;  // The side of the terminal that we read.
  std::optional<int> code_;
};

// Runs to the end. A process that takes longer than `timeout` is killed, and its code is 137.
[[nodiscard]] Finished RunToEnd(const Process::Options& options,
                                Duration timeout = std::chrono::seconds(60));

}  // namespace kvd::testing
