#include "server/topology/reconciler.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace kvd::topology {
namespace {

using Why = Obstacle::Why;

// A group that could begin transfers.
struct Candidate {
  const GroupReport* report;
  GroupChange change;
  size_t live_voters = 0;
};

class Pass {
 public:
  Pass(const Reports& reports, const std::set<NodeId>& silent, const Limits& limits)
      : reports_(reports), silent_(silent), limits_(limits) {}

  void Consider(PartitionId partition, const std::vector<Replica>& wish) {
    const GroupReport* report = reports_.Of(partition);
    if (report == nullptr) return Wait(partition, {Why::kNoReport});
    GroupChange change = NextChange(wish, *report, silent_, limits_.caught_up);
    done_.transfers += change.transfers;
    if (change.as_wished) return;
    if (change.obstacle) return Wait(partition, *change.obstacle);
    if (change.step) return Ask(*std::move(change.step));
    const auto lives = [&](const raft::Member& voter) { return report->IsActive(voter.id); };
    const auto live = std::ranges::count_if(report->configuration.voters, lives);
    candidates_.push_back({report, std::move(change), static_cast<size_t>(live)});
  }

  // Fewest copies first; the order of partitions keeps one pass like the next.
  Reconciliation Finish() {
    std::ranges::stable_sort(candidates_, {}, &Candidate::live_voters);
    for (const Candidate& candidate : candidates_) Begin(candidate);
    return std::move(done_);
  }

 private:
  void Wait(PartitionId partition, Obstacle obstacle) {
    done_.obstacles.emplace(partition, obstacle);
  }

  void Ask(Step step) {
    if (done_.steps.size() >= limits_.steps) return Wait(step.partition, {Why::kTurn});
    Wait(step.partition, {Why::kAsked});
    done_.steps.push_back(std::move(step));
  }

  void Begin(const Candidate& candidate) {
    const GroupReport& report = *candidate.report;
    size_t count = 0;
    while (count < candidate.change.newcomers.size() && done_.transfers < limits_.transfers &&
           done_.bytes < limits_.bytes && done_.steps.size() < limits_.steps) {
      ++count;
      ++done_.transfers;
      done_.bytes += report.bytes;
    }
    if (count > 0) return Ask(AddLearners(report, candidate.change, count));
    const bool is_spent = done_.bytes >= limits_.bytes;
    Wait(report.partition, {is_spent ? Why::kRate : Why::kTurn});
  }

  const Reports& reports_;
  const std::set<NodeId>& silent_;
  const Limits& limits_;
  std::vector<Candidate> candidates_;
  Reconciliation done_;
};

}  // namespace

Reconciliation Reconcile(const Topology& topology, const Reports& reports,
                         const std::set<NodeId>& silent, const Limits& limits) {
  Pass pass(reports, silent, limits);
  pass.Consider(kSystemPartition, topology.system_voters);
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    pass.Consider(PartitionId{p}, topology.ring[p]);
  }
  return pass.Finish();
}

}  // namespace kvd::topology
