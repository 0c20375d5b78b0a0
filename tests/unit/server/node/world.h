// Nodes n1..nN of a founded cluster, each on the twins of log and store, and a network between
// them. Their effects are carried out at once and in order, unless a disk or the network is held;
// time passes when a test says so. A world begins when every partition is served by its preferred
// owner.
//
// Threading: confined to the test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/node/node.h"
#include "server/partition/state_machines.h"
#include "server/partition/transfers.h"
#include "server/storage/memory_log.h"
#include "server/storage/memory_store.h"

namespace kvd::node {

inline constexpr NodeId kN1{1};
inline constexpr NodeId kN2{2};
inline constexpr NodeId kN3{3};
inline constexpr NodeId kN4{4};
inline constexpr NodeId kN5{5};

// A result as text: "written 3", "found \"v\" of version 3", "absent", "incremented to 5",
// "mismatch at 3", "plan of 12 copies", "jobs 1 2", "OVERLOADED: ...".
[[nodiscard]] std::string Show(const Result& result);

// What a read of `value` shows.
[[nodiscard]] inline std::string FoundAt(const std::string& value, Version version) {
  return Show(Found{.value = value, .version = version});
}

class World {
 public:
  struct Options {
    uint8_t nodes = 3;
    uint32_t partitions = 16;
    Limits limits = {};
    bool reconciles = false;  // Tests say themselves what moves.
    Duration remove_after = std::chrono::minutes(5);
  };

  explicit World(const Options& options);
  explicit World(uint8_t nodes, Limits limits = {})
      : World(Options{.nodes = nodes, .limits = limits}) {}

  // A frame that left `from` for `to`.
  struct Sent {
    NodeId from;
    NodeId to;
    Frame frame;
  };

  // Calls, posted to a node; answered when the answer is there.
  CallId Call(NodeId node, Operation operation, std::optional<Duration> budget = std::nullopt);
  CallId Get(NodeId node, const std::string& key, bool omit_value = false);
  CallId Put(NodeId node, const std::string& key, const std::string& value,
             std::optional<Duration> budget = std::nullopt);
  CallId Delete(NodeId node, const std::string& key);
  CallId Increment(NodeId node, const std::string& key, int64_t by = 1,
                   std::optional<Duration> budget = std::nullopt);
  [[nodiscard]] const Answer* AnswerTo(CallId call) const;

  // REQUIRES: the call is answered.
  [[nodiscard]] const Result& ResultOf(CallId call) const;

  // Likewise, as Show() says it.
  [[nodiscard]] std::string OutcomeOf(CallId call) const { return Show(ResultOf(call)); }

  // REQUIRES: the call is answered with Written.
  [[nodiscard]] Version VersionOf(CallId call) const;

  // REQUIRES: the call is answered with a refusal.
  [[nodiscard]] const Refusal& RefusalOf(CallId call) const;

  // Lets time pass until the call is answered, for no longer than `most`; answers how long it took.
  Duration Await(CallId call, Duration most = std::chrono::seconds(40));

  // Likewise, and answers its outcome.
  std::string InTime(CallId call) {
    (void)Await(call);
    return OutcomeOf(call);
  }

  // Keys and places: the `n`th key whose preferred owner is `node`, the `n`th of a partition.
  [[nodiscard]] std::string KeyOf(NodeId node, int n = 0) const;
  [[nodiscard]] std::string KeyIn(PartitionId partition, int n = 0) const;
  [[nodiscard]] PartitionId PartitionOfKey(const std::string& key) const;

  // The node that serves a partition, in the highest term, if there is one that runs.
  [[nodiscard]] std::optional<NodeId> ServerOf(PartitionId partition) const;
  [[nodiscard]] uint32_t CountServedBy(NodeId node) const;
  [[nodiscard]] bool IsServedAsWished() const;

  // Lets time pass until `holds`; fails the test's run if that takes longer than `most`.
  Duration PassUntil(const std::function<bool()>& holds, Duration most = std::chrono::seconds(30));

  // The network. A link that breaks tells both ends, and what is on it is lost; a cut loses frames
  // both ways without a word. Frames on a held network wait in sent().
  void Link(NodeId a, NodeId b);
  void Break(NodeId a, NodeId b);
  void Cut(NodeId a, NodeId b);
  void Isolate(NodeId node);
  void Heal() { cuts_.clear(); }
  void HoldNetwork() { network_held_ = true; }
  void ReleaseNetwork();
  [[nodiscard]] std::vector<Sent>& sent() { return held_frames_; }

  // Sees, and may change, every frame before it arrives; false: it is lost.
  using Filter = std::function<bool(Sent&)>;
  void SetFilter(Filter filter) { filter_ = std::move(filter); }

  // `to` gets `frame` from `from`, in the envelope that `from` would use.
  void Deliver(NodeId from, NodeId to, Frame frame);
  [[nodiscard]] topology::Envelope EnvelopeOf(NodeId from, NodeId to) const;

  // The disk of a node. Held: nothing becomes durable, nothing is applied or read.
  void HoldDisk(NodeId node);
  void ReleaseDisk(NodeId node);
  void HoldLog(NodeId node) { machines_.at(node).log_held = true; }
  void ReleaseLog(NodeId node);
  void HoldApplier(NodeId node) { machines_.at(node).applier_held = true; }
  void ReleaseApplier(NodeId node);
  void SetDiskFull(NodeId node, bool full);
  void Flush(NodeId node);
  [[nodiscard]] storage::MemoryStore& store(NodeId node) { return *machines_.at(node).store; }
  [[nodiscard]] storage::MemoryLog& log(NodeId node) { return *machines_.at(node).log; }

  // How many batches of the log a node has made durable.
  [[nodiscard]] uint64_t BatchesOf(NodeId node) const { return machines_.at(node).batches; }

  // kill -9: its links break, and it refuses connections. What was not durable is lost.
  void Kill(NodeId node);

  // Starts the node on what its disk holds, killing it first if it runs, and links it.
  void Restart(NodeId node);

  // The disk of a node that does not run forgets its last `boots` starts.
  void RollBack(NodeId node, uint64_t boots) { machines_.at(node).boots -= boots; }

  // Why a node's disk must not be used any more, if the node said so. It runs on here.
  [[nodiscard]] const std::optional<std::string>& CondemnedOf(NodeId node) const {
    return machines_.at(node).condemned;
  }

  // The process stops answering, without a word; and goes on, with what came meanwhile.
  void Freeze(NodeId node) { frozen_.insert(node); }
  void Thaw(NodeId node);

  // Carries out what all nodes want, until nobody wants anything.
  void Settle();

  // Lets time pass, a few milliseconds at once.
  void Pass(Duration duration);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Node& at(NodeId node) { return *machines_.at(node).node; }
  [[nodiscard]] bool IsRunning(NodeId node) const { return machines_.at(node).node != nullptr; }
  [[nodiscard]] std::vector<NodeId> nodes() const;

  // Whether the node said that it is no member any more. It runs on here.
  [[nodiscard]] bool IsRemoved(NodeId node) const { return machines_.at(node).is_removed; }

  // As founded.
  [[nodiscard]] const topology::Topology& topology() const { return topology_; }
  [[nodiscard]] std::vector<LogLine> TakeLogOf(NodeId node) {
    return std::exchange(machines_.at(node).lines, {});
  }
  // What leaders of groups said to a node since the last call.
  [[nodiscard]] std::vector<GroupReport> TakeReportsOf(NodeId node) {
    return std::exchange(machines_.at(node).reports, {});
  }
  [[nodiscard]] std::vector<StepAnswer> TakeStepAnswersOf(NodeId node) {
    return std::exchange(machines_.at(node).step_answers, {});
  }
  [[nodiscard]] Node::Options OptionsOf(NodeId node) const;

  // Of a partition as the node has applied it; two equal digests are equal data.
  [[nodiscard]] uint64_t DigestOf(NodeId node, PartitionId partition) const;

 private:
  struct Machine {
    uint64_t boots = 0;                        // As its disk counts them.
    uint64_t starts = 0;                       // As they were.
    std::optional<std::string> written_boots;  // Of the others.
    std::optional<std::string> kept_boots;
    std::optional<std::string> condemned;
    std::unique_ptr<storage::MemoryLog> log = std::make_unique<storage::MemoryLog>();
    std::unique_ptr<storage::MemoryStore> store = std::make_unique<storage::MemoryStore>();
    std::unique_ptr<partition::StateMachines> state;
    std::unique_ptr<partition::Transfers> transfers;
    std::unique_ptr<Node> node;
    bool log_held = false;
    bool applier_held = false;
    uint64_t batches = 0;
    std::vector<raft::Write> appends;
    std::vector<partition::ApplyJob> applies;
    std::vector<ReadJob> reads;
    std::vector<FetchJob> fetches;
    std::vector<InstallJob> installs;
    std::vector<ChunkRead> chunk_reads;
    std::vector<ChunkWrite> chunk_writes;
    std::vector<partition::StreamId> chunk_closes;
    std::vector<PartitionId> drops;
    std::vector<GroupReport> reports;
    std::vector<StepAnswer> step_answers;
    std::vector<storage::Log::Prefix> truncations;
    std::vector<LogLine> lines;
    bool is_removed = false;
  };

  [[nodiscard]] topology::Boot BootOf(NodeId node) const;
  void Start(NodeId node);
  void Stop(NodeId node);
  void Collect(NodeId id, Machine& machine);
  [[nodiscard]] bool WorkLog(Machine& machine);
  [[nodiscard]] bool WorkApplier(Machine& machine);
  [[nodiscard]] bool WorkTransfers(Machine& machine);
  [[nodiscard]] bool WorkNetwork();

  const Options options_;
  topology::ClusterTerms terms_;
  topology::Topology topology_;
  std::map<NodeId, Machine> machines_;
  std::set<std::pair<NodeId, NodeId>> links_;  // Both directions.
  std::set<std::pair<NodeId, NodeId>> cuts_;   // Both directions.
  std::set<NodeId> frozen_;
  std::map<NodeId, std::vector<Sent>> frozen_frames_;  // By addressee.
  std::vector<Sent> frames_;
  std::vector<Sent> held_frames_;
  Filter filter_;
  bool network_held_ = false;
  std::map<CallId, Answer> answers_;
  uint64_t last_call_ = 0;
  Instant now_ = Instant{} + std::chrono::hours(1);
};

}  // namespace kvd::node
