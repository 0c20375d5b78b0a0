// Prints how soon the failure detector sees a dead, a frozen and a deaf peer, and how often it is
// wrong, in clusters of 3 to 1000 nodes and on networks that lose up to a fifth of the frames. All
// in virtual time from fixed seeds: the output is the same at every run.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "common/check.h"
#include "tests/bench/heartbeat/watched_cluster.h"

namespace kvd::heartbeat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<uint32_t, 4> kNodes = {3, 10, 100, 1000};
constexpr std::array<uint32_t, 5> kLossPercent = {0, 1, 5, 10, 20};
constexpr uint32_t kMostNeighbours = 32;  // Of a node in a cluster beyond a full mesh.
constexpr uint64_t kFrames = 3'000'000;   // Per figure of false suspicions.
constexpr size_t kSamples = 1000;         // Per figure of detection times.

uint32_t PeersOf(uint32_t nodes) {
  return nodes <= 100 ? nodes - 1 : kMostNeighbours;
}

WatchedCluster::Options Network(uint32_t nodes, uint32_t loss_percent) {
  return {.peers = PeersOf(nodes),
          .loss_per_million = loss_percent * 10'000,
          .detector = {},
          .seed = nodes * 100 + loss_percent};
}

enum class Fault { kKilled, kFrozen, kDeaf };

void Inject(WatchedCluster& cluster, Fault fault, NodeId peer) {
  if (fault == Fault::kKilled) cluster.Kill(peer);
  if (fault == Fault::kFrozen) cluster.CutTowardsUs(peer, true);
  if (fault == Fault::kDeaf) cluster.CutTowardsPeer(peer, true);
}

void Heal(WatchedCluster& cluster, Fault fault, NodeId peer) {
  if (fault == Fault::kKilled) cluster.Restart(peer);
  if (fault == Fault::kFrozen) cluster.CutTowardsUs(peer, false);
  if (fault == Fault::kDeaf) cluster.CutTowardsPeer(peer, false);
}

// The peers under suspicion, from what the detector reported.
void Follow(std::set<NodeId>& suspects, const std::vector<WatchedCluster::Observation>& seen) {
  for (const auto& [at, change] : seen) {
    if (change.to == Health::kSuspect) suspects.insert(change.peer);
    if (change.to == Health::kAlive) suspects.erase(change.peer);
  }
}

size_t Suspicions(const std::vector<WatchedCluster::Observation>& seen) {
  return static_cast<size_t>(std::count_if(seen.begin(), seen.end(), [](const auto& observation) {
    return observation.change.to == Health::kSuspect;
  }));
}

// Sorted times from a fault to its detection. A tenth of the peers, at least one, fails at once;
// peers that were falsely suspected at that moment do not count.
std::vector<Duration> DetectionTimes(const WatchedCluster::Options& options, Fault fault) {
  WatchedCluster cluster(options);
  Random random(options.seed + 77);
  std::vector<Duration> times;
  std::set<NodeId> suspects;
  Follow(suspects, cluster.RunUntil(cluster.now() + seconds(5)));

  while (times.size() < kSamples) {
    const Duration offset{static_cast<int64_t>(random.Below(Duration(seconds(1)).count()))};
    Follow(suspects, cluster.RunUntil(cluster.now() + seconds(2) + offset));
    std::set<NodeId> failed;
    for (uint32_t i = 0; i < std::max(1U, options.peers / 10); ++i) {
      failed.insert(NodeId{static_cast<uint32_t>(random.Between(1, options.peers))});
    }
    const Instant failed_at = cluster.now();
    std::set<NodeId> unseen;
    for (const NodeId peer : failed) {
      if (!suspects.contains(peer)) unseen.insert(peer);
      Inject(cluster, fault, peer);
    }
    const auto seen = cluster.RunUntil(failed_at + seconds(3));
    for (const auto& [at, change] : seen) {
      if (change.to == Health::kSuspect && unseen.erase(change.peer) > 0) {
        times.push_back(at - failed_at);
      }
    }
    KVD_CHECK(unseen.empty(), "a fault stayed unseen for 3 s");
    Follow(suspects, seen);
    for (const NodeId peer : failed) Heal(cluster, fault, peer);
  }
  std::sort(times.begin(), times.end());
  return times;
}

double FalseSuspicionsPerHour(const WatchedCluster::Options& options) {
  WatchedCluster cluster(options);
  const seconds length{kFrames / 10 / options.peers};
  const auto seen = cluster.RunUntil(cluster.now() + length);
  return static_cast<double>(Suspicions(seen)) * 3600.0 / static_cast<double>(length.count());
}

int64_t Millis(Duration duration) {
  return std::chrono::round<milliseconds>(duration).count();
}

std::string Quantiles(const std::vector<Duration>& sorted) {
  return fmt::format("{:>4} {:>4} {:>4}", Millis(sorted[sorted.size() / 2]),
                     Millis(sorted[sorted.size() * 99 / 100]), Millis(sorted.back()));
}

// What memberlist's LAN defaults wait before a suspicion counts, after a probe round of 1 s.
std::string MemberlistSuspicion(uint32_t nodes) {
  const double least = 4 * std::max(1.0, std::log10(nodes));
  return fmt::format("{:>3.0f} .. {:.0f}", least, 6 * least);
}

void ReportDetection() {
  fmt::print(
      "Detection in ms (p50 p99 max of {} or more) and false suspicions\n\n"
      "                killed:         frozen:         one-way link:   false per  memberlist:\n"
      "nodes  loss  refused         silent          does not hear   node-hour  s, after probe\n",
      kSamples);
  for (const uint32_t nodes : kNodes) {
    for (const uint32_t loss : kLossPercent) {
      const auto network = Network(nodes, loss);
      fmt::print("{:>5}  {:>2} %  {}  {}  {}  {:>9.1f}  {}\n", nodes, loss,
                 Quantiles(DetectionTimes(network, Fault::kKilled)),
                 Quantiles(DetectionTimes(network, Fault::kFrozen)),
                 Quantiles(DetectionTimes(network, Fault::kDeaf)), FalseSuspicionsPerHour(network),
                 MemberlistSuspicion(nodes));
    }
  }
}

// The share of healthy peers suspected when the watching node itself is stopped and continues.
double SuspectedAfterStop(WatchedCluster::Options options, Duration stop, Duration max_doubt) {
  constexpr int kStops = 200;
  options.detector.max_doubt = max_doubt;
  WatchedCluster cluster(options);
  Random random(options.seed + 78);
  size_t suspicions = 0;
  for (int i = 0; i < kStops; ++i) {
    const Duration offset{static_cast<int64_t>(random.Below(Duration(seconds(1)).count()))};
    (void)cluster.RunUntil(cluster.now() + seconds(3) + offset);
    cluster.StopUs(stop);
    suspicions += Suspicions(cluster.RunUntil(cluster.now() + stop + seconds(1)));
  }
  return 100.0 * static_cast<double>(suspicions) / (kStops * options.peers);
}

void ReportOwnStops() {
  fmt::print(
      "\nHealthy peers suspected when the watching node is stopped and continues, in %%:\n"
      "without self-doubt / with\n\n"
      "nodes  loss        200 ms        500 ms           2 s          10 s\n");
  for (const uint32_t nodes : {3U, 10U, 100U}) {
    for (const uint32_t loss : {0U, 5U}) {
      fmt::print("{:>5}  {:>2} %", nodes, loss);
      for (const int stop_ms : {200, 500, 2000, 10'000}) {
        const auto share = [&](Duration max_doubt) {
          return SuspectedAfterStop(Network(nodes, loss), milliseconds(stop_ms), max_doubt);
        };
        fmt::print("  {:>5.1f} /{:>5.1f}", share(Duration::zero()), share(milliseconds(500)));
      }
      fmt::print("\n");
    }
  }
}

// The share of pauses of a healthy peer that make it suspect.
double SuspectedDuringPause(const WatchedCluster::Options& options, Duration pause) {
  constexpr int kPauses = 1000;
  WatchedCluster cluster(options);
  Random random(options.seed + 79);
  int suspected = 0;
  for (int i = 0; i < kPauses; ++i) {
    const Duration offset{static_cast<int64_t>(random.Below(Duration(seconds(1)).count()))};
    (void)cluster.RunUntil(cluster.now() + seconds(2) + offset);
    const NodeId peer{static_cast<uint32_t>(random.Between(1, options.peers))};
    cluster.CutTowardsUs(peer, true);
    auto seen = cluster.RunUntil(cluster.now() + pause);
    cluster.CutTowardsUs(peer, false);
    const auto after = cluster.RunUntil(cluster.now() + milliseconds(200));
    seen.insert(seen.end(), after.begin(), after.end());
    if (std::any_of(seen.begin(), seen.end(), [&](const auto& observation) {
          return observation.change.peer == peer && observation.change.to == Health::kSuspect;
        })) {
      ++suspected;
    }
  }
  return 100.0 * suspected / kPauses;
}

void ReportPeerPauses() {
  fmt::print(
      "\nPauses of a peer that make it suspect, in %%, by their length (10 nodes)\n\n"
      " loss   100 ms  150 ms  200 ms  250 ms  300 ms  400 ms\n");
  for (const uint32_t loss : {0U, 1U, 5U}) {
    fmt::print("{:>3} %", loss);
    for (const int pause_ms : {100, 150, 200, 250, 300, 400}) {
      fmt::print("  {:>6.1f}", SuspectedDuringPause(Network(10, loss), milliseconds(pause_ms)));
    }
    fmt::print("\n");
  }
}

void ReportFloors() {
  fmt::print(
      "\nWhat another floor of patience would do (10 nodes): false suspicions per node-hour,\n"
      "and detection of a frozen node, p50 and p99 in ms\n\n"
      " loss           250 ms                  300 ms                  350 ms                  "
      "400 ms\n");
  for (const uint32_t loss : kLossPercent) {
    fmt::print("{:>3} %", loss);
    for (const int floor_ms : {250, 300, 350, 400}) {
      auto network = Network(10, loss);
      network.detector.floor = milliseconds(floor_ms);
      const auto frozen = DetectionTimes(network, Fault::kFrozen);
      fmt::print("   {:>9.1f}  {:>4} {:>4}", FalseSuspicionsPerHour(network),
                 Millis(frozen[frozen.size() / 2]), Millis(frozen[frozen.size() * 99 / 100]));
    }
    fmt::print("\n");
  }
}

}  // namespace
}  // namespace kvd::heartbeat

int main() {
  kvd::heartbeat::ReportDetection();
  kvd::heartbeat::ReportOwnStops();
  kvd::heartbeat::ReportPeerPauses();
  kvd::heartbeat::ReportFloors();
  return 0;
}
