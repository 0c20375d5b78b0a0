// kvd beside etcd, Redis and a bare gRPC server, on one machine, in one run, in turns. Prints a
// table, and ratios; writes them to files and draws them, too. tests/bench/compare installs, builds
// and runs it.
//
// Fsync on unless a name says otherwise, one under load at a time. KVD_BIN names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "tests/bench/versus/comparison.h"
#include "tests/bench/versus/echo.h"
#include "tests/bench/versus/findings.h"
#include "tests/bench/versus/plot.h"
#include "tests/support/files.h"

namespace kvd::bench {
namespace {

struct Options {
  Plan plan;
  bool quick = false;
  std::string from;
  std::string json;
  std::string table;
  std::string plot;
};

void AddTo(CLI::App& app, Options& options) {
  app.add_option("--seconds", options.plan.seconds, "For each figure and round");
  app.add_option("--rounds", options.plan.rounds)->check(CLI::Range(1, 100));
  app.add_flag("--quick", options.quick, "Three rounds of two seconds: under five minutes");
  app.add_option("--json", options.json, "Write figures and ratios to this file");
  app.add_option("--table", options.table, "Write the main figures to this file, in Markdown");
  app.add_option("--plot", options.plot, "Draw throughput and p99 to this file, a PNG");
  app.add_option("--from", options.from, "Measure nothing: take what --json wrote to this file");
}

// Before the minutes that measuring takes: whether what is wanted of them can be written.
bool CanWrite(const Options& options) {
  for (const std::string& file : {options.json, options.table, options.plot}) {
    if (file.empty() || std::ofstream(file, std::ios::app)) continue;
    fmt::print(stderr, "versus: cannot write {}, so nothing was done; make its folder\n", file);
    return false;
  }
  if (options.plot.empty() || CanDraw()) return true;
  fmt::print(stderr,
             "versus: cannot draw {}: there is no gnuplot with PNG; run ./deploy/install-packages"
             " bench, or leave out --plot\n",
             options.plot);
  return false;
}

std::optional<Findings> Find(const Options& options) {
  if (options.from.empty()) return Compare(options.plan);
  auto findings = FromJson(testing::ReadWholeFile(options.from));
  if (!findings) {
    fmt::print(stderr, "versus: no figures in {}; have them written with --json\n", options.from);
    return findings;
  }
  PrintHeader();
  for (const Figure& figure : findings->figures) Print(figure);
  return findings;
}

// False: not everything that was wanted could be written.
bool Report(const Options& options, const Findings& findings) {
  fmt::print("\n");
  for (const auto& [name, ratio] : findings.ratios) fmt::print("{:<36} {:.2f}\n", name, ratio);
  if (!options.json.empty()) testing::WriteWholeFile(options.json, ToJson(findings));
  if (!options.table.empty()) testing::WriteWholeFile(options.table, ToTable(findings));
  if (options.plot.empty()) return true;
  const std::string problem = Draw(findings, options.plot);
  if (problem.empty()) return true;
  fmt::print(stderr,
             "versus: did not draw {}; with the file of --json, --from draws it without measuring"
             " again. {}\n",
             options.plot, problem);
  return false;
}

int Run(Options options) {
  if (options.quick) options.plan = {.seconds = 2, .rounds = 3, .callers = {1, 64}};
  if (!CanWrite(options)) return 1;
  const auto findings = Find(options);
  if (!findings) return 1;
  return Report(options, *findings) && findings->all_done() ? 0 : 1;
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
