#include "tests/simulation/sweep.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "common/check.h"

namespace kvd::simulation {
namespace {

constexpr uint64_t kTwiceEvery = 20;

// What a child tells of one seed: one write to a pipe, which is atomic below 4 KiB.
struct Message {
  uint64_t seed = 0;
  uint32_t done = 0;
  uint32_t open = 0;
  uint32_t refused = 0;
  uint32_t steps = 0;
  uint32_t processes = 0;
  uint32_t too_hard = 0;
  int kind = 0;  // 0: no failure.
  int64_t at_ns = 0;
  std::array<char, 1024> what{};
};

// Where a child is; outlives it.
struct Progress {
  volatile uint64_t seed = 0;
  volatile int64_t now_ns = 0;
};

struct Child {
  pid_t pid = 0;
  uint64_t next_seed = 0;
  Progress* progress = nullptr;
};

RunReport RunSeed(uint64_t seed, const SweepOptions& options, Progress& progress) {
  progress.seed = seed;
  const RunOptions run{.seed = seed,
                       .nemesis = options.nemesis,
                       .sabotage = options.sabotage,
                       .prints_trace = options.prints_trace,
                       .now_ns = &progress.now_ns};
  RunReport report = Run(run);
  if (report.failure || options.prints_trace || seed % kTwiceEvery != 0) return report;
  const RunReport again = Run(run);
  if (again.digest != report.digest) {
    report.failure = Failure{FailureKind::kWrong, "a second run took another course", {}};
  }
  return report;
}

Message MessageOf(uint64_t seed, const RunReport& report) {
  Message message{.seed = seed,
                  .done = report.done,
                  .open = report.open,
                  .refused = report.refused,
                  .steps = report.steps,
                  .processes = report.processes,
                  .too_hard = report.too_hard};
  if (!report.failure) return message;
  message.kind = static_cast<int>(report.failure->kind);
  message.at_ns = report.failure->at.count();
  const std::string_view what = report.failure->what;
  std::copy_n(what.begin(), std::min(what.size(), message.what.size() - 1), message.what.begin());
  return message;
}

[[noreturn]] void RunChild(uint64_t from, const SweepOptions& options, Progress& progress,
                           int pipe) {
  for (uint64_t seed = from; seed <= options.to; seed += options.jobs) {
    const Message message = MessageOf(seed, RunSeed(seed, options, progress));
    if (write(pipe, &message, sizeof(message)) != sizeof(message)) break;
    if (message.kind != 0 && options.stops_at_first) break;
  }
  std::fflush(stdout);
  _exit(0);
}

void Add(const Message& message, SweepReport& report) {
  ++report.runs;
  report.done += message.done;
  report.open += message.open;
  report.refused += message.refused;
  report.steps += message.steps;
  report.processes += message.processes;
  report.too_hard += message.too_hard;
  if (message.kind == 0) return;
  report.failures.push_back(
      {message.seed,
       {static_cast<FailureKind>(message.kind), message.what.data(), Duration(message.at_ns)}});
}

// Lets all children that have seeds left run to their ends; those that crash have some left.
void RunRound(std::vector<Child>& children, const SweepOptions& options, SweepReport& report) {
  std::array<int, 2> ends{};
  KVD_CHECK(pipe(ends.data()) == 0, "a pipe can be made");
  std::fflush(stdout);
  for (Child& child : children) {
    if (child.next_seed > options.to) continue;
    child.pid = fork();
    KVD_CHECK(child.pid >= 0, "a process can be forked");
    if (child.pid != 0) continue;
    close(ends[0]);
    RunChild(child.next_seed, options, *child.progress, ends[1]);
  }
  close(ends[1]);
  Message message;
  while (read(ends[0], &message, sizeof(message)) == sizeof(message)) Add(message, report);
  close(ends[0]);
  for (Child& child : children) {
    if (child.next_seed > options.to) continue;
    int status = 0;
    KVD_CHECK(waitpid(child.pid, &status, 0) == child.pid, "a child can be waited for");
    child.next_seed = options.to + 1;
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) == 0) continue;
    const std::string what =
        WIFSIGNALED(status)
            ? fmt::format("crash, signal {}, its last words are above", WTERMSIG(status))
            : fmt::format("exit with code {}", WEXITSTATUS(status));
    ++report.runs;
    report.failures.push_back(
        {child.progress->seed, {FailureKind::kCrash, what, Duration(child.progress->now_ns)}});
    if (!options.stops_at_first) child.next_seed = child.progress->seed + options.jobs;
  }
}

}  // namespace

SweepReport Sweep(const SweepOptions& options) {
  const size_t bytes = sizeof(Progress) * options.jobs;
  void* shared = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  KVD_CHECK(shared != MAP_FAILED, "a page can be shared");
  std::vector<Child> children;
  for (uint32_t i = 0; i < options.jobs; ++i) {
    children.push_back({.next_seed = options.from + i,
                        .progress = new (static_cast<Progress*>(shared) + i) Progress});
  }
  SweepReport report;
  while (std::ranges::any_of(children, [&](const Child& c) { return c.next_seed <= options.to; })) {
    RunRound(children, options, report);
  }
  munmap(shared, bytes);
  std::ranges::sort(report.failures, {}, &SeedFailure::seed);
  return report;
}

std::string Line(const SeedFailure& failure, const SweepOptions& options) {
  std::string how;
  if (options.nemesis != NemesisKind::kFaults) {
    how = fmt::format(" --nemesis={}", NemesisName(options.nemesis));
  }
  if (options.sabotage != Sabotage::kNone) {
    how += fmt::format(" --sabotage={}", SabotageName(options.sabotage));
  }
  return fmt::format("kvsim --seed={}{} failed: {} at {}", failure.seed, how, failure.failure.what,
                     ForPeople(failure.failure.at));
}

}  // namespace kvd::simulation
