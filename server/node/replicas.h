// The replicas of partitions on this node: one raft::Replica each, driven together. Messages, time
// and reports of the disk go to the replica they are for; what all of them want is gathered, so
// that everything for one disk or one peer is one batch: heartbeats of all groups share a frame,
// and so do the confirmations of all reads.
//
// Also what a node decides for all its replicas at once: who campaigns when a peer is suspected,
// and to whom leadership is given when this node leaves, stalls, or holds it for another. Who
// counts says the configuration of each group; the ring says who should lead: its nodes come first,
// in its order, and members elsewhere last.
//
// Pure. Threading: confined to the node.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/types.h"
#include "server/node/counts.h"
#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/node/recovery.h"
#include "server/raft/replica.h"
#include "server/topology/topology.h"

namespace kvd::node {

class Replicas {
 public:
  using IsAlive = std::function<bool(NodeId)>;

  struct Options {
    Duration election_timeout = std::chrono::seconds(1);

    // Between the campaigns of the first and the second in ring order, and so on.
    Duration rank_delay = std::chrono::milliseconds(50);

    // Timers mostly move later, as the leader is heard. Those that are due soon are asked whether
    // they did, so that they do not wake the node for nothing: longer than between two heartbeats.
    Duration look_ahead = std::chrono::milliseconds(150);

    // How often leadership is given away of what should be led elsewhere.
    Duration rebalance_every = std::chrono::seconds(1);

    // A replica that has heard no leader for this long asks whether its group still has it.
    Duration in_touch_for = std::chrono::seconds(1);

    // The log is kept this many flushes longer than the store needs it: whoever was away for a
    // moment is served from it, and needs no snapshot.
    size_t flushes_kept = 4;

    uint64_t seed = 0;

    // Of each replica, see raft::Replica::Options.
    uint64_t max_append_bytes = 256U << 10U;
    uint64_t max_inflight_bytes = 1U << 20U;
    uint64_t max_uncommitted_bytes = 16U << 20U;
    uint64_t cache_bytes = 1U << 18U;
  };

  // What changed for those who wait.
  struct Happened {
    std::vector<std::pair<PartitionId, raft::ConfirmedRead>> reads;
    std::vector<raft::ReadId> lost_reads;
    std::vector<PartitionId> leader_changed;  // Another one, or none, or it now serves.
    std::vector<std::pair<PartitionId, raft::Member>> snapshots_wanted;
  };

  Replicas(Options options, NodeId self) : options_(options), self_(self) {}

  // Starts a replica. `order`: the nodes that should have one, in ring order.
  // REQUIRES: it has an id and a configuration, and no other replica of its partition is here.
  void Add(const RecoveredReplica& found, std::vector<NodeId> order, Instant now);

  // The nodes that should have a replica of the partition, in ring order, from now on. No-op if
  // none is here.
  void SetOrder(PartitionId partition, std::vector<NodeId> order);

  // Ends a replica at once: whatever it wanted is forgotten, and what is reported of it from now on
  // ignored. REQUIRES: it is here.
  void Remove(PartitionId partition);

  // nullptr: no replica of it here.
  [[nodiscard]] const raft::Replica* Find(PartitionId partition) const;

  // Whether this very replica of the group is here.
  [[nodiscard]] bool Holds(GroupId group, ReplicaId replica) const;

  void Advance(Instant now);
  [[nodiscard]] Instant NextWakeAt() const;

  // A message of `peer`. False: it is for a replica that is not here. `settled`: what it says is at
  // least as young as this; Instant::min(): unknown.
  bool Step(NodeId peer, const GroupMessage& message, Instant settled, Instant now);

  // What is applied of a partition that is led elsewhere is at least as young as this; nullopt:
  // unknown.
  [[nodiscard]] std::optional<Instant> AppliedAsOf(PartitionId partition) const;

  // This node surely led then whatever it leads now. `seen_by`: when what a node has surely seen
  // was sent.
  [[nodiscard]] Instant LedSince(const std::function<Instant(NodeId)>& seen_by, Instant now) const;

  void OnLinkDown(NodeId peer);

  // Reports of a replica that was removed meanwhile are ignored.
  void OnDurable(GroupId group, uint64_t number, Instant now);
  void OnApplied(PartitionId partition, Index index);
  void OnFetched(PartitionId partition, ReplicaId follower, std::vector<storage::Entry> entries);
  // A point without a configuration is one from before the group's first change: the one it began
  // with is in force there.
  void OnSnapshotSent(PartitionId partition, ReplicaId follower,
                      std::optional<raft::SnapshotPoint> sent);
  void OnInstalled(PartitionId partition, const raft::SnapshotPoint& snapshot);
  void OnInstallFailed(PartitionId partition);

  // The store has flushed this much of the partition. Returns up to where its log is given up now:
  // followers that are a little behind are still served from it.
  [[nodiscard]] Index OnFlushed(PartitionId partition, Index through);

  // Membership. Makes the change, if this replica leads in the step's term. A leader that is to go
  // hands its place over first, where there is somebody to take it. Anything may be in a step.
  [[nodiscard]] StepResult Take(const node::Step& step, Instant now);

  // Of every group led here, but for its bytes and keys.
  [[nodiscard]] std::vector<GroupReport> Reports() const;

  // `peer` does not have a replica. What makes it, if it is a learner of a group that is led here;
  // else nullopt.
  [[nodiscard]] std::optional<Create> AnswerTo(NodeId peer, const NotHere& not_here) const;

  // Tells the replica that it was removed, if its group is led here and is sure of that.
  [[nodiscard]] std::optional<Removal> AnswerTo(const Inquiry& inquiry) const;

  // Whether a removal is of a replica here, and proof enough.
  [[nodiscard]] bool IsProof(const Removal& removal) const;

  // Whether a replica of the partition is here and has heard of its group lately; and those that
  // have not, and should ask.
  [[nodiscard]] bool IsInTouch(PartitionId partition, Instant now) const;
  [[nodiscard]] std::vector<Inquiry> OutOfTouch(Instant now) const;

  // Whether those for whom `is_alive` holds, with this node, could elect a leader, as far as the
  // replica here knows. REQUIRES: it is here.
  [[nodiscard]] bool HasMajority(PartitionId partition, const IsAlive& is_alive) const;

  [[nodiscard]] std::variant<raft::Replica::Proposed, raft::Replica::Refused> Propose(
      PartitionId partition, std::string payload, Instant now);
  [[nodiscard]] bool Read(PartitionId partition, raft::ReadId id);

  // `peer` is suspected: whoever waits for a leader there may campaign, in ring order of those for
  // whom `is_alive` holds.
  void OnSuspected(NodeId peer, const IsAlive& is_alive, Instant now);

  // Likewise for every group without a leader.
  void CampaignWhereLeaderless(const IsAlive& is_alive, Instant now);

  // Puts the lines of the groups led here into a frame for `peer`: of all in which something
  // happens, and of some of the others. False: there was none to put.
  bool Beat(NodeId peer, Frame& frame);

  // Gives away the leadership of everything for which `wanted` names another node, to that node or
  // else to the most advanced of those for whom `may_lead` holds. Replicas that cannot go now are
  // left to the next call.
  void GiveAway(const IsAlive& may_lead, Instant now);

  // Hands leadership back to the first in ring order for whom `may_lead` holds.
  void HandBack(const IsAlive& may_lead, Instant now);

  // Takes everything the replicas want. Messages are put into the frames that `frame_to` gives.
  [[nodiscard]] Happened Collect(Effects& effects, const std::function<Frame&(NodeId)>& frame_to);
  [[nodiscard]] bool HasEffects() const { return !touched_.empty(); }

  // How many groups are led here, and of how many partitions held here the group has no leader, or
  // one that is not alive.
  [[nodiscard]] uint32_t CountLed() const;
  [[nodiscard]] uint32_t CountLeaderless(const IsAlive& is_alive) const;
  [[nodiscard]] bool IsLeaderless(PartitionId partition, const IsAlive& is_alive) const;

  // Entries of groups led here that `peer` has yet to receive.
  [[nodiscard]] uint64_t BehindOf(NodeId peer) const;

  [[nodiscard]] const GroupCounts& counts() const { return counts_; }

  // When the oldest write that is not durable yet was handed out; nullopt: there is none.
  [[nodiscard]] std::optional<Instant> OldestWrite() const;

 private:
  struct One {
    raft::Replica raft;
    std::vector<NodeId> order;
    raft::Configuration initial;
    raft::Configuration settled = {};  // The last one that was committed, and not joint.
    std::deque<Index> flushed = {};    // By the latest flushes, oldest first.
    std::deque<std::pair<uint64_t, Instant>> writes = {};  // Not durable yet: number, since.
    Proposals proposals = {};
    Instant wake_at{};
    Index applied = 0;
    std::optional<Instant> as_of = {};                       // Of what is applied.
    std::optional<std::pair<Index, Instant>> as_of_at = {};  // Once this much is applied.
    std::optional<raft::Member> leader = {};
    bool serving = false;
    bool touched = false;
    bool busy = true;    // It leads, and not everybody may have heard everything.
    Instant heard_at{};  // Its leader.
  };

  [[nodiscard]] One* FindOne(PartitionId partition) const;
  [[nodiscard]] static bool IsQuietAnswer(const raft::Message& message, const One& one);
  static void NoteSettledAt(One& one, Index commit, Instant settled);
  void Touch(PartitionId partition, One& one);
  void Reschedule(PartitionId partition, One& one);
  void Campaign(PartitionId partition, One& one, const IsAlive& is_alive, Instant now);
  void CollectOne(PartitionId partition, One& one, Effects& effects,
                  const std::function<Frame&(NodeId)>& frame_to, Happened& happened);
  void NoteLeader(PartitionId partition, One& one, Happened& happened);
  void NoteSettled(One& one, const std::function<Frame&(NodeId)>& frame_to);

  // The voters, in the order in which they should lead.
  [[nodiscard]] static std::vector<raft::Member> Ranked(const One& one);
  [[nodiscard]] static bool IsSettled(const raft::Replica& replica);
  [[nodiscard]] bool IsInTouch(const One& one, Instant now) const;
  [[nodiscard]] bool HandOver(One& one, const node::Step& step, Instant now);
  [[nodiscard]] static GroupReport ReportOf(PartitionId partition, const One& one);

  const Options options_;
  const NodeId self_;
  std::map<PartitionId, One> replicas_;
  std::vector<One*> by_group_;  // The same, by the group's number; nullptr: not here.
  // Those that lead, as of the last Collect(), in order: a third of all.
  std::vector<std::pair<PartitionId, One*>> led_;
  uint64_t writing_ = 0;  // Writes of all replicas that are not durable yet.
  std::vector<std::pair<PartitionId, One*>> touched_;  // Once each; may want something.
  std::map<NodeId, uint32_t> beats_;                   // How many frames Beat() was asked to fill.
  std::set<std::pair<Instant, PartitionId>> wakes_;  // Every replica once, no later than it wants.
  Instant now_{};
  GroupCounts counts_;
};

}  // namespace kvd::node
