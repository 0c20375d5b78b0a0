#include "tests/bench/versus/figure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "common/check.h"

namespace kvd::bench {
namespace {

// Seconds of CPU that a process has used: fields 14 and 15 of its stat.
double CpuSeconds(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t end_of_name = all.rfind(')');
  if (end_of_name == std::string::npos) return 0;
  std::istringstream fields(all.substr(end_of_name + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double CpuSeconds(const std::vector<pid_t>& pids) {
  double all = 0;
  for (const pid_t pid : pids) all += CpuSeconds(pid);
  return all;
}

Standing Run(const Contestant& contestant) {
  const double before = CpuSeconds(contestant.servers);
  Standing standing{.name = contestant.name, .typical = contestant.run()};
  const double used = CpuSeconds(contestant.servers) - before;
  standing.cpu_us = used * 1e6 / std::max(1.0, standing.typical.operations);
  return standing;
}

}  // namespace

const Standing& Figure::Of(const std::string& contestant) const {
  const auto found = std::ranges::find(standings, contestant, &Standing::name);
  KVD_CHECK(found != standings.end(), contestant);
  return *found;
}

Figure Measure(const std::string& name, const std::vector<Contestant>& contestants, int rounds) {
  std::vector<std::vector<Standing>> all(contestants.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contestants.size(); ++i) all[i].push_back(Run(contestants[i]));
  }
  Figure figure{.name = name, .standings = {}};
  for (std::vector<Standing>& of_one : all) {
    std::ranges::sort(of_one, {}, [](const Standing& one) { return one.typical.per_second; });
    figure.standings.push_back(of_one[of_one.size() / 2]);
  }
  return figure;
}

void PrintHeader() {
  fmt::print("{:<15} {:<23} {:>10}  {:>7} {:>7} {:>7}    {:>7}    {:>7}\n", "", "", "", "p50",
             "p99", "p99.9", "CPU/op", "kvd x");
}

void Print(const Figure& figure) {
  const double ours = figure.standings.front().typical.per_second;
  for (const Standing& one : figure.standings) {
    const LoadResult& typical = one.typical;
    fmt::print("{:<15} {:<23} {:>8.0f}/s  {:>7.2f} {:>7.2f} {:>7.2f} ms {:>7.0f} us {:>7.2f}\n",
               figure.name, one.name, typical.per_second, typical.p50_ms, typical.p99_ms,
               typical.p999_ms, one.cpu_us, ours / typical.per_second);
    if (typical.failed > 0) fmt::print("  failed {}: {}\n", typical.failed, typical.first_failure);
  }
  std::fflush(stdout);
}

}  // namespace kvd::bench
