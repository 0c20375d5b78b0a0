// One whole node, or one shard of it (shard.h): founding, routing, its replicas of partitions, its
// peers. Events come in through
// the On...() methods with the time at which they are handled; what is to be done goes out in
// TakeEffects(). A driver may report many events before it takes the effects: everything for one
// disk or one peer is then one batch.
//
// Promises kept here: a write is answered as done only after it is committed and applied; an
// operation is refused only if no try of it can still be applied, else its outcome is unknown; an
// operation is forwarded at most once at a time, and tried again where an owner was lost, under
// one request id, so that it is applied at most once; every accepted operation is answered exactly
// once.
//
// Pure: no thread, clock, socket, disk or hidden randomness, so that the simulator runs the same
// code.
//
// Threading: confined to one shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/heartbeat/handback.h"
#include "server/node/census.h"
#include "server/node/counts.h"
#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/node/peers.h"
#include "server/node/replicas.h"
#include "server/node/requests.h"
#include "server/node/shard.h"
#include "server/node/snapshots.h"
#include "server/node/system_group.h"
#include "server/node/view.h"
#include "server/partition/state_machines.h"
#include "server/topology/boots.h"
#include "server/topology/founding.h"
#include "server/topology/topology.h"

namespace kvd::node {

// What may change while the node runs.
struct Limits {
  uint64_t max_key_bytes = 4096;
  uint64_t max_value_bytes = 1U << 20U;
  uint64_t max_inflight_bytes = 256U << 20U;  // Dealt among shards; each lets one alone in.
  Duration request_default = std::chrono::seconds(2);
  Duration request_max = std::chrono::seconds(30);
};

class Node {
 public:
  struct Options {
    Shard shard = {};
    topology::Founding::Options founding;
    Peers::Options peers;
    Replicas::Options replicas;
    Snapshots::Options snapshots;
    heartbeat::Handback::Options handback;
    SystemGroup::Options system;
    Limits limits;

    // Between two tries of an operation for which nobody could be found.
    Duration retry_every = std::chrono::milliseconds(10);

    // How long an operation waits for a majority that is not reachable before it is refused.
    Duration majority_patience = std::chrono::milliseconds(200);

    // A write to the log that takes longer makes this node give its leadership away, and not take
    // any for `stall_pause`.
    Duration stalled_after = std::chrono::milliseconds(500);
    Duration stall_pause = std::chrono::seconds(10);

    // How often replicas that are out of touch with their groups ask for them.
    Duration inquire_every = std::chrono::seconds(1);

    // What start-up found on the disk; replicas and tombstones of this shard only.
    std::vector<RecoveredReplica> recovered;
    std::map<PartitionId, ReplicaId> tombstones;
    std::optional<topology::Boots> boots;  // nullopt: none were kept.
  };

  Node(Options options, Instant now);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Time passed: beats, suspects, campaigns, expires. Call at NextWakeAt(), early calls are
  // harmless.
  void Advance(Instant now);

  // A client asks. `budget`: the time it allows; nullopt: it gave none.
  void OnCall(CallId call, Operation operation, std::optional<Duration> budget, Instant now);

  // Another shard of this node tells this one.
  void OnAside(Aside aside, Instant now);

  // Founding, of the first shard only.
  void OnHello(topology::HelloId id, const topology::HelloRequest& request, Instant now);
  void OnHelloAnswer(const std::string& name, const topology::HelloResponse& response, Instant now);
  void OnBound(Instant now);
  void OnTopologyStored(Instant now);
  void OnBootsStored(Instant now);

  // Links, to all shards. A frame is dropped, and said so, if its envelope is not for this node or
  // not from `peer`.
  void OnLinkUp(NodeId peer, Instant now);
  void OnLinkDown(NodeId peer, Instant now);
  void OnRefused(NodeId peer, Instant now);
  void OnFrame(NodeId peer, Frame frame, Instant now);

  // These forwards were never sent: the queue to the peer was full.
  void OnNotSent(const std::vector<uint64_t>& forward_ids, Instant now);

  // Disk. OnDurable: everything up to the group's write of this number.
  void OnDurable(GroupId group, uint64_t number, Instant now);
  void OnApplied(const partition::Applied& applied, Instant now);
  void OnRead(Ticket ticket, StatusOr<std::optional<storage::StoredValue>> value, Instant now);
  void OnFetched(PartitionId partition, ReplicaId follower, std::vector<storage::Entry> entries,
                 Instant now);
  void OnFlushed(const std::vector<partition::StateMachines::Truncation>& flushed, Instant now);
  void OnChunkRead(partition::StreamId stream, StatusOr<partition::Transfers::Chunk> chunk,
                   Instant now);
  void OnChunkWritten(partition::StreamId stream, NodeId peer, bool ok, Instant now);

  // `keys`: of the partition, as it is now; an error: what was to be installed is not there.
  void OnInstalled(PartitionId partition, const raft::SnapshotPoint& snapshot,
                   StatusOr<uint64_t> keys, Instant now);

  // The data of a replica that was removed is gone, durably.
  void OnDropped(PartitionId partition, Instant now);

  // `used_bytes`: by kvd's own files; `disk`: the whole that they are on.
  void OnDisk(uint64_t used_bytes, const topology::Disk& disk, bool full, Instant now);

  // Membership of the groups led here. A step may hold anything; what is not possible now is
  // refused with nothing changed, but for a leader that is to go, which hands its place over.
  [[nodiscard]] StepResult OnStep(const Step& step, Instant now);
  [[nodiscard]] std::vector<GroupReport> Reports() const;

  // The same from and to another node, or this one: reports of the groups led here go to `to`; a
  // step goes to `leader`. What comes of them are effects there, and here.
  void SendReports(NodeId to, Instant now);
  void SendStep(NodeId leader, const Step& step, Instant now);

  // Operator. Draining: leadership is handed over, and peers are told, at once; after
  // StopAccepting() what comes is refused.
  void SetLimits(const Limits& limits);
  void StartDraining(Instant now);
  void StopAccepting();

  // True when nothing accepted is unanswered.
  [[nodiscard]] bool IsIdle() const { return requests_.empty(); }

  // True when no partition that another node could lead is led here.
  [[nodiscard]] bool HasHandedOver() const;

  [[nodiscard]] Effects TakeEffects();
  [[nodiscard]] Instant NextWakeAt() const;

  [[nodiscard]] const Shard& shard() const { return options_.shard; }
  [[nodiscard]] const topology::Topology* topology() const { return founding_.topology(); }
  [[nodiscard]] const Replicas* replicas() const { return replicas_ ? &*replicas_ : nullptr; }

  // As this shard sees it: see Merge().
  [[nodiscard]] ClusterView ViewCluster(Instant now) const;

  // Likewise; nullopt before founding.
  [[nodiscard]] std::optional<RingView> ViewRing(Instant now) const;

  // Likewise.
  [[nodiscard]] Counts CountsAt(Instant now) const;

 private:
  // What waits within one partition that has a replica here.
  struct Waiters {
    struct Proposed {
      Term term = 0;
      Ticket ticket;
    };
    std::multimap<Index, Proposed> writes;   // By the index of their entry, one per term.
    std::multimap<Index, Ticket> confirmed;  // Reads, by what must be applied first.
    Index applied = 0;
    Term applied_term = 0;  // Of the last entry applied since the start.
    uint64_t keys = 0;
    uint64_t bytes = 0;  // Of keys and values.
  };

  // Shards.
  [[nodiscard]] bool is_first() const { return options_.shard.is_first(); }
  void TellOthers(const std::function<void(Aside&)>& tell);
  [[nodiscard]] Membership& WordsFor(NodeId node);
  void PublishTopology();
  void Say(LogLine line);

  void AdoptNewest(Instant now);
  void Adopt(Instant now);

  // The system group.
  void FollowSystemGroup();
  [[nodiscard]] std::optional<NodeId> SystemLeader() const;
  [[nodiscard]] std::set<NodeId> Silent() const;
  void RunSystemGroup();
  void AskSystemGroup(uint64_t number, decltype(Operation::action) action);
  void OnSystemResult(const Request& request, const Result& result);
  void Poll(Term term);
  [[nodiscard]] Witness Testify(Term asked_in) const;
  void OnSystemTalk(NodeId peer, const Membership& membership);
  void Announce(const topology::NodeCard& card);
  void NoteAddress(const topology::NodeCard& card);
  void SeekSilent();
  void SendVerdict(Verdict verdict);

  // Newer topologies.
  void CompareEpochs(NodeId peer, const topology::Envelope& envelope, const Membership& membership);
  void OnTopologyRecord(NodeId peer, const std::string& record);
  void Supersede(const topology::Topology& newer);
  void AdoptNext(Instant now);
  void Leave();
  void ForgetDeparted(Instant now);
  [[nodiscard]] const std::vector<topology::Replica>& WishFor(PartitionId partition) const;
  [[nodiscard]] std::vector<NodeId> WishedNodes(PartitionId partition) const;

  // Replicas that come and go.
  void AddReplicas(Instant now);
  void StartFounding(PartitionId partition, RecoveredReplica found, Instant now);
  void StartReplica(const RecoveredReplica& found, Instant now);
  void AnswerForAbsent(NodeId peer, const GroupMessage& message);
  void OnMembership(NodeId peer, const topology::Envelope& envelope, const Membership& membership,
                    Instant now);
  void OnRemoval(const Removal& removal, Instant now);
  [[nodiscard]] bool IsWishedHere(const Removal& removal) const;
  void OnReconciliation(NodeId peer, const topology::Envelope& envelope,
                        const Membership& membership, Instant now);
  void Disband(PartitionId partition, Instant now);
  void Inquire(Instant now);
  [[nodiscard]] bool IsGroup(GroupId group) const {
    return group == kSystemGroup || PartitionOf(group).value < founding_.topology()->partitions();
  }

  void TakeFoundingEffects();
  [[nodiscard]] LinkSet MakeLinkSet() const;

  // Admission.
  [[nodiscard]] std::optional<Refusal> Refuse(const Operation& operation) const;
  [[nodiscard]] std::optional<Refusal> RefuseSizes(const Operation& operation) const;
  [[nodiscard]] std::optional<Refusal> RefuseForward(NodeId peer, const Forward& forward) const;
  [[nodiscard]] PartitionId PartitionFor(const Operation& operation) const;

  // Routing.
  void Route(Ticket ticket, Instant now);
  void RouteAll(const std::vector<Ticket>& tickets, Instant now);
  void RouteElsewhere(Ticket ticket, Instant now);
  void Wait(Ticket ticket, Instant now);
  [[nodiscard]] std::optional<raft::Member> FindOwner(const Request& request) const;
  [[nodiscard]] std::optional<raft::Member> AnyReplica(const Request& request) const;
  [[nodiscard]] bool IsHopeless(const Request& request, Instant now) const;
  [[nodiscard]] std::optional<OwnerHint> HintFor(PartitionId partition) const;
  void Learn(PartitionId partition, const OwnerHint& hint);
  void SendForward(Ticket ticket, const raft::Member& owner, Instant now);
  void OnForward(NodeId peer, Forward forward, Instant now);
  void OnForwardReply(NodeId peer, ForwardReply reply, Instant now);
  [[nodiscard]] bool TryAgain(Ticket ticket, const ForwardReply& reply, Instant now);
  [[nodiscard]] bool IsReachable(NodeId node) const;

  // Execution by the owner.
  void Execute(Ticket ticket, Instant now);
  void ExecuteWrite(Ticket ticket, Instant now);
  void ReadHere(Ticket ticket);
  void OnConfirmed(PartitionId partition, const raft::ConfirmedRead& read);
  void OnOutcome(PartitionId partition, const partition::Outcome& outcome, Instant now);
  void TryOlderAgain(PartitionId partition, Term term, Instant now);
  void AnswerWrite(Ticket ticket, PartitionId partition, const partition::Outcome& outcome);
  void GiveUpWaiters(PartitionId partition, Index through, Instant now);
  void Settle();
  [[nodiscard]] bool MayConfirm() const;
  void ConfirmReads();
  void SettleReplicas();

  // Answers.
  [[nodiscard]] Refusal NotOwner(PartitionId partition) const;
  [[nodiscard]] Refusal NoMajority(PartitionId partition, bool is_write) const;
  [[nodiscard]] Refusal Unknown(const Request& request, std::string_view what) const;
  [[nodiscard]] Refusal DoesNotFit(const Request& request, const std::string& peer) const;
  [[nodiscard]] Refusal GaveUp(const Request& request) const;
  void Finish(Ticket ticket, Result result);
  void Reply(const Request& request, Result result);
  void Expire(Instant now);

  // Peers.
  [[nodiscard]] bool HearBoot(NodeId peer, Frame& frame);
  void StoreBoots();
  void HearAgain(Instant now);
  void Condemn(NodeId peer, const topology::Boot& latest);
  void Beat(Instant now);
  void NoteHealth(const heartbeat::HealthChange& change, Instant now);
  void NoteRestart(NodeId peer, Instant now);
  void GiveUpOn(NodeId peer, Instant now);
  void GiveAwayIfUnfit(Instant now);
  [[nodiscard]] bool IsUnfit(Instant now) const;
  [[nodiscard]] Replicas::IsAlive MayLead() const;
  [[nodiscard]] Load MakeLoad(Instant now) const;
  void CountReplicas(std::vector<NodeView>& nodes) const;
  [[nodiscard]] Heartbeat MakeHeartbeat(NodeId peer, const Load& load, Instant now) const;
  [[nodiscard]] Frame& FrameTo(NodeId peer);
  [[nodiscard]] bool CanWait(NodeId peer, const Frame& frame) const;
  [[nodiscard]] topology::Envelope EnvelopeTo(NodeId peer) const;
  [[nodiscard]] std::string NameOf(NodeId id) const;

  Options options_;
  const Instant started_at_;
  Instant now_;  // Of the last event.
  topology::Founding founding_;
  NodeId self_;  // 0 before founding.
  std::optional<Peers> peers_;
  std::optional<topology::Boots> boots_;
  std::vector<std::pair<NodeId, Frame>> unheard_;  // Of boots that are not on the disk yet.
  std::optional<Replicas> replicas_;
  SystemGroup system_;
  std::string system_halted_;          // Why its leader does not do what is due, as it said last.
  OwnerHint system_leader_;            // As it said itself; who votes in the group knows better.
  std::map<Uuid, NodeId> announcers_;  // Leader: who brought a node before it.
  Instant fetch_at_ = Instant::min();

  // The members of the topology in force, and those that were it a moment ago.
  std::vector<topology::Member> members_;
  struct Departed {
    topology::Member member;
    Instant until;
  };
  std::map<NodeId, Departed> departed_;

  // Where members say that they are now. The system group may need a link there to decide it.
  std::map<NodeId, std::string> said_to_be_at_;
  Census census_;
  Snapshots snapshots_;
  heartbeat::Handback handback_;
  std::map<PartitionId, Waiters> waiters_;
  std::map<PartitionId, OwnerHint> hints_;  // What others said; the newer of it and ours counts.
  std::map<raft::ReadId, Ticket> confirming_;
  std::vector<Ticket> unconfirmed_;      // Reads for the next round of confirmations,
  Instant confirm_at_ = Instant::min();  // which begins then, or when the one underway is over.
  uint64_t last_read_id_ = 0;
  const uint64_t client_id_;  // Under which this node retries what came without a request id.
  Requests requests_;
  std::map<NodeId, Frame> outbox_;
  std::set<NodeId> answer_now_;  // Peers that wait for answers to their heartbeats.
  Effects effects_;
  Instant retry_at_ = Instant::max();
  Instant hand_back_at_;
  Instant inquire_at_;
  Instant seek_at_;
  Instant stalled_until_ = Instant::min();
  bool draining_ = false;
  bool accepting_ = true;
  bool has_left_ = false;  // It is no member any more.
  bool disk_full_ = false;
  uint64_t disk_bytes_ = 0;  // Of kvd's own files.
  topology::Disk disk_;      // The whole.
  Counts counts_;            // Of what is counted here.
};

// The options of each of the `count` shards of a node, of those of the whole.
[[nodiscard]] std::vector<Node::Options> Divide(Node::Options options, uint32_t count);

}  // namespace kvd::node
