#include "server/daemon/node_probe.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

namespace kvd::daemon {

namespace {

std::set<NodeId> NotUp(const topology::Topology& topology, const node::ClusterView& view) {
  std::set<NodeId> down;
  for (const node::NodeView& each : view.nodes) {
    const bool is_up =
        each.state == node::NodeState::kUp || each.state == node::NodeState::kDraining;
    if (!is_up) down.insert(topology.Find(each.card.uuid)->id);
  }
  return down;
}

}  // namespace

NodeFacts FactsOf(const node::Node& shard, Instant now) {
  NodeFacts facts{.view = shard.ViewCluster(now), .counts = shard.CountsAt(now)};
  const topology::Topology* topology = shard.topology();
  const topology::Member* self =
      topology == nullptr ? nullptr : topology->Find(facts.view.self.uuid);
  if (self == nullptr || shard.replicas() == nullptr) return facts;
  const std::set<NodeId> down = NotUp(*topology, facts.view);
  for (uint32_t p = 0; p < topology->partitions(); ++p) {
    if (!shard.shard().Holds(PartitionId{p})) continue;
    const auto& ring = topology->ring[p];
    const auto is_down = [&](const auto& replica) { return down.contains(replica.node); };
    const bool is_here = shard.replicas()->Find(PartitionId{p}) != nullptr;
    const bool is_wished =
        std::ranges::any_of(ring, [&](const auto& replica) { return replica.node == self->id; });
    if (std::ranges::any_of(ring, is_down)) ++facts.under_replicated;
    if (is_here) ++facts.replicas;
    if (is_wished && !is_here) ++facts.missing;
  }
  for (const topology::Job& job : topology->jobs) {
    if (!job.HasEnded()) ++facts.jobs[{job.kind, job.state}];
  }
  return facts;
}

// The jobs are of the topology, which each shard knows.
std::optional<NodeFacts> Together(const std::vector<std::optional<NodeFacts>>& shards) {
  std::optional<NodeFacts> all = shards.front();
  for (size_t i = 1; all && i < shards.size(); ++i) {
    if (!shards[i]) return std::nullopt;
    node::Merge(all->view, shards[i]->view);
    node::Merge(all->counts, shards[i]->counts);
    all->replicas += shards[i]->replicas;
    all->missing += shards[i]->missing;
    all->under_replicated += shards[i]->under_replicated;
  }
  return all;
}

// With std::mutex for the reason that runtime's Queue gives.
struct NodeProbe::Question {
  explicit Question(std::chrono::steady_clock::time_point until) : due(until) {}

  const std::chrono::steady_clock::time_point due;
  std::mutex mu = {};
  std::condition_variable answered = {};
  std::optional<NodeFacts> facts = {};
};

// All are asked before any is waited for.
std::vector<std::optional<NodeFacts>> NodeProbe::Facts() {
  const auto shards = static_cast<uint32_t>(owed_.size());
  for (uint32_t i = 0; i < shards; ++i) AskIfNothingIsOwed(i);
  std::vector<std::optional<NodeFacts>> facts;
  for (uint32_t i = 0; i < shards; ++i) facts.push_back(Await(i));
  return facts;
}

void NodeProbe::AskIfNothingIsOwed(uint32_t shard) {
  std::shared_ptr<Question>& owed = owed_[shard];
  // An answer that nobody waited for is of a moment that has passed.
  if (owed != nullptr) {
    const std::lock_guard lock(owed->mu);
    if (!owed->facts) return;
  }
  owed = std::make_shared<Question>(std::chrono::steady_clock::now() + patience_);
  ask_(shard, [question = owed](NodeFacts facts) {
    const std::lock_guard lock(question->mu);
    question->facts = std::move(facts);
    question->answered.notify_all();
  });
}

std::optional<NodeFacts> NodeProbe::Await(uint32_t shard) {
  const std::shared_ptr<Question> owed = owed_[shard];
  std::unique_lock lock(owed->mu);
  owed->answered.wait_until(lock, owed->due, [&] { return owed->facts.has_value(); });
  if (owed->facts) owed_[shard] = nullptr;
  return std::move(owed->facts);
}

}  // namespace kvd::daemon
