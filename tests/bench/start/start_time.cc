// How long it takes from starting kvd to the first successful put: one node, and three nodes that
// found a cluster; a blank start and a restart. The median of ten.
//
//   ./build/release/tests/bench/start/start_time      (KVD_BIN names another kvd)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/cluster.h"

namespace {

using kvd::testing::Cluster;
using std::chrono::steady_clock;

constexpr int kRounds = 10;

constexpr auto kGiveUp = std::chrono::seconds(20);

// Ends the program, with what the nodes have printed, if the put never succeeds.
double MillisecondsToFirstPut(Cluster& cluster) {
  const auto begin = steady_clock::now();
  cluster.StartAll();
  // A client asks again as soon as it was refused; it learns of success within a millisecond.
  while (!cluster.ClientOf(1).Put("key", "value", {.timeout = std::chrono::seconds(1)}).ok()) {
    bool ended = false;
    for (int node = 1; node <= cluster.size(); ++node) {
      ended = ended || cluster.process(node).Wait(kvd::Duration::zero()).has_value();
    }
    if (!ended && steady_clock::now() < begin + kGiveUp) continue;
    std::fprintf(stderr, "%s; the logs:\n", ended ? "a node has ended" : "no put within 20 s");
    for (int node = 1; node <= cluster.size(); ++node) {
      std::fputs(cluster.log(node).c_str(), stderr);
    }
    std::exit(1);
  }
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

void Report(const char* what, std::vector<double> ms) {
  std::ranges::sort(ms);
  std::printf("%-28s  median %5.0f ms   min %5.0f   max %5.0f\n", what, ms[ms.size() / 2],
              ms.front(), ms.back());
}

void Measure(int nodes) {
  std::vector<double> blank;
  std::vector<double> again;
  for (int round = 0; round < kRounds; ++round) {
    Cluster cluster({.nodes = nodes, .start = false});
    blank.push_back(MillisecondsToFirstPut(cluster));
    for (int node = 1; node <= nodes; ++node) cluster.Stop(node);
    again.push_back(MillisecondsToFirstPut(cluster));
  }
  const std::string name = nodes == 1 ? "one node" : "three nodes";
  Report((name + ", founding").c_str(), blank);
  Report((name + ", again").c_str(), again);
}

}  // namespace

int main() {
  std::printf("from the start of kvd to the first successful put\n");
  for (const int nodes : {1, 3}) Measure(nodes);
  return 0;
}
