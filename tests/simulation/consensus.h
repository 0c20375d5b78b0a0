// The rules that hold at every moment of every group's life, checked from outside after every step
// of every node: S1 to S9 and S14 of the project's list of failures. A breach ends the run.
//
//   S1  terms, commit and applied never fall       S6  committed is durable on a majority
//   S2  one leader per term, one vote per term     S7  who answers was asked, by that very id
//   S3  the same entry, the same prefix            S8  one change of a configuration at a time
//   S4  a leader has everything committed          S9  the log reaches down to what is flushed
//   S5  a message claims only what is durable     S14  an id is one replica, and ends with it
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/node/node.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/electorate.h"
#include "tests/simulation/network.h"
#include "tests/simulation/truth.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

class Consensus {
 public:
  Consensus(World& world, Truth& truth) : world_(world), truth_(truth) {}

  // A machine, before anything runs on it. The disk outlives this.
  void AddMachine(HostId host, const std::string& name, const Disk& disk);

  // `host` has lost its disk, and has this one now. What was durable on the old one was, and the
  // replicas on it have ended.
  void Wiped(HostId host, const Disk& disk);

  // `host` has the disk of an earlier time again. What it promised since is broken whatever it
  // does, so nothing of it is checked: that nobody listens to it is.
  void RolledBack(HostId host, const Disk& disk);

  // Whether every group keeps its majority if the disk of `host` is lost, whatever of the
  // configurations that are in force anywhere turns out to be the one.
  [[nodiscard]] bool CanDoWithout(HostId host) const;

  // A process starts on `host`; `applied` is what its data has.
  void Started(HostId host, const std::map<PartitionId, Index>& applied);

  // `node` did something, and wants these effects carried out.
  void Stepped(HostId host, const node::Node& node, const node::Effects& effects);

  // The store of `host` has applied, or has made durable, this much.
  void Applied(HostId host, PartitionId partition, Index index);
  void Flushed(HostId host, PartitionId partition, Index index);

  // The data of a replica that was removed is gone from the store of `host`.
  void Dropped(HostId host, PartitionId partition);

  // The log of `host` is about to forget the entries up to `prefix.through`.
  void Truncates(HostId host, const storage::Log::Prefix& prefix);

  // It was decided that `node` is a member of the cluster no more.
  void Removed(NodeId node) { electorate_.Removed(node); }

  // How much there was to see.
  [[nodiscard]] uint64_t terms() const { return leaders_.size(); }

 private:
  struct Seen {
    ReplicaId replica;
    Term term = 0;
    Index commit = 0;
    bool led = false;                   // In this term.
    raft::Configuration configuration;  // In force, and of which entry.
    Index configuration_index = 0;
  };
  struct Machine {
    std::string name;
    const Disk* disk = nullptr;
    std::map<PartitionId, Seen> seen;
    std::map<PartitionId, Index> applied;
    std::map<PartitionId, Index> flushed;
    NodeId node;
    bool is_rolled_back = false;
  };
  struct Known {
    Term before = 0;
    uint64_t content = 0;

    friend bool operator==(const Known&, const Known&) = default;
  };

  struct Committed {
    Term term = 0;  // Of the entry.
    Term in = 0;    // Of whoever committed it first.
  };

  void NoteFounding(const topology::Topology& topology);
  void CheckIdentity(Machine& machine, PartitionId partition, const raft::Replica& replica);
  void CheckReplica(Machine& machine, PartitionId partition, const raft::Replica& replica);
  void NoteCommitted(const raft::Replica& replica, const Seen& before);
  void CheckElected(const Machine& machine, const raft::Replica& replica, const Seen& before);
  void CheckLeader(const Machine& machine, PartitionId partition, const raft::Replica& replica);
  void CheckCommit(PartitionId partition, const raft::Replica& replica, const Machine& machine,
                   const Seen& before);
  void CheckDurableMajority(const raft::Replica& replica, const Machine& machine,
                            const Seen& before, Index index, Term term);
  [[nodiscard]] bool IsDurable(const raft::Configuration& configuration, GroupId group, Index index,
                               Term term) const;
  void CheckWrite(const Machine& machine, const raft::Write& write, const raft::Replica& replica);
  void CheckApply(const Machine& machine, const partition::ApplyJob& job);
  void CheckClaims(const Machine& machine, GroupId group, const raft::Message& message,
                   const raft::Replica& replica);
  void CheckAcknowledged(const Machine& machine, Index index, const raft::Replica& replica);
  void CheckNamed(const Machine& machine, GroupId group, ReplicaId replica);
  void CheckAsked(const Machine& machine, GroupId group, const raft::Message& message);
  [[nodiscard]] const Machine* MachineOf(NodeId node) const;
  [[nodiscard]] bool IsHome(const Machine& machine, GroupId group, ReplicaId replica) const;
  void Fail(GroupId group, const std::string& what);

  World& world_;
  Truth& truth_;
  Electorate electorate_{world_};
  std::map<HostId, Machine> machines_;
  std::vector<Machine> lost_;  // As they were.
  std::map<std::pair<GroupId, Term>, ReplicaId> leaders_;
  std::map<std::tuple<GroupId, Index, Term>, Known> entries_;
  std::map<std::pair<GroupId, ReplicaId>, NodeId> homes_;  // Of every replica that ever ran.
  std::set<std::pair<GroupId, ReplicaId>> founding_;
  std::set<std::pair<GroupId, ReplicaId>> ended_;
  std::set<std::tuple<GroupId, ReplicaId, ReplicaId>> asked_;  // By whom, and who.
  std::map<PartitionId, std::vector<Committed>> committed_;    // Of every index, from 1.
};

}  // namespace kvd::simulation
