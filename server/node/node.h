// One whole node: founding, routing, the partitions it owns, its peers. Events come in through the
// On...() methods with the time at which they are handled; what is to be done goes out in
// TakeEffects(). A driver may report many events before it takes the effects: everything for one
// disk or one peer is then one batch.
//
// Promises kept here: a write is answered as done only after OnApplied(), hence after OnDurable();
// an operation is refused only if it never reached a log, else its outcome is unknown; an operation
// is forwarded at most once; every accepted operation is answered exactly once.
//
// Pure: no thread, clock, socket, disk or hidden randomness, so that the simulator runs the same
// code.
//
// Threading: confined to one shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/node/peers.h"
#include "server/node/requests.h"
#include "server/node/view.h"
#include "server/partition/owner.h"
#include "server/partition/state_machines.h"
#include "server/topology/founding.h"
#include "server/topology/topology.h"

namespace kvd::node {

// What may change while the node runs.
struct Limits {
  uint64_t max_key_bytes = 4096;
  uint64_t max_value_bytes = 1U << 20U;
  uint64_t max_inflight_bytes = 256U << 20U;
  Duration request_default = std::chrono::seconds(2);
  Duration request_max = std::chrono::seconds(30);
};

class Node {
 public:
  struct Options {
    topology::Founding::Options founding;
    Peers::Options peers;
    Limits limits;

    // What start-up found on the disk, all of it applied. Terms of this run start above these.
    std::vector<partition::StateMachines::Recovered> recovered;
  };

  Node(Options options, Instant now);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Time passed: beats, suspects, expires. Call at NextWakeAt(), early calls are harmless.
  void Advance(Instant now);

  // A client asks. `budget`: the time it allows; nullopt: it gave none.
  void OnCall(CallId call, Operation operation, std::optional<Duration> budget, Instant now);

  // Founding.
  void OnHello(topology::HelloId id, const topology::HelloRequest& request, Instant now);
  void OnHelloAnswer(const std::string& name, const topology::HelloResponse& response, Instant now);
  void OnBound(Instant now);
  void OnTopologyStored(Instant now);

  // Links. A frame is dropped, and said so, if its envelope is not for this node or not from
  // `peer`.
  void OnLinkUp(NodeId peer, Instant now);
  void OnLinkDown(NodeId peer, Instant now);
  void OnRefused(NodeId peer, Instant now);
  void OnFrame(NodeId peer, const Frame& frame, Instant now);

  // These forwards were never sent: the queue to the peer was full.
  void OnNotSent(const std::vector<uint64_t>& forward_ids, Instant now);

  // Disk. OnDurable: everything of `partition` up to `index`.
  void OnDurable(PartitionId partition, Index index, Instant now);
  void OnApplied(const partition::Applied& applied, Instant now);
  void OnRead(Ticket ticket, StatusOr<std::optional<storage::StoredValue>> value, Instant now);
  void OnDisk(uint64_t used_bytes, bool full, Instant now);

  // Operator. Draining: peers are told at once; after StopAccepting() what comes is refused.
  void SetLimits(const Limits& limits);
  void StartDraining(Instant now);
  void StopAccepting();

  // True when nothing accepted is unanswered.
  [[nodiscard]] bool IsIdle() const { return requests_.empty(); }

  [[nodiscard]] Effects TakeEffects();
  [[nodiscard]] Instant NextWakeAt() const;

  [[nodiscard]] const topology::Topology* topology() const { return founding_.topology(); }
  [[nodiscard]] ClusterView ViewCluster(Instant now) const;

  // nullopt before founding.
  [[nodiscard]] std::optional<RingView> ViewRing(Instant now) const;

 private:
  using Owner = partition::Owner;

  void Adopt(Instant now);
  void TakeFoundingEffects(Instant now);
  [[nodiscard]] LinkSet MakeLinkSet() const;

  [[nodiscard]] std::optional<Refusal> Refuse(const Operation& operation) const;
  [[nodiscard]] std::optional<Refusal> RefuseForward(NodeId peer, const Forward& forward) const;
  [[nodiscard]] Refusal Unreachable(PartitionId partition, NodeId owner, bool is_write) const;
  [[nodiscard]] Refusal Lost(const Request& request, std::string_view what) const;

  void OnForward(NodeId peer, const Forward& forward, Instant now);
  void OnForwardReply(NodeId peer, const ForwardReply& reply);
  void Execute(Ticket ticket, PartitionId partition, const Operation& operation);
  void SendForward(Ticket ticket, const topology::Replica& owner, Operation operation, Instant now);
  void Reply(const Request& request, Result result);
  void Expire(Instant now);
  void Beat(Instant now);
  [[nodiscard]] Load MakeLoad(Instant now) const;
  [[nodiscard]] Frame& FrameTo(NodeId peer);
  [[nodiscard]] topology::Envelope EnvelopeTo(NodeId peer) const;
  [[nodiscard]] std::string NameOf(NodeId id) const;

  Options options_;
  const Instant started_at_;
  topology::Founding founding_;
  NodeId self_;  // 0 before founding.
  std::optional<Peers> peers_;
  std::map<PartitionId, Owner> owners_;
  std::map<PartitionId, uint64_t> keys_;
  Requests requests_;
  std::map<NodeId, Frame> outbox_;
  std::map<GroupId, storage::GroupWrite> appends_;
  Effects effects_;
  bool draining_ = false;
  bool accepting_ = true;
  bool disk_full_ = false;
  uint64_t disk_bytes_ = 0;
};

}  // namespace kvd::node
