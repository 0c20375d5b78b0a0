// How a node answers greetings.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "server/topology/decision.h"
#include "server/topology/founding.h"

namespace kvd::topology {
namespace {

Refusal Disagree(std::string_view key, const std::string& ours, const std::string& theirs,
                 const std::string& self, const std::string& sender) {
  return {
      .reason = Reason::kWrongCluster,
      .message = fmt::format("cluster files differ: {} is {} on {} and {} on {}; copy one file to "
                             "all nodes",
                             key, ours, self, theirs, sender),
      .metadata = {{"expected", ours}, {"actual", theirs}, {"field", std::string(key)}}};
}

}  // namespace

void Founding::OnHello(HelloId id, const HelloRequest& request) {
  HelloResponse response;
  if (auto refusal = Refuse(request)) {
    response = MakeAnswer(request);
    response.refused = std::move(refusal);
    effects_.answers.push_back({id, std::move(response)});
    return;
  }
  const bool wants_bind = request.found && !topology_ && !storing_ && binding_.cluster_id.is_nil();
  if (wants_bind && !binding_underway_) {
    Bind({.cluster_id = request.envelope.cluster_id, .founder = request.from.uuid});
  }
  if (wants_bind || binding_underway_) {
    waiting_for_bind_.emplace_back(id, request);
    return;
  }
  if (!request.topology.empty()) {
    ConsiderTopology(request.topology, request.from.name, std::nullopt);
  }
  response = MakeAnswer(request);
  Announce(request);
  if (request.join) response.refused = verdicts_.Find(request.from.uuid, now_);
  effects_.answers.push_back({id, std::move(response)});
}

void Founding::Announce(const HelloRequest& request) {
  if (!topology_) return;
  const Member* member = topology_->Find(request.from.uuid);
  const bool is_news = member != nullptr ? member->card != request.from : request.join;
  if (is_news) effects_.announced.push_back(request.from);
}

void Founding::SetVerdict(const Uuid& node, std::optional<Refusal> refusal) {
  verdicts_.Set(node, std::move(refusal), now_);
}

HelloResponse Founding::MakeAnswer(const HelloRequest& request) const {
  return {.envelope = MakeEnvelope(request.from.uuid),
          .from = options_.self,
          .bound = binding_,
          .topology = topology_ ? EncodeTopology(*topology_) : std::string(),
          .refused = std::nullopt};
}

std::optional<Refusal> Founding::Refuse(const HelloRequest& request) const {
  if (!request.to_name.empty() && request.to_name != options_.self.name) {
    return Refusal{.reason = Reason::kWrongNode,
                   .message = fmt::format("{} greets {}, but this is {}: check peer_address in the "
                                          "cluster file",
                                          request.from.name, request.to_name, options_.self.name),
                   .metadata = {{"expected", options_.self.name}, {"actual", request.to_name}}};
  }
  if (auto refusal = RefuseFounder(request)) return refusal;
  // Files come before ids: two founders by two lists have two ids, and the lists are the mistake.
  if (auto refusal = RefuseTerms(request)) return refusal;
  const Uuid& ours = topology_ ? topology_->cluster_id : binding_.cluster_id;
  // A cluster that was recovered without a node has another id than that node knows.
  if (auto refusal = RefuseRemoved(request)) return refusal;
  return CheckEnvelope(request.envelope, ours, options_.self);
}

// Who waits to be taken in by a cluster that exists takes part in the founding of no other one.
std::optional<Refusal> Founding::RefuseFounder(const HelloRequest& request) const {
  if (!request.found || topology_ || !asks_) return std::nullopt;
  const Uuid& theirs = request.envelope.cluster_id;
  if (options_.cluster_id && theirs != *options_.cluster_id) {
    return Disagree("cluster.id", options_.cluster_id->ToString(), theirs.ToString(),
                    options_.self.name, request.from.name);
  }
  if (options_.cluster_id) return std::nullopt;
  const std::string asked = seen_ ? seen_->cluster_id.ToString() : "that --join leads to";
  return Refusal{
      .reason = Reason::kWrongCluster,
      .message = fmt::format("{} waits to be taken in by the cluster {}, and {} founds another "
                             "one, {}; start {} with --join too, or {} without",
                             options_.self.name, asked, request.from.name, theirs.ToString(),
                             request.from.name, options_.self.name),
      .metadata = {{"expected", asked}, {"actual", theirs.ToString()}}};
}

std::optional<Refusal> Founding::RefuseRemoved(const HelloRequest& request) const {
  const Removed* removed = topology_ ? topology_->FindRemoved(request.from.uuid) : nullptr;
  if (removed == nullptr) return std::nullopt;
  return Explain({.why = Rejection::Why::kRemovedBefore, .node = removed->id}, *topology_);
}

std::optional<Refusal> Founding::RefuseTerms(const HelloRequest& request) const {
  const ClusterTerms& ours = options_.terms;
  const ClusterTerms& theirs = request.terms;
  const auto disagree = [&](std::string_view key, const std::string& a, const std::string& b) {
    return Disagree(key, a, b, options_.self.name, request.from.name);
  };
  if (ours.name != theirs.name) return disagree("cluster.name", ours.name, theirs.name);
  if (ours.partitions != theirs.partitions) {
    return disagree("cluster.partitions", fmt::to_string(ours.partitions),
                    fmt::to_string(theirs.partitions));
  }
  if (ours.replication != theirs.replication) {
    return disagree("cluster.replication", fmt::to_string(ours.replication),
                    fmt::to_string(theirs.replication));
  }
  // After founding, and to who asks to join, the list only says whom to ask.
  const bool founding = !topology_ && !asks_ && request.topology.empty() && !request.join;
  if (founding && ours.node_names != theirs.node_names) {
    return disagree("nodes", fmt::format("{}", fmt::join(ours.node_names, ", ")),
                    fmt::format("{}", fmt::join(theirs.node_names, ", ")));
  }
  return std::nullopt;
}

}  // namespace kvd::topology
