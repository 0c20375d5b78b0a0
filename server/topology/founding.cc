#include "server/topology/founding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

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

Founding::Founding(Options options)
    : options_(std::move(options)), binding_(options_.binding), topology_(options_.topology) {
  if (topology_ || !IsFounder()) return;
  if (binding_.cluster_id.is_nil()) {
    Bind({.cluster_id = options_.fresh_cluster_id, .founder = options_.self.uuid});
  } else {
    FoundIfComplete();
  }
}

bool Founding::IsFounder() const {
  if (options_.cluster_id) return false;
  if (!binding_.founder.is_nil()) return binding_.founder == options_.self.uuid;
  return std::ranges::all_of(options_.peers,
                             [&](const Peer& peer) { return options_.self.name < peer.name; });
}

Envelope Founding::MakeEnvelope(const Uuid& to) const {
  return {.cluster_id = topology_ ? topology_->cluster_id : binding_.cluster_id,
          .from = options_.self.uuid,
          .from_boot = options_.boot,
          .to = to,
          .epoch = topology_ ? topology_->epoch : Epoch{}};
}

HelloRequest Founding::MakeGreeting(const Peer& peer) const {
  const auto known = bound_.find(peer.name);
  return {.envelope = MakeEnvelope(known == bound_.end() ? Uuid{} : known->second.uuid),
          .from = options_.self,
          .to_name = peer.name,
          .terms = options_.terms,
          .found = IsFounder() && !topology_ && !binding_.cluster_id.is_nil(),
          .topology = topology_ ? EncodeTopology(*topology_) : std::string()};
}

void Founding::Advance(Instant now) {
  if (now < NextWakeAt()) return;
  greet_at_ = now + options_.greet_every;
  for (const Peer& peer : options_.peers) {
    if (informed_.contains(peer.name)) continue;
    effects_.greetings.push_back({peer.name, peer.peer_address, MakeGreeting(peer)});
  }
}

Instant Founding::NextWakeAt() const {
  if (storing_ || binding_underway_) return Instant::max();
  // Who was handed a topology asks for nothing; who founded hands it on until all have it.
  const bool hands_on = topology_ && !options_.topology && IsFounder();
  if (topology_ && !hands_on) return Instant::max();
  if (informed_.size() == options_.peers.size()) return Instant::max();
  return greet_at_;
}

void Founding::OnHello(HelloId id, const HelloRequest& request) {
  if (auto refusal = Refuse(request)) {
    HelloResponse response = MakeAnswer(request);
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
  if (!request.topology.empty()) ConsiderTopology(request.topology, request.from.name);
  effects_.answers.push_back({id, MakeAnswer(request)});
}

std::optional<Refusal> Founding::Refuse(const HelloRequest& request) const {
  if (request.to_name != options_.self.name) {
    return Refusal{.reason = Reason::kWrongNode,
                   .message = fmt::format("{} greets {}, but this is {}: check peer_address in the "
                                          "cluster file",
                                          request.from.name, request.to_name, options_.self.name),
                   .metadata = {{"expected", options_.self.name}, {"actual", request.to_name}}};
  }
  if (options_.cluster_id && request.found && request.envelope.cluster_id != *options_.cluster_id) {
    return Disagree("cluster.id", options_.cluster_id->ToString(),
                    request.envelope.cluster_id.ToString(), options_.self.name, request.from.name);
  }
  // Files come before ids: two founders by two lists have two ids, and the lists are the mistake.
  if (auto refusal = RefuseTerms(request)) return refusal;
  const Uuid& ours = topology_ ? topology_->cluster_id : binding_.cluster_id;
  return CheckEnvelope(request.envelope, ours, options_.self);
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
  // After founding the list only says whom to ask.
  const bool founding = !topology_ && request.topology.empty();
  if (founding && ours.node_names != theirs.node_names) {
    return disagree("nodes", fmt::format("{}", fmt::join(ours.node_names, ", ")),
                    fmt::format("{}", fmt::join(theirs.node_names, ", ")));
  }
  return std::nullopt;
}

HelloResponse Founding::MakeAnswer(const HelloRequest& request) const {
  return {.envelope = MakeEnvelope(request.from.uuid),
          .from = options_.self,
          .bound = binding_,
          .topology = topology_ ? EncodeTopology(*topology_) : std::string(),
          .refused = std::nullopt};
}

void Founding::OnHelloAnswer(const std::string& name, const HelloResponse& response) {
  if (topology_) {
    if (response.envelope.epoch >= topology_->epoch) informed_.insert(name);
    return;
  }
  // Also if refused: the topology explains why. A wiped founder meets its old cluster.
  if (!response.topology.empty()) return ConsiderTopology(response.topology, name);
  if (storing_) return;
  // Whatever it said before: a node that was wiped meanwhile must not be founded with its old UUID.
  bound_.erase(name);
  if (response.refused) return SetObstacle(name, response.refused->message);
  if (!IsFounder()) return;
  if (response.bound != binding_) {
    SetObstacle(
        name,
        fmt::format("{} is bound to cluster {} by founder {}, which is not this node; if "
                    "no node of that cluster holds data, empty its data directory",
                    name, response.bound.cluster_id.ToString(), response.bound.founder.ToString()));
    return;
  }
  obstacles_.erase(name);
  bound_[name] = response.from;
  FoundIfComplete();
}

void Founding::Bind(const Binding& binding) {
  binding_underway_ = binding;
  effects_.bind = binding;
}

void Founding::OnBound() {
  KVD_CHECK(binding_underway_.has_value(), "a binding must be under way");
  binding_ = *binding_underway_;
  binding_underway_.reset();
  Say(LogLevel::kInfo, fmt::format("bound to cluster {} by founder {}",
                                   binding_.cluster_id.ToString(), binding_.founder.ToString()));
  // Greetings that came meanwhile are judged anew: another founder's are now refused.
  for (auto& [id, request] : std::exchange(waiting_for_bind_, {})) OnHello(id, request);
  FoundIfComplete();
}

void Founding::FoundIfComplete() {
  if (!IsFounder() || topology_ || storing_ || binding_.cluster_id.is_nil()) return;
  if (bound_.size() < options_.peers.size()) return;
  std::vector<NodeCard> cards = {options_.self};
  for (const auto& [name, card] : bound_) cards.push_back(card);
  Say(LogLevel::kInfo,
      fmt::format("founding cluster {}, all {} nodes answered", options_.terms.name, cards.size()));
  Store(FoundTopology(binding_.cluster_id, options_.terms, std::move(cards)));
}

void Founding::ConsiderTopology(const std::string& record, const std::string& from) {
  if (topology_ || storing_) return;
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
  const Member* namesake = topology->FindName(options_.self.name);
  if (namesake == nullptr) {
    return SetObstacle(from, fmt::format("{} is not a member of cluster {}", options_.self.name,
                                         topology->cluster_name));
  }
  if (namesake->card.uuid != options_.self.uuid) {
    return SetObstacle(from,
                       fmt::format("name {} is in use by {} at {}", options_.self.name,
                                   namesake->card.uuid.ToString(), namesake->card.peer_address));
  }
  if (binding_.cluster_id != topology->cluster_id) {
    return SetObstacle(
        from, fmt::format("{} belongs to cluster {}, this node is bound to {}", from,
                          topology->cluster_id.ToString(), binding_.cluster_id.ToString()));
  }
  Store(*std::move(topology));
}

void Founding::Store(Topology topology) {
  storing_ = std::move(topology);
  effects_.store = storing_;
}

void Founding::Supersede(const Topology& newer) {
  KVD_CHECK(topology_.has_value(), "a node holds a topology before a newer one");
  const Topology& newest = to_store_ ? *to_store_ : storing_ ? *storing_ : *topology_;
  if (newer.epoch <= newest.epoch) return;
  if (!storing_) return Store(newer);
  to_store_ = newer;
}

void Founding::OnStored() {
  KVD_CHECK(storing_.has_value(), "a topology must be on its way to the disk");
  const bool is_first = !topology_;
  topology_ = std::move(storing_);
  storing_.reset();
  if (auto next = std::exchange(to_store_, std::nullopt)) Store(*std::move(next));
  if (!is_first) return;
  obstacles_.clear();
  greet_at_ = Instant::min();  // The founder hands epoch 1 on at once.
  Say(LogLevel::kInfo, fmt::format("cluster {} is founded, epoch {}, {} nodes, {} partitions",
                                   topology_->cluster_name, topology_->epoch.value,
                                   topology_->members.size(), topology_->partitions()));
}

FoundingEffects Founding::TakeEffects() {
  return std::exchange(effects_, {});
}

std::string Founding::WaitingFor() const {
  if (topology_) return "";
  std::string obstacles;
  for (const auto& [peer, obstacle] : obstacles_) {
    if (obstacles.find(obstacle) == std::string::npos) obstacles += "; " + obstacle;
  }
  if (!IsFounder()) {
    return fmt::format("waiting for the topology of cluster {}{}", options_.terms.name, obstacles);
  }
  std::vector<std::string> missing;
  for (const Peer& peer : options_.peers) {
    if (!bound_.contains(peer.name)) missing.push_back(peer.name);
  }
  if (missing.empty()) return fmt::format("founding cluster {}", options_.terms.name);
  return fmt::format("waiting for {} to found cluster {}{}", fmt::join(missing, ", "),
                     options_.terms.name, obstacles);
}

void Founding::Say(LogLevel level, std::string message) {
  effects_.log.push_back({level, "topology", std::move(message), {}});
}

void Founding::SetObstacle(const std::string& peer, std::string obstacle) {
  std::string& known = obstacles_[peer];
  if (known == obstacle) return;  // Greetings repeat; the operator is told once.
  known = std::move(obstacle);
  effects_.log.push_back({LogLevel::kWarn, "topology", known, {{"peer", peer}}});
}

}  // namespace kvd::topology
