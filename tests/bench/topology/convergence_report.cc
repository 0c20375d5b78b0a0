// Prints how long clusters of 100 and 1000 nodes take to become as wished after a join and after
// the loss of a rack, and what that asks of the system group. Groups are models in virtual time,
// from fixed seeds; what decides is the real thing. The last columns are this machine's time.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "common/check.h"
#include "server/topology/progress.h"
#include "tests/unit/server/topology/model/cluster.h"

namespace kvd::topology {
namespace {

using model::Cluster;
using model::Millis;
using WallClock = std::chrono::steady_clock;

constexpr uint32_t kRacks = 10;
constexpr uint64_t kMiB = UINT64_C(1) << 20;
constexpr Millis kHour = 3'600'000;

struct Size {
  uint32_t nodes;
  uint32_t partitions;
};
constexpr Size kSizes[] = {{100, 4096}, {100, 16384}, {1000, 16384}};

NodeCard CardOf(uint32_t number) {
  NodeCard card;
  card.name = fmt::format("n{:04}", number);
  card.uuid = *Uuid::FromBytes(fmt::format("{:016}", number));
  card.peer_address = fmt::format("10.0.{}.{}:7401", number / 256, number % 256);
  card.zone = fmt::format("rack{}", number % kRacks);
  return card;
}

Topology Founded(const Size& size) {
  std::vector<NodeCard> cards;
  for (uint32_t n = 1; n <= size.nodes; ++n) cards.push_back(CardOf(n));
  const ClusterTerms terms{
      .name = "bench", .partitions = size.partitions, .replication = 3, .node_names = {}};
  return FoundTopology(CardOf(0).uuid, terms, cards);
}

// Partitions of 64 MiB, 50 MiB/s each, one transfer at a time for every four nodes.
Cluster MakeCluster(const Size& size) {
  Limits limits;
  limits.transfers = size.nodes / 4;
  return Cluster(Founded(size), {.seed = 1,
                                 .bytes_per_partition = 64 * kMiB,
                                 .bytes_per_second = 50 * kMiB,
                                 .limits = limits,
                                 .report_every = 1000});
}

void MustAccept(Cluster& cluster, const Command& command) {
  while (!cluster.Ask(command)) cluster.Tick();  // Until the system group has a leader.
}

void Join(Cluster& cluster, const Size& size) {
  MustAccept(cluster, AddMembers{{CardOf(size.nodes + 1)}, "bench"});
}

void LoseRack(Cluster& cluster, const Size& size) {
  for (uint32_t n = kRacks; n <= size.nodes; n += kRacks) cluster.Kill(NodeId{n});
  for (uint32_t n = kRacks; n <= size.nodes; n += kRacks) {
    MustAccept(cluster, StartRemove{NodeId{n}, false, "bench"});
  }
}

void Report(const std::string& what, const Size& size, void (*change)(Cluster&, const Size&)) {
  Cluster cluster = MakeCluster(size);
  KVD_CHECK(cluster.RunUntilSettled(kHour).has_value(), "a founded cluster settles");
  const uint64_t steps = cluster.steps();
  const uint64_t reports = cluster.reports();
  const auto begin = WallClock::now();
  change(cluster, size);
  const auto decided = WallClock::now();
  const auto settled = cluster.RunUntilSettled(24 * kHour);
  KVD_CHECK(settled.has_value(), cluster.Describe());
  KVD_CHECK(cluster.Violations().empty(), cluster.Violations().front());
  const double seconds = static_cast<double>(*settled) / 1000;
  fmt::print("{:>5} {:>6}  {:<10} {:>9.1f} {:>7} {:>8} {:>10.1f} {:>12.2f} {:>11.0f}\n", size.nodes,
             size.partitions, what, seconds, cluster.transfers(), cluster.steps() - steps,
             static_cast<double>(cluster.steps() - steps) / seconds,
             static_cast<double>(cluster.reports() - reports) / seconds / size.nodes,
             std::chrono::duration<double, std::milli>(decided - begin).count());
}

}  // namespace
}  // namespace kvd::topology

int main() {
  using namespace kvd::topology;  // NOLINT(google-build-using-namespace)
  fmt::print("{:>5} {:>6}  {:<10} {:>9} {:>7} {:>8} {:>10} {:>12} {:>11}\n", "nodes", "parts",
             "change", "settled s", "copies", "steps", "steps/s", "reports/s/n", "decided ms");
  for (const auto& size : kSizes) {
    Report("join", size, Join);
    Report("rack lost", size, LoseRack);
  }
  return 0;
}
