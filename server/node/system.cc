// How Node takes part in the system group: what its leader wants done, what members tell it, and
// how everybody comes to hold the newest topology.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/node/node.h"

namespace kvd::node {
namespace {

using topology::kSystemPartition;

// For what the leader of the system group asks of its own log.
constexpr Duration kSystemBudget = std::chrono::seconds(5);

// Who is no member any more is still told so.
constexpr Duration kFarewell = std::chrono::seconds(2);

// Between two greetings of a member that is not heard.
constexpr Duration kSeekEvery = std::chrono::seconds(2);

// Between two questions for a newer topology.
constexpr Duration kFetchEvery = std::chrono::milliseconds(100);

}  // namespace

// A replica of the group came into office, or left it.
void Node::FollowSystemGroup() {
  const raft::Replica* replica = replicas_->Find(kSystemPartition);
  if (replica == nullptr || !replica->IsServing()) return system_.OnDeposed();
  if (system_.term() != replica->term()) system_.OnLeading(replica->term());
}

std::optional<NodeId> Node::SystemLeader() const {
  if (!replicas_) return std::nullopt;
  if (replicas_->IsInTouch(kSystemPartition, now_)) {
    const auto leader = replicas_->Find(kSystemPartition)->leader();
    return leader ? std::optional(leader->node) : std::nullopt;
  }
  return system_leader_.node == NodeId{} ? std::nullopt : std::optional(system_leader_.node);
}

std::set<NodeId> Node::Silent() const {
  std::set<NodeId> silent;
  for (const NodeId peer : peers_->ids()) {
    if (!IsReachable(peer)) silent.insert(peer);
  }
  return silent;
}

void Node::RunSystemGroup() {
  if (system_.NextWakeAt() <= now_) system_.Advance(Silent(), now_);
  if (!system_.HasEffects()) return;
  SystemGroup::Effects wanted = system_.TakeEffects();
  std::ranges::move(wanted.log, std::back_inserter(effects_.log));
  if (wanted.read) AskSystemGroup(*wanted.read, Get{});
  if (wanted.write) {
    AskSystemGroup(wanted.write->number, Put{.value = std::move(wanted.write->record),
                                             .if_version = wanted.write->if_version});
  }
  if (wanted.decided) Supersede(*wanted.decided);
  if (wanted.poll) Poll(*wanted.poll);
  for (const auto& [leader, step] : wanted.steps) SendStep(leader, step, now_);
  for (auto& [node, refusal] : wanted.verdicts) SendVerdict({node, std::move(refusal)});
  for (auto& [ticket, result] : wanted.told) {
    if (result) {
      Finish(ticket, *std::move(result));
    } else {
      RouteElsewhere(ticket, now_);
    }
  }
}

void Node::AskSystemGroup(uint64_t number, decltype(Operation::action) action) {
  Request request{.origin = SystemOrigin{number},
                  .operation = {.key = std::string(kTopologyKey), .action = std::move(action)},
                  .partition = kSystemPartition,
                  .bytes = 0,
                  .budget = kSystemBudget,
                  .accepted = now_,
                  .deadline = now_ + kSystemBudget};
  request.bytes = SizeOf(request.operation);
  Route(requests_.Add(std::move(request)), now_);
}

void Node::OnSystemResult(const Request& request, const Result& result) {
  const uint64_t number = std::get<SystemOrigin>(request.origin).number;
  if (request.is_write()) return system_.OnWritten(number, result, now_);
  system_.OnRead(number, result, *founding_.topology(), now_);
  system_.OnAnnounced(options_.founding.self, now_);  // It greets nobody who would tell it.
}

void Node::Poll(Term term) {
  for (const NodeId peer : peers_->ids()) {
    FrameTo(peer).membership.poll = term;
    FrameTo(peer).membership.halted = system_.halted();
  }
  system_halted_ = system_.halted();
  TellOthers([&](Aside& aside) { aside.membership.poll = term; });
  system_.OnWitness(self_, Testify(term), Reports(), now_);
}

Witness Node::Testify(Term asked_in) const {
  return {.asked_in = asked_in, .silent = peers_->Silences(now_), .disk = disk_};
}

void Node::OnSystemTalk(NodeId peer, const Membership& membership) {
  if (membership.poll) {
    if (*membership.poll >= system_leader_.term) {
      system_leader_ = {*membership.poll, peer, {}};
      system_halted_ = membership.halted;
    }
    Membership& answer = WordsFor(peer);
    answer.witness = Testify(*membership.poll);
    answer.reports = Reports();
  }
  if (membership.witness) {
    system_.OnWitness(peer, *membership.witness, membership.reports, now_);
  }
  for (const topology::NodeCard& card : membership.announced) {
    announcers_[card.uuid] = peer;
    system_.OnAnnounced(card, now_);
  }
  for (const Verdict& verdict : membership.verdicts) {
    founding_.SetVerdict(verdict.node, verdict.refusal);
  }
}

// Who hears of a node brings it before the leader; with a newcomer as with a member that moved, it
// will greet again if that got lost.
void Node::Announce(const topology::NodeCard& card) {
  NoteAddress(card);
  const auto leader = SystemLeader();
  if (!leader) return;
  if (*leader != self_) return FrameTo(*leader).membership.announced.push_back(card);
  announcers_[card.uuid] = self_;
  system_.OnAnnounced(card, now_);
}

// Of a pair only the lower id dials. If that one was away while this node moved, it dials where
// nobody is, and who knows better must speak first.
void Node::SeekSilent() {
  if (!is_first() || now_ < seek_at_) return;
  seek_at_ = now_ + kSeekEvery;
  for (const NodeId peer : Silent()) {
    if (const topology::Member* member = founding_.topology()->Find(peer)) founding_.Seek(*member);
  }
  TakeFoundingEffects();
}

void Node::NoteAddress(const topology::NodeCard& card) {
  const topology::Member* member = founding_.topology()->Find(card.uuid);
  if (member == nullptr || member->id == self_) return;
  if (member->card.peer_address == card.peer_address) return;
  std::string& known = said_to_be_at_[member->id];
  if (known == card.peer_address) return;
  known = card.peer_address;
  effects_.links = MakeLinkSet();
}

void Node::SendVerdict(Verdict verdict) {
  const auto asked = announcers_.extract(verdict.node);
  if (!asked) return;
  if (asked.mapped() != self_) {
    return FrameTo(asked.mapped()).membership.verdicts.push_back(std::move(verdict));
  }
  founding_.SetVerdict(verdict.node, std::move(verdict.refusal));
}

// Epochs are compared with every frame; who is behind asks, and is answered with a record.
void Node::CompareEpochs(NodeId peer, const topology::Envelope& envelope,
                         const Membership& membership) {
  if (!is_first()) return;
  const topology::Topology& ours = *founding_.topology();
  if (membership.topology_wanted && envelope.epoch < ours.epoch) {
    FrameTo(peer).membership.topology = topology::EncodeTopology(ours);
  }
  if (!membership.topology.empty()) return OnTopologyRecord(peer, membership.topology);
  if (envelope.epoch <= ours.epoch || now_ < fetch_at_) return;
  fetch_at_ = now_ + kFetchEvery;
  FrameTo(peer).membership.topology_wanted = true;
}

void Node::OnTopologyRecord(NodeId peer, const std::string& record) {
  auto topology = topology::DecodeTopology(record);
  if (topology.ok() && topology->cluster_id == founding_.topology()->cluster_id) {
    return Supersede(*topology);
  }
  effects_.log.push_back({LogLevel::kError,
                          "topology",
                          "a peer sent a topology that is none of this cluster, it is not used: " +
                              (topology.ok() ? "it is of cluster " + topology->cluster_id.ToString()
                                             : Message(topology.status())),
                          {{"peer", NameOf(peer)}}});
}

void Node::Supersede(const topology::Topology& newer) {
  founding_.Supersede(newer);
  TakeFoundingEffects();
}

// A newer topology is on the disk: from now on it is the one.
void Node::AdoptNext(Instant now) {
  const topology::Topology& topology = *founding_.topology();
  Say({LogLevel::kInfo,
       "topology",
       fmt::format("the cluster is at epoch {}, {} nodes", topology.epoch.value,
                   topology.members.size()),
       {}});
  if (topology.Find(self_) == nullptr) return Leave();
  for (const topology::Member& member : members_) {
    if (topology.Find(member.id) != nullptr || member.id == self_) continue;
    departed_.insert_or_assign(member.id, Departed{member, now + kFarewell});
    FrameTo(member.id).membership.topology = topology::EncodeTopology(topology);
  }
  members_ = topology.members;
  boots_->KeepOnly(topology);
  peers_->SetMembers(topology, self_, now);
  for (uint32_t p = 0; p < topology.partitions(); ++p) {
    replicas_->SetOrder(PartitionId{p}, WishedNodes(PartitionId{p}));
  }
  replicas_->SetOrder(kSystemPartition, WishedNodes(kSystemPartition));
  PublishTopology();
  RouteAll(requests_.Waiting(), now);
}

// Said once: later topologies may still arrive while it stops.
void Node::Leave() {
  if (std::exchange(has_left_, true)) return;
  accepting_ = false;
  if (!is_first()) return;
  TellOthers([&](Aside& aside) { aside.topology = *founding_.topology(); });
  effects_.log.push_back(
      {LogLevel::kWarn,
       "topology",
       fmt::format("{} is no member of cluster {} any more and stops; to join "
                   "again as a new node, start it with an empty data directory",
                   options_.founding.self.name, founding_.topology()->cluster_name),
       {}});
  effects_.removed = true;
}

void Node::ForgetDeparted(Instant now) {
  const auto gone =
      std::erase_if(departed_, [now](const auto& each) { return each.second.until <= now; });
  if (gone > 0 && is_first()) effects_.links = MakeLinkSet();
}

const std::vector<topology::Replica>& Node::WishFor(PartitionId partition) const {
  const topology::Topology& topology = *founding_.topology();
  if (partition == kSystemPartition) return topology.system_voters;
  KVD_CHECK(partition.value < topology.partitions(),
            fmt::format("partition {} of {}", partition.value, topology.partitions()));
  return topology.ring[partition.value];
}

std::vector<NodeId> Node::WishedNodes(PartitionId partition) const {
  std::vector<NodeId> nodes;
  for (const topology::Replica& replica : WishFor(partition)) nodes.push_back(replica.node);
  return nodes;
}

}  // namespace kvd::node
