// kvsim: simulated clusters under faults.
//
//   kvsim --seed N [--trace]        replays one run
//   kvsim --seeds A..B [--jobs J]   runs many
//   ... --nemesis reconfigure       with replicas that move meanwhile
//   ... --nemesis members           with nodes that come and go
//
// Exits with 0, or with the code of the first failing seed: 127 crash, 128 no progress, 129 wrong.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "tests/simulation/sweep.h"

namespace {

using namespace kvd::simulation;  // NOLINT: this file is the simulator's own.

constexpr int kBadUsage = 2;

// "A..B" as the seeds of `options`.
bool ParseSeeds(const std::string& text, SweepOptions& options) {
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  const bool parsed = CLI::detail::lexical_cast(text.substr(0, dots), options.from) &&
                      CLI::detail::lexical_cast(text.substr(dots + 2), options.to);
  return parsed && options.from <= options.to;
}

int Report(const SweepReport& report, const SweepOptions& options) {
  for (const SeedFailure& failure : report.failures) {
    std::printf("%s\n", Line(failure, options).c_str());
  }
  if (options.from != options.to) {
    std::printf(
        "%s\n",
        fmt::format(
            "{} seeds, {} failed; {} operations done, {} refused, {} of unknown outcome; {} steps; "
            "{} processes; {} histories too hard to judge",
            report.runs, report.failures.size(), report.done, report.refused, report.open,
            report.steps, report.processes, report.too_hard)
            .c_str());
  }
  return report.failures.empty() ? 0 : static_cast<int>(report.failures.front().failure.kind);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Simulated kvd clusters under faults, in virtual time.", "kvsim"};
  SweepOptions options;
  std::string seeds;
  std::string sabotage;
  auto* one = app.add_option("--seed", options.from, "Replay this seed");
  auto* many = app.add_option("--seeds", seeds, "Run seeds A..B")->excludes(one);
  app.add_option("--jobs", options.jobs, "Processes at a time")->check(CLI::Range(1, 64));
  app.add_flag("--trace", options.prints_trace, "Print what happens")->excludes(many);
  app.add_option("--nemesis", options.nemesis, "What befalls the cluster beside all faults")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, NemesisKind>{{"faults", NemesisKind::kFaults},
                                             {"reconfigure", NemesisKind::kReconfigure},
                                             {"members", NemesisKind::kMembers}}));
  app.add_option("--sabotage", sabotage, "Break this rule, to see that it is noticed");
  CLI11_PARSE(app, argc, argv);
  options.to = options.from;
  if (!seeds.empty() && !ParseSeeds(seeds, options)) {
    std::fprintf(stderr, "kvsim: --seeds is A..B with A at most B, as in 1..200\n");
    return kBadUsage;
  }
  if (!sabotage.empty()) {
    const auto parsed = ParseSabotage(sabotage);
    if (!parsed) {
      std::fprintf(stderr, "kvsim: unknown sabotage %s\n", sabotage.c_str());
      return kBadUsage;
    }
    options.sabotage = *parsed;
  }
  return Report(Sweep(options), options);
}
