#include "tests/bench/failover/trial.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "common/check.h"
#include "common/hash.h"
#include "tests/support/cluster.h"

namespace kvd::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Cluster;

constexpr auto kUndisturbed = std::chrono::seconds(1);
constexpr auto kAway = std::chrono::seconds(3);
constexpr auto kBack = std::chrono::seconds(2);
constexpr size_t kKeysPerWriter = 8;

// Keys of partitions that `victim` owns.
std::vector<std::vector<std::string>> KeysOwnedBy(const client::Ring& ring, int victim,
                                                  int writers) {
  const auto partitions = static_cast<uint32_t>(ring.partitions.size());
  std::vector<std::vector<std::string>> keys(static_cast<size_t>(writers));
  uint64_t number = 0;
  for (auto& of_writer : keys) {
    while (of_writer.size() < kKeysPerWriter) {
      std::string key = fmt::format("key-{}", number++);
      const auto& partition = ring.partitions[PartitionOf(key, partitions).value];
      const bool owned = ring.nodes[partition.owner].name == testing::NodeName(victim);
      if (owned && !partition.leaderless) of_writer.push_back(std::move(key));
    }
  }
  return keys;
}

client::Ring RingOf(const Cluster& cluster) {
  auto ring = cluster.ClientOf(1).GetRing();
  KVD_CHECK(ring.ok(), "ask for the ring");
  return *std::move(ring);
}

void Inflict(Cluster& cluster, const TrialOptions& options) {
  switch (options.fault) {
    case Fault::kKill:
      return cluster.Kill(options.victim);
    case Fault::kFreeze:
      return cluster.Freeze(options.victim);
    case Fault::kTerminate:
      KVD_CHECK(cluster.Stop(options.victim) == 0, "a clean end of kvd");
  }
}

void Undo(Cluster& cluster, const TrialOptions& options) {
  if (options.fault == Fault::kFreeze) return cluster.Thaw(options.victim);
  cluster.Start(options.victim);
}

void KeepLogs(const Cluster& cluster, const std::string& folder) {
  if (folder.empty()) return;
  std::filesystem::create_directories(folder);
  for (int node = 1; node <= cluster.size(); ++node) {
    testing::WriteWholeFile(folder + "/" + testing::NodeName(node) + ".log", cluster.log(node));
  }
}

std::vector<std::string> Endpoints(const Cluster& cluster) {
  std::vector<std::string> endpoints;
  for (int node = 1; node <= cluster.size(); ++node) endpoints.push_back(cluster.address(node));
  return endpoints;
}

}  // namespace

TrialResult RunTrial(const TrialOptions& options) {
  Cluster cluster({.settings = options.settings});
  Writers writers({.endpoints = Endpoints(cluster),
                   .keys = KeysOwnedBy(RingOf(cluster), options.victim, options.writers),
                   .try_timeout = options.try_timeout});
  std::this_thread::sleep_for(milliseconds(500));  // Connections, first answers.

  TrialResult result;
  const Time began = steady_clock::now();
  std::this_thread::sleep_for(kUndisturbed);
  result.fault_at = fmt::format("{:%H:%M:%S}", fmt::gmtime(std::chrono::system_clock::now()));
  const Time fault = steady_clock::now();
  Inflict(cluster, options);
  std::this_thread::sleep_until(fault + kAway);
  const Time undone = steady_clock::now();
  Undo(cluster, options);
  std::this_thread::sleep_for(kBack);
  const Time ended = steady_clock::now();
  writers.Stop();

  cluster.AwaitReady();
  result.before = writers.GapsWithin(began, fault);
  result.fault = writers.GapsWithin(fault, undone);
  result.back = writers.GapsWithin(undone, ended);
  result.away_ms = std::chrono::duration<double, std::milli>(undone - fault).count();
  result.acknowledged = writers.acknowledged();
  result.failures = writers.failures();
  for (int node = 1; node <= cluster.size(); ++node) {
    result.lost = std::max(result.lost, writers.CountLost(cluster.ClientOf(node)));
  }
  KeepLogs(cluster, options.log_folder);
  return result;
}

}  // namespace kvd::bench
