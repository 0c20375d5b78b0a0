#include "tests/simulation/ledger.h"

#include <fmt/format.h>

namespace kvd::simulation {

void Ledger::SaidBound(HostId host, const topology::Binding& binding) {
  if (binding.cluster_id.is_nil()) return;
  const auto [known, fresh] = bound_.emplace(host, binding);
  if (fresh || known->second == binding) return;
  world_.Fail(FailureKind::kWrong,
              fmt::format("n{} was bound to cluster {} and now says {}", host.value + 1,
                          known->second.cluster_id.ToString(), binding.cluster_id.ToString()));
}

void Ledger::Started(HostId host, const std::string& name, const topology::Binding& binding) {
  if (const auto said = bound_.find(host); said != bound_.end() && said->second != binding) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("{} said that it is bound to cluster {}, and started without", name,
                            said->second.cluster_id.ToString()));
  }
}

void Ledger::Shows(HostId host, const node::ClusterView& view, const std::string& topology_bytes) {
  const std::string who = view.self.name;
  if (cluster_id_.value_or(view.cluster_id) != view.cluster_id) {
    world_.Fail(FailureKind::kWrong, "two clusters were founded: " + cluster_id_->ToString() +
                                         " and, on " + who + ", " + view.cluster_id.ToString());
  }
  cluster_id_ = view.cluster_id;
  Epoch& epoch = epochs_[host];
  if (view.epoch < epoch) {
    world_.Fail(FailureKind::kWrong, fmt::format("the epoch of {} went back from {} to {}", who,
                                                 epoch.value, view.epoch.value));
  }
  epoch = view.epoch;
  if (topologies_.emplace(epoch, topology_bytes).first->second != topology_bytes) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("epoch {} has two contents, one on {}", epoch.value, who));
  }
}

}  // namespace kvd::simulation
