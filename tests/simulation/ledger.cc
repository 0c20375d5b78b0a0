#include "tests/simulation/ledger.h"

#include <fmt/format.h>

namespace kvd::simulation {

// A founder's word to itself binds nobody; and any founding is given up for the cluster that is, at
// once or, where the founder has become a member of it, first for none.
bool Ledger::MayBecome(const topology::Binding& said, const topology::Binding& now) const {
  if (said == now || (cluster_id_ && now.cluster_id == *cluster_id_)) return true;
  return now == topology::Binding() && newest_ && newest_->Find(said.founder) != nullptr;
}

void Ledger::SaidBound(HostId host, const Uuid& self, const topology::Binding& binding) {
  if (binding.cluster_id.is_nil() || binding.founder == self) return;
  const auto [known, fresh] = bound_.emplace(host, binding);
  if (!MayBecome(known->second, binding)) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("n{} was bound to cluster {} and now says {}", host.value + 1,
                            known->second.cluster_id.ToString(), binding.cluster_id.ToString()));
  }
  known->second = binding;
}

void Ledger::Started(HostId host, const std::string& name, const topology::Binding& binding) {
  const auto said = bound_.find(host);
  if (said == bound_.end() || MayBecome(said->second, binding)) return;
  world_.Fail(FailureKind::kWrong,
              fmt::format("{} said that it is bound to cluster {}, and started without", name,
                          said->second.cluster_id.ToString()));
}

void Ledger::Wiped(HostId host) {
  bound_.erase(host);
  epochs_.erase(host);
}

void Ledger::Applied(const partition::ApplyJob& job, const partition::Applied& applied) {
  if (job.partition != topology::kSystemPartition) return;
  for (size_t i = 0; i < job.entries.size(); ++i) {
    const storage::Entry& entry = job.entries[i];
    if (entry.kind != storage::EntryKind::kCommand || entry.payload.empty()) continue;
    const auto command = partition::DecodeCommand(entry.payload);
    if (!command.ok() || applied.outcomes.at(i).version != entry.index) continue;  // Refused.
    const auto* put = std::get_if<partition::PutMutation>(&command->mutation);
    if (put != nullptr) Decided(put->value);
  }
}

void Ledger::Decided(const std::string& record) {
  auto topology = topology::DecodeTopology(record);
  if (!topology.ok()) {
    return world_.Fail(FailureKind::kWrong, "the system group decided what is no topology");
  }
  const Epoch last = newest_ ? newest_->epoch : topology::kFoundingEpoch;
  const Epoch epoch = topology->epoch;
  if (epoch.value == last.value + 1) {
    newest_ = *std::move(topology);
    for (const topology::Removed& removed : newest_->removed) {
      if (removed.at == epoch) consensus_.Removed(removed.id);
    }
  } else if (epoch > last) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("S15: epoch {} is decided behind epoch {}", epoch.value, last.value));
  }
  if (topologies_.emplace(epoch, record).first->second == record) return;
  world_.Fail(FailureKind::kWrong,
              fmt::format("S15: two contents are decided for epoch {}", epoch.value));
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
    world_.Fail(FailureKind::kWrong, fmt::format("S1: the epoch of {} went back from {} to {}", who,
                                                 epoch.value, view.epoch.value));
  }
  epoch = view.epoch;
  if (epoch == topology::kFoundingEpoch) topologies_.emplace(epoch, topology_bytes);
  const auto known = topologies_.find(epoch);
  if (known == topologies_.end()) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("S15: {} holds epoch {}, which was not decided", who, epoch.value));
  } else if (known->second != topology_bytes) {
    world_.Fail(FailureKind::kWrong,
                fmt::format("S15: epoch {} has two contents, one on {}", epoch.value, who));
  }
}

}  // namespace kvd::simulation
