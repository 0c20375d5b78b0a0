// What a load was and what it measured, as text and as JSON.
//
// Pure. Threading: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/kvctl/bench_plan.h"
#include "client/load/run.h"

namespace kvd::kvctl {

// One run of a plan.
struct BenchResult {
  size_t callers = 1;
  load::Figures figures{};
  bool interrupted = false;
};

// "workload b   95% read 5% update   zipf 0.99   100000 records x 1 KiB", and what else was asked
// for; a newline.
[[nodiscard]] std::string BenchTitle(const BenchPlan& plan);

// A line per kind of operation of the mix, of every run; with several runs also their threads.
[[nodiscard]] std::string BenchTable(const BenchPlan& plan, const std::vector<BenchResult>& results,
                                     bool colour);

// One object, a line. Latencies of what was never answered are null.
[[nodiscard]] std::string BenchJson(const BenchPlan& plan, const BenchResult& result);

// What the figures do not show by themselves: that the last run was interrupted, operations that
// were due and not begun, records that were not there, writes that were in each other's way. A
// sentence each.
[[nodiscard]] std::vector<std::string> BenchRemarks(const std::vector<BenchResult>& results);

// What failed, if anything did: the exit code is that of the first outcome that was unknown, else
// of the first error.
[[nodiscard]] std::optional<Failure> BenchFailure(const std::vector<BenchResult>& results);

// How far something is, for a live line: "16 threads", 40, "41210 ops/s ...".
struct BenchProgress {
  std::string title;
  uint64_t percent = 0;
  std::string figures;
};

// `done` of `total` records; `doing` is "load" or "clean".
[[nodiscard]] BenchProgress SweepProgress(const std::string& doing, uint64_t done, uint64_t total,
                                          double per_second);

// A run that takes `length`.
[[nodiscard]] BenchProgress RunProgress(size_t callers, const load::Figures& figures,
                                        Duration length, double per_second);

}  // namespace kvd::kvctl
