// What writers notice while a cluster grows from three nodes to five and shrinks again, with a node
// killed half-way each time: throughput beside that of before, the longest time without success,
// what failed and what was lost; how evenly the copies lie then, and how many were moved beside the
// fewest that could have been.
//
//   ./build/release/tests/bench/reshape/reshape --preload 50000
//
// KVD_BIN names another kvd.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "client/admin.h"
#include "common/check.h"
#include "tests/bench/failover/writers.h"
#include "tests/bench/reshape/moves_watch.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"

namespace kvd::bench {
namespace {

using std::chrono::steady_clock;
using testing::Cluster;

struct Options {
  int writers = 16;
  uint64_t preload = 50'000;
  uint64_t value_bytes = 1000;
  int undisturbed_s = 10;
  bool kills = true;
};

std::vector<std::string> EndpointsOf(const Cluster& cluster) {
  std::vector<std::string> endpoints;
  for (int node = 1; node <= cluster.size(); ++node) endpoints.push_back(cluster.address(node));
  return endpoints;
}

void Preload(const Cluster& cluster, const Options& options) {
  constexpr uint64_t kThreads = 32;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const client::Client client = cluster.ClientOf(static_cast<int>(t % 3) + 1);
      const std::string value(options.value_bytes, 'v');
      for (uint64_t i = t; i < options.preload; i += kThreads) {
        KVD_CHECK(client.Put(fmt::format("preload-{}", i), value).ok(), "a put of the preload");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

class Reshape {
 public:
  Reshape(Cluster& cluster, const Options& options)
      : cluster_(cluster),
        options_(options),
        asker_(testing::ClientAt(cluster.address(1))),
        admin_(asker_) {}

  void Run() {
    Preload(cluster_, options_);
    Writers writers({.endpoints = EndpointsOf(cluster_),
                     .keys = Keys(),
                     .try_timeout = std::chrono::milliseconds(300)});
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const Time began = steady_clock::now();
    std::this_thread::sleep_for(std::chrono::seconds(options_.undisturbed_s));
    const Time grows = steady_clock::now();
    const Copies joined = MovedBy([this] { Grow(); });
    const Time grown = steady_clock::now();
    PrintBalance(5);
    const auto partitions = static_cast<uint32_t>(asker_.GetRing()->partitions.size());
    const Copies on_newcomers = CopiesOn(admin_, partitions, {"n4", "n5"});
    const Time stays = steady_clock::now();
    std::this_thread::sleep_for(std::chrono::seconds(options_.undisturbed_s));
    const Time shrinks = steady_clock::now();
    const Copies left = MovedBy([this] { Shrink(); });
    const Time ended = steady_clock::now();
    PrintBalance(3);
    writers.Stop();
    Print(writers, {{"undisturbed", began, grows},
                    {"3 -> 5", grows, grown},
                    {"five nodes", stays, shrinks},
                    {"5 -> 3", shrinks, ended}});
    PrintMoved("3 -> 5", joined, on_newcomers);
    PrintMoved("5 -> 3", left, on_newcomers);
  }

 private:
  struct Window {
    const char* what;
    Time from;
    Time to;
  };

  [[nodiscard]] std::vector<std::vector<std::string>> Keys() const {
    std::vector<std::vector<std::string>> keys(static_cast<size_t>(options_.writers));
    int number = 0;
    for (auto& of_writer : keys) {
      for (int i = 0; i < 64; ++i) of_writer.push_back(fmt::format("key-{}", number++));
    }
    return keys;
  }

  [[nodiscard]] std::vector<client::Job> Jobs() const {
    const auto jobs = admin_.ListJobs();
    return jobs.ok() ? *jobs : std::vector<client::Job>{};
  }

  void Await(const char* what, const std::function<bool()>& holds) const {
    KVD_CHECK(testing::Eventually(std::chrono::minutes(10), holds), what);
  }

  void AwaitHalfway() const {
    Await("copies arrive", [this] {
      return std::ranges::any_of(Jobs(), [](const client::Job& job) {
        return !job.has_ended() && job.copies_done() * 2 >= job.copies;
      });
    });
  }

  void AwaitNodes(size_t nodes) const {
    Await("jobs end", [&] {
      const auto ring = asker_.GetRing();
      return ring.ok() && ring->nodes.size() == nodes &&
             std::ranges::all_of(Jobs(), &client::Job::has_ended);
    });
  }

  void KillHalfway(int victim) {
    if (!options_.kills) return;
    AwaitHalfway();
    cluster_.Kill(victim);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    cluster_.Start(victim);
  }

  [[nodiscard]] Copies MovedBy(const std::function<void()>& change) const {
    MovesWatch watch(admin_);
    change();
    return watch.Stop();
  }

  void Grow() {
    cluster_.Start(4);
    cluster_.Start(5);
    Await("both join", [this] { return CountNodes() == 5; });
    KillHalfway(2);
    AwaitNodes(5);
  }

  void Shrink() {
    for (const char* node : {"n4", "n5"}) {
      KVD_CHECK(admin_.StartChange(client::Leave{.node = node}).ok(), "a node leaves");
    }
    KillHalfway(3);
    AwaitNodes(3);
  }

  [[nodiscard]] size_t CountNodes() const {
    const auto ring = asker_.GetRing();
    return ring.ok() ? ring->nodes.size() : 0;
  }

  void PrintBalance(size_t nodes) const {
    std::map<uint32_t, uint64_t> copies;
    const auto ring = asker_.GetRing();
    KVD_CHECK(ring.ok(), "ask for the ring");
    uint64_t all = 0;
    for (const auto& partition : ring->partitions) {
      for (const uint32_t node : partition.replicas) ++copies[node];
      all += partition.replicas.size();
    }
    uint64_t most = 0;
    for (const auto& [node, count] : copies) most = std::max(most, count);
    fmt::print("{} nodes: {} copies, fullest/mean {:.3f}\n", nodes, all,
               static_cast<double>(most * nodes) / static_cast<double>(all));
  }

  // Whoever comes is given at least what it holds in the end; whoever goes gives all it had.
  static void PrintMoved(const char* what, const Copies& moved, const Copies& least) {
    const auto ratio = [](uint64_t a, uint64_t b) {
      return static_cast<double>(a) / static_cast<double>(b);
    };
    fmt::print("{}: {} copies moved of {} at least, {:.2f}; {:.1f} MB of {:.1f}, {:.2f}\n", what,
               moved.count, least.count, ratio(moved.count, least.count),
               ratio(moved.bytes, 1'000'000), ratio(least.bytes, 1'000'000),
               ratio(moved.bytes, least.bytes));
  }

  void Print(const Writers& writers, const std::vector<Window>& windows) const {
    fmt::print("{:<12} {:>8} {:>8} {:>7} {:>12} {:>12}\n", "", "seconds", "puts/s", "ratio",
               "nobody, ms", "some, ms");
    double first = 0;
    for (const Window& window : windows) {
      const double seconds = std::chrono::duration<double>(window.to - window.from).count();
      const double rate =
          static_cast<double>(writers.SuccessesWithin(window.from, window.to)) / seconds;
      if (first == 0) first = rate;
      const Gaps gaps = writers.GapsWithin(window.from, window.to);
      fmt::print("{:<12} {:>8.1f} {:>8.0f} {:>7.2f} {:>12.0f} {:>12.0f}\n", window.what, seconds,
                 rate, rate / first, gaps.nobody, gaps.worst);
    }
    fmt::print("{} acknowledged, {} failed, {} lost\n", writers.acknowledged(),
               writers.failures().size(), writers.CountLost(asker_));
    for (const std::string& failure : writers.failures()) fmt::print("failed: {}\n", failure);
  }

  Cluster& cluster_;
  const Options options_;
  const client::Client asker_;
  const client::Admin admin_;
};

}  // namespace
}  // namespace kvd::bench

int main(int argc, char** argv) {
  kvd::bench::Options options;
  CLI::App app("What writers notice while a cluster grows and shrinks");
  app.add_option("--writers", options.writers)->check(CLI::Range(1, 256));
  app.add_option("--preload", options.preload, "Keys that are there to be moved");
  app.add_option("--value-bytes", options.value_bytes)->check(CLI::Range(0, 1'000'000));
  app.add_option("--undisturbed", options.undisturbed_s, "Seconds before each change")
      ->check(CLI::Range(1, 600));
  app.add_flag("!--no-kills", options.kills, "Nobody is killed half-way");
  CLI11_PARSE(app, argc, argv);
  kvd::testing::Cluster cluster({.nodes = 5, .founders = 3});
  kvd::bench::Reshape(cluster, options).Run();
  return 0;
}
