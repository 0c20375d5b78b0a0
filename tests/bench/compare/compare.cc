// Puts and gets on three nodes of kvd and three of etcd, in one run, in turns: what the machine
// does besides falls on both. Needs etcd in the PATH (Debian's etcd-server).
//
//   ./build/release/tests/bench/compare/compare --seconds 3 --rounds 2
//
// One of the two is under load at a time, the other one idles. KVD_BIN names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/bench/compare/etcd.h"
#include "tests/bench/compare/load.h"
#include "tests/support/cluster.h"

namespace {

using kvd::bench::Api;
using kvd::bench::EtcdCluster;
using kvd::bench::LoadOptions;
using kvd::bench::LoadResult;
using kvd::bench::Operation;
using kvd::bench::RunLoad;

struct Options {
  std::vector<int> outstanding = {1, 16, 64, 256};
  double seconds = 3;
  int rounds = 2;
};

struct Store {
  const char* name;
  Api api;
  std::vector<std::string> endpoints;
};

// False: it never answered.
bool AwaitAnswer(const Store& store) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < give_up) {
    const LoadResult result =
        RunLoad({.api = store.api, .endpoints = store.endpoints, .outstanding = 3, .seconds = 0.5});
    if (result.failed == 0 && result.per_second > 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

// The round with the median throughput; of two the better one.
LoadResult Typical(std::vector<LoadResult> rounds) {
  std::ranges::sort(rounds, {}, &LoadResult::per_second);
  return rounds[rounds.size() / 2];
}

void Compare(const Options& options, const std::vector<Store>& stores, Operation operation,
             int outstanding) {
  std::vector<std::vector<LoadResult>> results(stores.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < stores.size(); ++i) {
      results[i].push_back(RunLoad({.api = stores[i].api,
                                    .operation = operation,
                                    .endpoints = stores[i].endpoints,
                                    .outstanding = outstanding,
                                    .seconds = options.seconds}));
    }
  }
  const double beside = Typical(results.back()).per_second;
  for (size_t i = 0; i < stores.size(); ++i) {
    const LoadResult typical = Typical(results[i]);
    fmt::print("{:<4} {:>4}  {:<14} {:>8.0f}/s  p50 {:>7.2f} ms  p99 {:>7.2f} ms  x {:.2f}",
               operation == Operation::kPut ? "put" : "get", outstanding, stores[i].name,
               typical.per_second, typical.p50_ms, typical.p99_ms, typical.per_second / beside);
    if (typical.failed > 0) fmt::print("  failed {}: {}", typical.failed, typical.first_failure);
    fmt::print("\n");
  }
  std::fflush(stdout);
}

std::vector<std::string> Endpoints(const kvd::testing::Cluster& cluster) {
  std::vector<std::string> endpoints;
  for (int node = 1; node <= cluster.size(); ++node) endpoints.push_back(cluster.address(node));
  return endpoints;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("kvd beside etcd");
  app.add_option("--outstanding", options.outstanding)->delimiter(',');
  app.add_option("--seconds", options.seconds, "For each figure and round");
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);

  const kvd::testing::Cluster kvd;
  const EtcdCluster etcd;
  const std::vector<Store> stores = {{"kvd, pipelined", Api::kKvdPipeline, Endpoints(kvd)},
                                     {"kvd", Api::kKvd, Endpoints(kvd)},
                                     {"etcd", Api::kEtcd, etcd.endpoints()}};
  for (const Store& store : stores) {
    if (AwaitAnswer(store)) continue;
    fmt::print(stderr, "{} does not answer; the log of a node:\n{}", store.name,
               store.api == Api::kEtcd ? etcd.log(0) : kvd.log(1));
    return 1;
  }
  for (const Operation operation : {Operation::kPut, Operation::kGet}) {
    for (const int outstanding : options.outstanding) {
      Compare(options, stores, operation, outstanding);
    }
  }
  return 0;
}
