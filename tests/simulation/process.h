// One run of a node on a machine: the product's Node, or several as its shards, with the driver
// around them, which does what runtime and daemon do, in the same order: per shard a mailbox and a
// loop that handles what is in it and carries out the effects, a log writer, an applier, and
// recovery before all that.
//
// Threading: one world, one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/node/node.h"
#include "server/node/recovery.h"
#include "tests/simulation/applier.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/life.h"
#include "tests/simulation/log_writer.h"
#include "tests/simulation/surroundings.h"

namespace kvd::simulation {

// A machine's monotonic clock: starts anywhere, and runs a little fast or slow.
struct LocalClock {
  Duration offset{};
  int64_t rate_ppm = 1'000'000;

  [[nodiscard]] Instant At(Duration world) const {
    return Instant(offset + Duration(world.count() / 1000 * rate_ppm / 1000));
  }
  // Until this clock shows `instant`, in the world's time.
  [[nodiscard]] Duration Until(Instant instant, Duration world) const;
};

// How a client's call ended: answered, or the connection was reset (nullopt).
using CallDone = std::function<void(std::optional<node::Answer>)>;

// Sends a greeting to a node, by name.
using Greet = std::function<void(const topology::FoundingEffects::Greeting&)>;

// Whoever is told of groups and asks for steps.
struct Reconciler {
  std::function<void(const node::GroupReport&)> on_report;
  std::function<void(const node::StepAnswer&)> on_answer;
};

class Process final : public LinkUser {
 public:
  struct Options {
    HostId host;
    LocalClock clock;
    topology::Founding::Options founding;  // As the cluster file says; the rest is on the disk.
    Greet greet;
    Reconciler reconciler;
    std::function<void()> on_fatal;      // The process cannot go on.
    std::function<void()> on_condemned;  // Its disk is older than what it has said.
    std::function<void()> on_removed;    // It has to stop: its node is no member any more.
  };
  using HelloDone = std::function<void(topology::HelloResponse)>;

  // Recovers what is on `disk` and starts. nullptr if it cannot: it was removed from its cluster,
  // and knows; or the world is told.
  [[nodiscard]] static std::unique_ptr<Process> Start(const Surroundings& around, Options options,
                                                      Disk& disk);

  // It is killed: who waits for an answer is reset.
  ~Process() override;

  void Call(node::Operation operation, Duration budget, CallDone done);
  void Hello(const topology::HelloRequest& request, HelloDone done);
  void HelloAnswer(const std::string& name, const topology::HelloResponse& response);
  void SendReports(NodeId to);
  void SendStep(NodeId leader, const node::Step& step);
  void SetDiskFull(bool full);
  void StallDisk(Duration time) { writer_->Stall(time); }
  void EndStall() { writer_->EndStall(); }
  void StartDraining();
  void StopAccepting();

  // Its loop takes this much longer for everything.
  void SlowDown(Duration lag) { lag_ = lag; }

  [[nodiscard]] Life& life() { return life_; }
  // The shard that speaks for all of them; the one that holds a partition; and whether something is
  // so of each.
  [[nodiscard]] const node::Node& node() const { return *shards_.front().node; }
  [[nodiscard]] const node::Node& NodeOf(PartitionId partition) const {
    return *shards_[node::ShardOf(partition, shards())].node;
  }
  [[nodiscard]] bool AllOf(const std::function<bool(const node::Node&)>& holds) const;
  [[nodiscard]] uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }
  [[nodiscard]] const partition::StateMachines& machines() const { return machines_; }
  [[nodiscard]] Instant Now() const { return options_.clock.At(around_.world.now()); }
  [[nodiscard]] bool has_calls() const { return !calls_.empty(); }

  [[nodiscard]] bool IsPaused() const override { return life_.is_paused(); }
  void OnLinkUp(NodeId peer) override;
  void OnLinkDown(NodeId peer) override;
  void OnRefused(NodeId peer) override;
  void OnFrame(NodeId peer, const node::Frame& frame) override;
  void OnNotSent(const std::vector<uint64_t>& forward_ids) override;

 private:
  using Event = std::function<void(node::Node&, Instant)>;

  struct Shard {
    std::unique_ptr<node::Node> node;
    std::vector<Event> mailbox;
    Duration run_at = Duration::max();
  };

  struct PendingCall {
    uint64_t bytes = 0;  // That the node holds for it.
    CallDone done;
  };

  Process(const Surroundings& around, Options options, Disk& disk);

  [[nodiscard]] Status Recover();
  void StartThreads();
  void StartWriter();
  void StartApplier();
  [[nodiscard]] node::Node::Options NodeOptions();
  void NoteApplied(const partition::ApplyJob& job, const partition::Applied& applied);
  void NoteInstalled(PartitionId partition);
  void NoteDropped(PartitionId partition) { around_.consensus.Dropped(options_.host, partition); }
  void NoteFlushed(const Applier::Truncations& flushed);
  void MeasureDisk();

  void OnFrameForAnyone(NodeId peer, node::Frame frame);
  void PostFrame(NodeId peer, const node::Frame& frame);
  void Post(uint32_t shard, Event event);
  void PostToFirst(Event event) { Post(node::kFirstShard, std::move(event)); }
  void PostToAll(const Event& event);
  [[nodiscard]] uint32_t ShardFor(const node::Operation& operation) const;
  void RunAfter(uint32_t shard, Duration delay);
  void Run(uint32_t shard);
  bool TakeEffects(node::Node& node, Instant now);
  void Dispatch(node::Effects effects);
  void Answer(node::CallId id, node::Answer answer);
  void CheckShown();
  void Fatal(const Status& status);

  const Surroundings& around_;
  Options options_;
  const std::string name_;
  Disk& disk_;
  partition::StateMachines machines_;
  node::Recovery recovery_;
  std::optional<topology::Boots> boots_;
  std::vector<Shard> shards_;
  Duration lag_{};
  bool disk_full_ = false;
  Epoch shown_{};  // The last one that was.
  uint64_t last_id_ = 0;
  std::map<node::CallId, PendingCall> calls_;
  std::map<topology::HelloId, HelloDone> hellos_;

  Life life_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Applier> applier_;
};

}  // namespace kvd::simulation
