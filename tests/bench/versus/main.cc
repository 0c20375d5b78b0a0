// kvd beside etcd, Redis and a bare gRPC server, on one machine, in one run, in turns. Prints a
// table, and ratios; writes them to files, too. tests/bench/compare installs, builds
// and runs it.
//
// Fsync on unless a name says otherwise, one under load at a time. KVD_BIN names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <string>

#include "absl/synchronization/mutex.h"
#include "tests/bench/versus/comparison.h"
#include "tests/bench/versus/echo.h"
#include "tests/bench/versus/findings.h"
#include "tests/support/files.h"

namespace kvd::bench {
namespace {

struct Options {
  Plan plan;
  bool quick = false;
  std::string json;
  std::string table;
};

void AddTo(CLI::App& app, Options& options) {
  app.add_option("--seconds", options.plan.seconds, "For each figure and round");
  app.add_option("--rounds", options.plan.rounds)->check(CLI::Range(1, 100));
  app.add_flag("--quick", options.quick, "Three rounds of two seconds: under five minutes");
  app.add_option("--json", options.json, "Write figures and ratios to this file");
  app.add_option("--table", options.table, "Write the main figures to this file, in Markdown");
}

// Before the minutes that measuring takes: whether what is wanted of them can be written.
bool CanWrite(const Options& options) {
  for (const std::string& file : {options.json, options.table}) {
    if (file.empty() || std::ofstream(file, std::ios::app)) continue;
    fmt::print(stderr, "versus: cannot write {}; is there such a folder?\n", file);
    return false;
  }
  return true;
}

void Report(const Options& options, const Findings& findings) {
  fmt::print("\n");
  for (const auto& [name, ratio] : findings.ratios) fmt::print("{:<36} {:.2f}\n", name, ratio);
  if (!options.json.empty()) testing::WriteWholeFile(options.json, ToJson(findings));
  if (!options.table.empty()) testing::WriteWholeFile(options.table, ToTable(findings));
}

int Run(Options options) {
  if (options.quick) options.plan = {.seconds = 2, .rounds = 3, .callers = {1, 64}};
  if (!CanWrite(options)) return 1;
  const Findings findings = Compare(options.plan);
  Report(options, findings);
  return findings.all_done() ? 0 : 1;
}

}  // namespace
}  // namespace kvd::bench

int main(int argc, char** argv) {
  kvd::bench::Options options;
  std::string echo_at;
  CLI::App app("kvd beside etcd, Redis and a bare gRPC server");
  kvd::bench::AddTo(app, options);
  app.add_option("--serve-echo", echo_at)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!echo_at.empty()) kvd::bench::ServeEcho(echo_at);
  // Debian's abseil looks for deadlocks at every lock unless told not to; kvd tells it, too.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return kvd::bench::Run(options);
}
