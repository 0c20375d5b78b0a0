#include "tests/unit/server/ring/exact_minimum.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <vector>

#include "common/check.h"
#include "server/ring/roster.h"
#include "server/ring/zone_rule.h"

namespace kvd::ring {
namespace {

// Successive shortest paths; vertices are numbered as they are made.
class MinimumCostFlow {
 public:
  int Vertex() {
    arcs_of_.emplace_back();
    return static_cast<int>(arcs_of_.size()) - 1;
  }

  void Arc(int from, int to, uint64_t capacity, int64_t cost = 0) {
    arcs_of_[from].push_back(arcs_.size());
    arcs_.push_back({to, capacity, cost});
    arcs_of_[to].push_back(arcs_.size());
    arcs_.push_back({from, 0, -cost});
  }

  // The cost of sending `amount`. REQUIRES: so much can be sent.
  uint64_t Cost(int source, int sink, uint64_t amount) {
    int64_t cost = 0;
    while (amount > 0) {
      FindPaths(source);
      KVD_CHECK(distance_[sink] != kFar, "the promises can be kept");
      uint64_t more = amount;
      for (int v = sink; v != source; v = arcs_[by_[v] ^ 1U].to) {
        more = std::min(more, arcs_[by_[v]].capacity);
      }
      for (int v = sink; v != source; v = arcs_[by_[v] ^ 1U].to) {
        arcs_[by_[v]].capacity -= more;
        arcs_[by_[v] ^ 1U].capacity += more;
      }
      amount -= more;
      cost += distance_[sink] * static_cast<int64_t>(more);
    }
    return static_cast<uint64_t>(cost);
  }

 private:
  struct OneArc {
    int to;
    uint64_t capacity;
    int64_t cost;
  };
  static constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

  void FindPaths(int source) {
    distance_.assign(arcs_of_.size(), kFar);
    by_.assign(arcs_of_.size(), 0);
    distance_[source] = 0;
    std::deque<int> queue{source};
    std::vector<bool> queued(arcs_of_.size());
    while (!queue.empty()) {
      const int from = queue.front();
      queue.pop_front();
      queued[from] = false;
      for (const size_t arc : arcs_of_[from]) {
        const auto& [to, capacity, cost] = arcs_[arc];
        if (capacity == 0 || distance_[from] + cost >= distance_[to]) continue;
        distance_[to] = distance_[from] + cost;
        by_[to] = arc;
        if (!queued[to]) queue.push_back(to);
        queued[to] = true;
      }
    }
  }

  std::vector<OneArc> arcs_;
  std::vector<std::vector<size_t>> arcs_of_;
  std::vector<int64_t> distance_;
  std::vector<size_t> by_;
};

}  // namespace

uint64_t ExactMinimumMoves(const Ring& previous, std::span<const Member> members,
                           uint32_t replication) {
  const Roster roster(members);
  const ZoneRule rule(roster, std::min(replication, roster.size()));
  const uint32_t partitions = previous.partitions();
  const uint64_t total = uint64_t{rule.copies()} * partitions;

  // What a zone holds when every node is to hold `level`; and the highest level there is enough
  // for.
  const auto content = [&](ZoneIndex zone, uint64_t level) {
    return std::clamp(level * roster.MembersOf(zone).size(), uint64_t{rule.Low(zone)} * partitions,
                      uint64_t{rule.High(zone)} * partitions);
  };
  const auto in_all = [&](uint64_t level) {
    uint64_t sum = 0;
    for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) sum += content(zone, level);
    return sum;
  };
  uint64_t level = 0;
  while (level < partitions && in_all(level + 1) <= total) ++level;

  // Shares: each node its small share, and of what is left at most one more, zone by zone.
  MinimumCostFlow flow;
  const int source = flow.Vertex();
  const int sink = flow.Vertex();
  const int leftover = flow.Vertex();
  flow.Arc(leftover, sink, total - in_all(level));
  std::vector<int> node(roster.size());
  for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
    const uint64_t size = roster.MembersOf(zone).size();
    const uint64_t least = content(zone, level);
    const int larger_shares = flow.Vertex();
    flow.Arc(larger_shares, sink, least % size);
    flow.Arc(larger_shares, leftover, content(zone, level + 1) - least);
    for (const MemberIndex member : roster.MembersOf(zone)) {
      node[member] = flow.Vertex();
      flow.Arc(node[member], sink, least / size);
      flow.Arc(node[member], larger_shares, 1);
    }
  }

  // Partitions: Low() copies to each zone, the extras to different ones.
  const auto before = Survivors(roster, previous);
  for (uint32_t partition = 0; partition < partitions; ++partition) {
    const int extras = flow.Vertex();
    flow.Arc(source, extras, rule.extras());
    for (ZoneIndex zone = 0; zone < roster.zones(); ++zone) {
      const int copies = flow.Vertex();
      flow.Arc(source, copies, rule.Low(zone));
      flow.Arc(extras, copies, rule.High(zone) - rule.Low(zone));
      for (const MemberIndex member : roster.MembersOf(zone)) {
        const auto& had = before[partition];
        const bool is_new = std::find(had.begin(), had.end(), member) == had.end();
        flow.Arc(copies, node[member], 1, is_new ? 1 : 0);
      }
    }
  }
  return flow.Cost(source, sink, total);
}

}  // namespace kvd::ring
