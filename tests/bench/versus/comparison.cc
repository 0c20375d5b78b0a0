#include "tests/bench/versus/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "common/check.h"
#include "tests/bench/versus/etcd.h"
#include "tests/bench/versus/figure.h"
#include "tests/bench/versus/load.h"
#include "tests/bench/versus/redis.h"
#include "tests/bench/versus/redis_cluster.h"
#include "tests/support/cluster.h"

namespace kvd::bench {
namespace {

constexpr int kEchoCallers = 64;

class Comparison {
 public:
  explicit Comparison(const Plan& plan) : plan_(plan) {
    echo_.emplace(testing::Process::Options{
        .command = {"/proc/self/exe", "--serve-echo", echo_port_.address()}});
    for (int node = 1; node <= kvd_.size(); ++node) kvd_pids_.push_back(kvd_.process(node).pid());
    Await("kvd", Load(Api::kKvd, Operation::kPut, 3, 0.5));
    Await("etcd", Load(Api::kEtcd, Operation::kPut, 3, 0.5));
    KVD_CHECK(redis_.AwaitReady(), "Redis and its followers answer");
    KVD_CHECK(redis_cluster_.AwaitReady(), "Redis Cluster answers");
  }

  Findings Run() {
    PrintHeader();
    for (const Operation operation : {Operation::kPut, Operation::kGet}) {
      for (const int outstanding : plan_.callers) Unary(operation, outstanding);
      Pipelined(operation);
    }
    return std::move(findings_);
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

  // The analyser loses sight of what a std::function owns.
  // NOLINTBEGIN(clang-analyzer-cplusplus.NewDeleteLeaks)
  [[nodiscard]] Contestant Kvd(Operation operation, int outstanding) const {
    return {"kvd", Load(Api::kKvd, operation, outstanding, plan_.seconds), kvd_pids_};
  }
  [[nodiscard]] Contestant Pipeline(Operation operation) const {
    constexpr int kOutstanding = 2000;
    return {"kvd, pipelined", Load(Api::kKvdPipeline, operation, kOutstanding, plan_.seconds),
            kvd_pids_};
  }
  [[nodiscard]] Contestant Etcd(Operation operation, int outstanding) const {
    return {fmt::format("etcd, {}", outstanding),
            Load(Api::kEtcd, operation, outstanding, plan_.seconds), etcd_.pids()};
  }
  // NOLINTEND(clang-analyzer-cplusplus.NewDeleteLeaks)
  [[nodiscard]] Contestant Waited() const {
    return {"Redis, WAIT 1", [this] { return redis_.RunWaitedPuts(plan_.seconds); }, redis_.pids()};
  }
  [[nodiscard]] Contestant Clustered(RedisCluster::Fsync fsync, Operation operation) const {
    const bool always = fsync == RedisCluster::Fsync::kAlways;
    return {always ? "Redis Cluster, always" : "Redis Cluster, everysec",
            [=, this] { return redis_cluster_.Run(fsync, operation, plan_.seconds); },
            redis_cluster_.pids()};
  }
  // kvd's service with nothing behind it.
  [[nodiscard]] Contestant Echo() const {
    return {"bare gRPC",
            [this] {
              return RunLoad({.api = Api::kKvd,
                              .operation = Operation::kGet,
                              .endpoints = {echo_port_.address()},
                              .outstanding = kEchoCallers,
                              .seconds = plan_.seconds});
            },
            {echo_->pid()}};
  }

  const Figure& Add(const std::string& name, const std::vector<Contestant>& contestants) {
    findings_.figures.push_back(Measure(name, contestants, plan_.rounds));
    Print(findings_.figures.back());
    return findings_.figures.back();
  }

  static std::string_view NameOf(Operation operation) {
    return operation == Operation::kPut ? "put" : "get";
  }

  void Unary(Operation operation, int outstanding) {
    const std::string_view verb = NameOf(operation);
    std::vector<Contestant> all = {Kvd(operation, outstanding), Etcd(operation, outstanding)};
    const bool has_echo = operation == Operation::kGet && outstanding == kEchoCallers;
    if (has_echo) all.push_back(Echo());
    const Figure& figure = Add(fmt::format("{}, unary, {}", verb, outstanding), all);
    const LoadResult& ours = figure.standings[0].typical;
    const LoadResult& theirs = figure.standings[1].typical;
    const std::string suffix = fmt::format("{}_unary_{}", verb, outstanding);
    auto& ratios = findings_.ratios;
    ratios["etcd_" + suffix] = ours.per_second / theirs.per_second;
    ratios["etcd_p50_" + suffix] = ours.p50_ms / theirs.p50_ms;
    ratios["etcd_p99_" + suffix] = ours.p99_ms / theirs.p99_ms;
    if (has_echo) {
      ratios["echo_get_unary"] = ours.per_second / figure.standings[2].typical.per_second;
    }
  }

  // Against etcd's best of any concurrency.
  void Pipelined(Operation operation) {
    const std::string_view verb = NameOf(operation);
    std::vector<Contestant> all = {Pipeline(operation), Etcd(operation, 256),
                                   Etcd(operation, 1000)};
    if (operation == Operation::kPut) all.push_back(Waited());
    all.push_back(Clustered(RedisCluster::Fsync::kAlways, operation));
    all.push_back(Clustered(RedisCluster::Fsync::kEverySecond, operation));
    const Figure& figure = Add(fmt::format("{}, pipelined", verb), all);
    const auto per_second = [&](const char* name) { return figure.Of(name).typical.per_second; };
    const double ours = per_second("kvd, pipelined");
    auto& ratios = findings_.ratios;
    ratios[fmt::format("etcd_{}_pipelined", verb)] =
        ours / std::max(per_second("etcd, 256"), per_second("etcd, 1000"));
    ratios[fmt::format("redis_cluster_always_{}_pipelined", verb)] =
        ours / per_second("Redis Cluster, always");
    ratios[fmt::format("redis_cluster_everysec_{}_pipelined", verb)] =
        ours / per_second("Redis Cluster, everysec");
    if (operation == Operation::kPut) {
      ratios["redis_wait_put_pipelined"] = ours / per_second("Redis, WAIT 1");
    }
  }

  const Plan plan_;
  testing::Cluster kvd_;
  EtcdCluster etcd_;
  RedisTrio redis_;
  RedisCluster redis_cluster_;
  testing::ReservedPort echo_port_;
  std::optional<testing::Process> echo_;
  std::vector<pid_t> kvd_pids_;
  Findings findings_{.seconds = plan_.seconds, .rounds = plan_.rounds};
};

}  // namespace

Findings Compare(const Plan& plan) {
  return Comparison(plan).Run();
}

}  // namespace kvd::bench
