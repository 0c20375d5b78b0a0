// kvd beside etcd, Redis and a bare gRPC server, on one machine, in one run, in turns. Prints a
// table, and ratios; with --json also a file. tests/bench/compare installs, builds and runs it.
//
// Three nodes of each, fsync on, one under load at a time. KVD_BIN names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "tests/bench/versus/echo.h"
#include "tests/bench/versus/etcd.h"
#include "tests/bench/versus/figure.h"
#include "tests/bench/versus/load.h"
#include "tests/bench/versus/redis.h"
#include "tests/support/cluster.h"

namespace kvd::bench {
namespace {

struct Options {
  double seconds = 5;
  int rounds = 5;
  std::vector<int> callers = {1, 16, 64, 256};  // Of the unary figures.
  std::string json;
};

class Comparison {
 public:
  explicit Comparison(const Options& options) : options_(options) {
    echo_.emplace(testing::Process::Options{
        .command = {"/proc/self/exe", "--serve-echo", echo_port_.address()}});
    for (int node = 1; node <= kvd_.size(); ++node) kvd_pids_.push_back(kvd_.process(node).pid());
    Await("kvd", Load(Api::kKvd, Operation::kPut, 3, 0.5));
    Await("etcd", Load(Api::kEtcd, Operation::kPut, 3, 0.5));
    KVD_CHECK(redis_.AwaitReady(), "Redis and its followers answer");
  }

  // False: something failed.
  bool Run() {
    fmt::print("{:<22} {:<16} {:>10}  {:>7} {:>7} {:>7}    {:>7}    {:>7}\n", "", "", "", "p50",
               "p99", "p99.9", "CPU/op", "kvd x");
    for (const Operation operation : {Operation::kPut, Operation::kGet}) {
      for (const int outstanding : options_.callers) Unary(operation, outstanding);
      Pipelined(operation);
    }
    Redis();
    Echo();
    fmt::print("\n");
    for (const auto& [name, ratio] : ratios_) fmt::print("{:<26} {:.2f}\n", name, ratio);
    if (!options_.json.empty()) Write();
    return !failed_;
  }

 private:
  using Run_ = std::function<LoadResult()>;

  [[nodiscard]] Run_ Load(Api api, Operation operation, int outstanding, double seconds) const {
    LoadOptions load{
        .api = api, .operation = operation, .outstanding = outstanding, .seconds = seconds};
    if (api == Api::kEtcd) {
      load.endpoints = etcd_.endpoints();
    } else {
      for (int node = 1; node <= kvd_.size(); ++node) load.endpoints.push_back(kvd_.address(node));
    }
    return [load] { return RunLoad(load); };
  }

  static void Await(const char* name, const Run_& run) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < give_up) {
      const LoadResult result = run();
      if (result.failed == 0 && result.per_second > 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    KVD_CHECK(false, fmt::format("{} does not answer", name));
  }

  [[nodiscard]] Contestant Kvd(Operation operation, int outstanding) const {
    return {"kvd", Load(Api::kKvd, operation, outstanding, options_.seconds), kvd_pids_};
  }
  [[nodiscard]] Contestant Pipeline(Operation operation) const {
    constexpr int kOutstanding = 2000;
    return {"kvd, pipelined", Load(Api::kKvdPipeline, operation, kOutstanding, options_.seconds),
            kvd_pids_};
  }
  [[nodiscard]] Contestant Etcd(Operation operation, int outstanding) const {
    return {fmt::format("etcd, {}", outstanding),
            Load(Api::kEtcd, operation, outstanding, options_.seconds), etcd_.pids()};
  }

  const Figure& Add(const std::string& name, const std::vector<Contestant>& contestants) {
    figures_.push_back(Measure(name, contestants, options_.rounds));
    Print(figures_.back());
    for (const Standing& one : figures_.back().standings) failed_ |= one.typical.failed > 0;
    return figures_.back();
  }

  static std::string_view NameOf(Operation operation) {
    return operation == Operation::kPut ? "put" : "get";
  }

  void Unary(Operation operation, int outstanding) {
    const std::string_view verb = NameOf(operation);
    const Figure& figure = Add(fmt::format("{}, unary, {}", verb, outstanding),
                               {Kvd(operation, outstanding), Etcd(operation, outstanding)});
    const LoadResult& ours = figure.standings[0].typical;
    const LoadResult& theirs = figure.standings[1].typical;
    const std::string suffix = fmt::format("{}_unary_{}", verb, outstanding);
    ratios_["etcd_" + suffix] = ours.per_second / theirs.per_second;
    ratios_["etcd_p50_" + suffix] = ours.p50_ms / theirs.p50_ms;
    ratios_["etcd_p99_" + suffix] = ours.p99_ms / theirs.p99_ms;
  }

  // Against etcd's best of any concurrency.
  void Pipelined(Operation operation) {
    const std::string_view verb = NameOf(operation);
    const Figure& figure = Add(fmt::format("{}, pipelined", verb),
                               {Pipeline(operation), Etcd(operation, 256), Etcd(operation, 1000)});
    const double best =
        std::max(figure.standings[1].typical.per_second, figure.standings[2].typical.per_second);
    ratios_[fmt::format("etcd_{}_pipelined", verb)] = figure.standings[0].typical.per_second / best;
  }

  void Redis() {
    const Contestant redis{
        "Redis, WAIT 1", [this] { return redis_.RunWaitedPuts(options_.seconds); }, redis_.pids()};
    const Figure& figure = Add("put, pipelined", {Pipeline(Operation::kPut), redis});
    ratios_["redis_wait_put_pipelined"] =
        figure.standings[0].typical.per_second / figure.standings[1].typical.per_second;
  }

  void Echo() {
    const Contestant echo{"bare gRPC",
                          [this] {
                            return RunLoad({.api = Api::kKvd,
                                            .operation = Operation::kGet,
                                            .endpoints = {echo_port_.address()},
                                            .outstanding = 64,
                                            .seconds = options_.seconds});
                          },
                          {echo_->pid()}};
    const Figure& figure = Add("get, unary, 64", {Kvd(Operation::kGet, 64), echo});
    ratios_["echo_get_unary"] =
        figure.standings[0].typical.per_second / figure.standings[1].typical.per_second;
  }

  void Write() const {
    nlohmann::json all;
    all["ratios"] = ratios_;
    for (const Figure& figure : figures_) {
      for (const Standing& one : figure.standings) {
        all["figures"].push_back({{"figure", figure.name},
                                  {"contestant", one.name},
                                  {"per_second", one.typical.per_second},
                                  {"p50_ms", one.typical.p50_ms},
                                  {"p99_ms", one.typical.p99_ms},
                                  {"p999_ms", one.typical.p999_ms},
                                  {"server_cpu_us_per_operation", one.cpu_us},
                                  {"failed", one.typical.failed}});
      }
    }
    std::ofstream(options_.json) << all.dump(2) << "\n";
  }

  const Options options_;
  testing::Cluster kvd_;
  EtcdCluster etcd_;
  RedisTrio redis_;
  testing::ReservedPort echo_port_;
  std::optional<testing::Process> echo_;
  std::vector<pid_t> kvd_pids_;
  std::vector<Figure> figures_;
  std::map<std::string, double> ratios_;
  bool failed_ = false;
};

}  // namespace
}  // namespace kvd::bench

int main(int argc, char** argv) {
  kvd::bench::Options options;
  bool quick = false;
  std::string echo_at;
  CLI::App app("kvd beside etcd, Redis and a bare gRPC server");
  app.add_option("--seconds", options.seconds, "For each figure and round");
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 100));
  app.add_flag("--quick", quick, "Three rounds of two seconds: under five minutes");
  app.add_option("--json", options.json, "Write figures and ratios to this file");
  app.add_option("--serve-echo", echo_at)->group("");
  CLI11_PARSE(app, argc, argv);
  if (!echo_at.empty()) kvd::bench::ServeEcho(echo_at);
  // Debian's abseil looks for deadlocks at every lock unless told not to; kvd tells it, too.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (quick) {
    options.seconds = 2;
    options.rounds = 3;
    options.callers = {1, 64};
  }
  return kvd::bench::Comparison(options).Run() ? 0 : 1;
}
