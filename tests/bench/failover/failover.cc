// What clients notice when an owner dies, freezes or is stopped: 16 writers, each try given 100 ms,
// on three real nodes; the longest time without success, and acknowledged writes that are lost.
//
//   ./build/release/tests/bench/failover/failover --fault kill --trials 10
//
// Everybody writes only keys that the victim owns: the others' keys would hide the gap. KVD_BIN
// names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/failover/trial.h"
#include "tests/support/cluster.h"

namespace {

using kvd::bench::Fault;
using kvd::bench::Gaps;
using kvd::bench::TrialOptions;
using kvd::bench::TrialResult;

const std::map<std::string, Fault> kFaults = {
    {"kill", Fault::kKill}, {"stop", Fault::kFreeze}, {"term", Fault::kTerminate}};

struct Options {
  std::vector<std::string> faults = {"kill", "stop", "term"};
  int trials = 10;
  int writers = 16;
  int try_ms = 100;
  std::string log_folder;
  std::string settings = kvd::testing::Cluster::kQuickStop;
};

void PrintTrial(const std::string& fault, int trial, const TrialResult& result) {
  fmt::print(
      "{:<5} {:>3}  n{}  {:>7.1f} {:>7.1f}   {:>7.1f} {:>7.1f}   {:>7.1f} {:>7.1f}   {:>6} {:>6} "
      "{:>5}   {}\n",
      fault, trial + 1, trial % 3 + 1, result.before.nobody, result.before.worst,
      result.fault.nobody, result.fault.worst, result.back.nobody, result.back.worst,
      result.acknowledged, result.failures.size(), result.lost, result.fault_at);
  for (const std::string& failure : result.failures) fmt::print("      failed: {}\n", failure);
  std::fflush(stdout);
}

void PrintSummary(const std::string& fault, const std::vector<TrialResult>& results) {
  const auto line = [&](const char* what, auto gap) {
    std::vector<double> ms;
    for (const TrialResult& result : results) ms.push_back(gap(result));
    std::ranges::sort(ms);
    fmt::print("{:<5} {:<34} median {:>7.1f} ms   worst {:>7.1f} ms\n", fault, what,
               ms[ms.size() / 2], ms.back());
  };
  line("undisturbed, some writer waits", [](const TrialResult& r) { return r.before.worst; });
  line("fault, nobody has a success", [](const TrialResult& r) { return r.fault.nobody; });
  line("fault, some writer waits", [](const TrialResult& r) { return r.fault.worst; });
  line("return, nobody has a success", [](const TrialResult& r) { return r.back.nobody; });
  line("return, some writer waits", [](const TrialResult& r) { return r.back.worst; });
  uint64_t lost = 0;
  uint64_t acknowledged = 0;
  size_t failed = 0;
  for (const TrialResult& result : results) {
    lost += result.lost;
    acknowledged += result.acknowledged;
    failed += result.failures.size();
  }
  fmt::print("{:<5} {} trials, {} writes acknowledged, {} failed, {} lost\n\n", fault,
             results.size(), acknowledged, failed, lost);
}

void Measure(const Options& options, const std::string& fault) {
  std::vector<TrialResult> results;
  for (int trial = 0; trial < options.trials; ++trial) {
    TrialOptions one{.fault = kFaults.at(fault),
                     .victim = trial % 3 + 1,
                     .writers = options.writers,
                     .try_timeout = std::chrono::milliseconds(options.try_ms),
                     .settings = options.settings};
    if (!options.log_folder.empty()) {
      one.log_folder = fmt::format("{}/{}{}", options.log_folder, fault, trial + 1);
    }
    results.push_back(kvd::bench::RunTrial(one));
    PrintTrial(fault, trial, results.back());
  }
  PrintSummary(fault, results);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("What clients notice of a failover");
  app.add_option("--fault", options.faults, "kill (-9), stop (SIGSTOP), term (SIGTERM)")
      ->delimiter(',')
      ->check(CLI::IsMember(kFaults));
  app.add_option("--trials", options.trials)->check(CLI::Range(1, 1000));
  app.add_option("--writers", options.writers)->check(CLI::Range(1, 256));
  app.add_option("--try-ms", options.try_ms, "For each try of a write");
  app.add_option("--logs", options.log_folder, "Where to keep the nodes' logs, by trial");
  app.add_option("--settings", options.settings, "More of the cluster file");
  CLI11_PARSE(app, argc, argv);
  fmt::print(
      "gaps in ms     undisturbed         fault              return\n"
      "fault   #  of   nobody   worst    nobody   worst    nobody   worst   acked  failed  lost   "
      "at\n");
  for (const std::string& fault : options.faults) Measure(options, fault);
  return 0;
}
