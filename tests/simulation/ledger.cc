#include "tests/simulation/ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvd::simulation {

void Ledger::SaidBound(HostId host, const topology::Binding& binding) {
  if (binding.cluster_id.is_nil()) return;
  const auto [known, fresh] = bound_.emplace(host, binding);
  if (fresh || known->second == binding) return;
  world_.Fail(FailureKind::kWrong,
              fmt::format("n{} was bound to cluster {} and now says {}", host.value + 1,
                          known->second.cluster_id.ToString(), binding.cluster_id.ToString()));
}

void Ledger::Flushed(HostId host, PartitionId partition, Index index) {
  Index& flushed = flushed_[host][partition];
  flushed = std::max(flushed, index);
}

void Ledger::Acknowledged(PartitionId partition, const std::string& owner, Version version) {
  Index& acknowledged = acknowledged_[owner][partition];
  acknowledged = std::max(acknowledged, version);
}

void Ledger::Started(HostId host, const std::string& name, const topology::Binding& binding,
                     const std::vector<partition::StateMachines::Recovered>& recovered) {
  if (const auto said = bound_.find(host); said != bound_.end() && said->second != binding) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("{} said that it is bound to cluster {}, and started without", name,
                            said->second.cluster_id.ToString()));
  }
  std::map<PartitionId, Index> last;
  for (const auto& one : recovered) last[one.partition] = one.last;
  CheckNotBelow(last, flushed_[host], name, "had flushed");
  CheckNotBelow(last, acknowledged_[name], name, "had acknowledged");
}

void Ledger::CheckNotBelow(const std::map<PartitionId, Index>& recovered,
                           const std::map<PartitionId, Index>& promised, const std::string& who,
                           const std::string& what) {
  for (const auto& [partition, index] : promised) {
    const auto found = recovered.find(partition);
    const Index has = found == recovered.end() ? 0 : found->second;
    if (has >= index) continue;
    world_.Fail(FailureKind::kWrong, fmt::format("{} {} partition {} up to {} and starts with {}",
                                                 who, what, partition.value, index, has));
  }
}

void Ledger::Shows(HostId host, const node::RingView& view, const std::string& topology_bytes) {
  const std::string who = view.cluster.self.name;
  if (cluster_id_.value_or(view.cluster.cluster_id) != view.cluster.cluster_id) {
    world_.Fail(FailureKind::kWrong, "two clusters were founded: " + cluster_id_->ToString() +
                                         " and, on " + who + ", " +
                                         view.cluster.cluster_id.ToString());
  }
  cluster_id_ = view.cluster.cluster_id;
  Epoch& epoch = epochs_[host];
  if (view.cluster.epoch < epoch) {
    world_.Fail(FailureKind::kWrong, fmt::format("the epoch of {} went back from {} to {}", who,
                                                 epoch.value, view.cluster.epoch.value));
  }
  epoch = view.cluster.epoch;
  if (topologies_.emplace(epoch, topology_bytes).first->second != topology_bytes) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("epoch {} has two contents, one on {}", epoch.value, who));
  }
  for (uint32_t p = 0; p < view.partitions.size(); ++p) {
    if (view.partitions[p].term == 0) continue;  // Not owned there.
    const HostId owner = owners_.emplace(PartitionId{p}, host).first->second;
    if (owner == host) continue;
    world_.Fail(FailureKind::kWrong,
                fmt::format("partition {} is owned by n{} and by {}", p, owner.value + 1, who));
  }
}

}  // namespace kvd::simulation
