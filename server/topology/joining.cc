// How a node finds its place in a cluster that exists: for the first time, or again.

#include <fmt/format.h>

#include <utility>

#include "server/topology/decision.h"
#include "server/topology/founding.h"

namespace kvd::topology {
namespace {

// That the sender is bound to no, or to another, cluster is explained by the topology that comes
// with it; that files differ is not.
bool SaysMore(const Refusal& refusal) {
  return refusal.reason != Reason::kWrongCluster || refusal.metadata.contains("field");
}

}  // namespace

void Founding::ConsiderTopology(const std::string& record, const std::string& from,
                                const std::optional<Refusal>& refused) {
  if (topology_ || storing_ || binding_underway_) return;
  auto topology = DecodeTopology(record);
  if (!topology.ok()) {
    return SetObstacle(from, fmt::format("{} sent a topology that cannot be read: {}", from,
                                         Message(topology.status())));
  }
  if (const Status agree = CheckTerms(options_.terms, *topology); !agree.ok()) {
    return SetObstacle(from, Message(agree));
  }
  if (options_.cluster_id && topology->cluster_id != *options_.cluster_id) {
    return SetObstacle(
        from, fmt::format("{} belongs to cluster {}, but cluster.id is {}", from,
                          topology->cluster_id.ToString(), options_.cluster_id->ToString()));
  }
  if (IsBoundElsewhere(*topology)) {
    return SetObstacle(
        from, fmt::format("{} belongs to cluster {}, this node is bound to {}; if that one was "
                          "never founded, empty the data directory",
                          from, topology->cluster_id.ToString(), binding_.cluster_id.ToString()));
  }
  if (topology->Find(options_.self.uuid) == nullptr) {
    return AskToJoin(*std::move(topology), from, refused);
  }
  if (binding_.cluster_id == topology->cluster_id) return Store(*std::move(topology));
  joining_ = *std::move(topology);
  Bind({.cluster_id = joining_->cluster_id, .founder = {}});
}

// A founder may still count on whoever is bound by it: but for itself, and for one that has become
// a member of the other cluster, and so gave its own founding up.
bool Founding::IsBoundElsewhere(const Topology& topology) const {
  if (binding_.cluster_id.is_nil() || binding_.cluster_id == topology.cluster_id) return false;
  return binding_.founder != options_.self.uuid && topology.Find(binding_.founder) == nullptr;
}

void Founding::AskToJoin(Topology topology, const std::string& from,
                         const std::optional<Refusal>& refused) {
  if (seen_ && seen_->cluster_id != topology.cluster_id) {
    return SetObstacle(
        from, fmt::format("{} belongs to cluster {}, another one, {}, is asked already; set "
                          "cluster.id in the cluster file to say which",
                          from, topology.cluster_id.ToString(), seen_->cluster_id.ToString()));
  }
  asks_ = true;
  const bool is_new = !seen_;
  if (is_new || seen_->epoch < topology.epoch) seen_ = std::move(topology);
  if (is_new) {
    Say(LogLevel::kInfo,
        fmt::format("cluster {} ({}) exists without {}: asking it to take this node in",
                    seen_->cluster_name, seen_->cluster_id.ToString(), options_.self.name));
    greet_at_ = Instant::min();
  }
  const bool is_elsewhere = !binding_.cluster_id.is_nil();
  if (is_elsewhere && binding_.cluster_id != seen_->cluster_id) Bind({});
  const std::string obstacle = WhatIsInTheWay(*seen_, refused);
  if (!obstacle.empty()) return SetObstacle(from, obstacle);
  obstacles_.erase(from);
}

std::string Founding::WhatIsInTheWay(const Topology& topology,
                                     const std::optional<Refusal>& refused) const {
  if (refused && SaysMore(*refused)) return refused->message;
  const Member* namesake = topology.FindName(options_.self.name);
  if (namesake == nullptr) return "";
  return Explain({.why = Rejection::Why::kNameInUse, .node = namesake->id}, topology).message;
}

// The cluster was recovered without this node, under a new id: nobody else has its UUID.
void Founding::ConsiderSuccessor(const HelloResponse& response) {
  auto topology = DecodeTopology(response.topology);
  if (!topology.ok() || topology->FindRemoved(options_.self.uuid) == nullptr) return;
  if (topology->epoch > topology_->epoch) effects_.newer = *std::move(topology);
}

void Founding::OnAnswerToMember(const std::string& from, const HelloResponse& response) {
  if (response.envelope.cluster_id != topology_->cluster_id) {
    if (response.refused) SetObstacle(from, response.refused->message);
    return ConsiderSuccessor(response);
  }
  if (response.envelope.epoch < topology_->epoch) return;
  informed_.insert(from);
  if (!announcing_ && response.envelope.epoch == topology_->epoch) return;
  auto topology = DecodeTopology(response.topology);
  if (!topology.ok() || topology->cluster_id != topology_->cluster_id) {
    return SetObstacle(
        from, fmt::format("{} sent a topology that cannot be used: {}", from,
                          topology.ok() ? "it is of another cluster" : Message(topology.status())));
  }
  const Member* self = topology->Find(options_.self.uuid);
  if (self != nullptr && response.refused) SetObstacle(from, response.refused->message);
  // Until a member knows this card, as it is now.
  announcing_ = announcing_ && self != nullptr && (response.refused || self->card != options_.self);
  const bool concerns = self != nullptr || topology->FindRemoved(options_.self.uuid) != nullptr;
  if (concerns && topology->epoch > topology_->epoch) effects_.newer = *std::move(topology);
}

}  // namespace kvd::topology
