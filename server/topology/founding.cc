#include "server/topology/founding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace kvd::topology {
namespace {

// A binding without a founder is one to a cluster that exists.
bool IsToJoin(const Binding& binding) {
  return !binding.cluster_id.is_nil() && binding.founder.is_nil();
}

}  // namespace

Founding::Founding(Options options)
    : options_(std::move(options)),
      known_(options_.peers),
      binding_(options_.binding),
      topology_(options_.topology),
      asks_(options_.cluster_id || !options_.join.empty() || IsToJoin(options_.binding)) {
  for (const std::string& address : options_.join) known_.push_back({"", address});
  announcing_ = topology_ && topology_->members.size() > 1;
  if (topology_ || !IsFounder()) return;
  if (binding_.cluster_id.is_nil()) {
    Bind({.cluster_id = options_.fresh_cluster_id, .founder = options_.self.uuid});
  } else {
    FoundIfComplete();
  }
}

bool Founding::IsFounder() const {
  if (asks_) return false;
  if (!binding_.cluster_id.is_nil()) return binding_.founder == options_.self.uuid;
  return std::ranges::all_of(options_.peers,
                             [&](const Peer& peer) { return options_.self.name < peer.name; });
}

// Who was handed a topology asks for nothing; who founded hands it on until all have it.
bool Founding::HandsOn() const {
  return topology_ && !options_.topology && IsFounder() && informed_.size() < options_.peers.size();
}

Envelope Founding::MakeEnvelope(const Uuid& to) const {
  return {.cluster_id = topology_ ? topology_->cluster_id : binding_.cluster_id,
          .from = options_.self.uuid,
          .from_boot = options_.boot,
          .to = to,
          .epoch = topology_ ? topology_->epoch : Epoch{}};
}

std::vector<Addressee> Founding::Addressees() const {
  if (announcing_) return AddresseesOf(known_, &*topology_, options_.self.uuid);
  return AddresseesOf(known_, seen_ ? &*seen_ : nullptr, options_.self.uuid);
}

// A founding that was begun is given up before another cluster is asked.
HelloRequest Founding::MakeGreeting(const Addressee& to) const {
  const auto known = bound_.find(to.label);
  return {.envelope = MakeEnvelope(known == bound_.end() ? Uuid{} : known->second.uuid),
          .from = options_.self,
          .to_name = to.peer.name,
          .terms = options_.terms,
          .found = IsFounder() && !topology_ && !binding_.cluster_id.is_nil(),
          .topology = topology_ ? EncodeTopology(*topology_) : std::string(),
          .join = asks_ && !topology_ && binding_.founder != options_.self.uuid};
}

void Founding::Greet(const Addressee& to) {
  effects_.greetings.push_back({to.label, to.peer.peer_address, MakeGreeting(to)});
}

void Founding::Seek(const Member& member) {
  Greet({.label = member.card.name, .peer = {member.card.name, member.card.peer_address}});
}

void Founding::Advance(Instant now) {
  now_ = now;
  if (now < NextWakeAt()) return;
  const std::vector<Addressee> addressees = Addressees();
  if (!topology_ && seen_) {
    greet_at_ = now + options_.ask_every;
    if (!addressees.empty()) Greet(addressees[next_++ % addressees.size()]);
    return;
  }
  greet_at_ = now + (announcing_ ? options_.announce_every : options_.greet_every);
  for (const Addressee& to : addressees) {
    if (announcing_ || !informed_.contains(to.label)) Greet(to);
  }
}

Instant Founding::NextWakeAt() const {
  if (storing_ || binding_underway_) return Instant::max();
  const bool greets = topology_ ? announcing_ || HandsOn() : seen_ || !known_.empty();
  return greets ? greet_at_ : Instant::max();
}

void Founding::OnHelloAnswer(const std::string& name, const HelloResponse& response) {
  heard_.insert(name);
  if (topology_) return OnAnswerToMember(name, response);
  // Also if refused: the topology explains why. A wiped founder meets its old cluster.
  if (!response.topology.empty()) {
    return ConsiderTopology(response.topology, name, response.refused);
  }
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
  const Binding before = std::exchange(binding_, *binding_underway_);
  binding_underway_.reset();
  if (binding_.cluster_id.is_nil()) {
    Say(LogLevel::kInfo, fmt::format("gave up founding cluster {}", before.cluster_id.ToString()));
  } else if (binding_.founder.is_nil()) {
    Say(LogLevel::kInfo, fmt::format("bound to cluster {}", binding_.cluster_id.ToString()));
  } else {
    Say(LogLevel::kInfo, fmt::format("bound to cluster {} by founder {}",
                                     binding_.cluster_id.ToString(), binding_.founder.ToString()));
  }
  if (joining_) Store(*std::exchange(joining_, std::nullopt));
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
  seen_.reset();
  obstacles_.clear();
  greet_at_ = Instant::min();  // The founder hands epoch 1 on at once.
  const std::string& name = topology_->cluster_name;
  Say(LogLevel::kInfo,
      fmt::format("{}, epoch {}, {} nodes, {} partitions",
                  topology_->epoch == kFoundingEpoch
                      ? fmt::format("cluster {} is founded", name)
                      : fmt::format("{} is a member of cluster {}", options_.self.name, name),
                  topology_->epoch.value, topology_->members.size(), topology_->partitions()));
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
  if (asks_) {
    std::vector<std::string> asked;
    for (const Peer& peer : known_) asked.push_back(peer.peer_address);
    if (asked.empty() && !seen_) {
      obstacles += "; nobody to ask: list its nodes in the cluster file, or start with --join";
    } else if (heard_.empty()) {
      obstacles += fmt::format("; no answer yet from {}", fmt::join(asked, ", "));
    }
    return fmt::format("waiting for cluster {} to take {} in{}", options_.terms.name,
                       options_.self.name, obstacles);
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
