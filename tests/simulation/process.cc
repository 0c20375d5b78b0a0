#include "tests/simulation/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/hash.h"
#include "tests/simulation/recovery.h"

namespace kvd::simulation {
namespace {

constexpr Duration kMeasureEvery = std::chrono::seconds(1);
constexpr uint64_t kDiskBytes = 1ULL << 40U;

// A full disk and a slow one are faults of ours; every other error is the node's.
bool IsExpected(const LogLine& line) {
  return line.level != LogLevel::kError || line.message.starts_with("disk is full") ||
         line.message.starts_with("the disk is stalled") ||
         line.message.starts_with("peer frame dropped, the disk of the peer is older");
}

bool WasRemoved(const node::Recovery& recovery, const Disk& disk) {
  return recovery.topology && recovery.topology->FindRemoved(disk.node_uuid()) != nullptr;
}

}  // namespace

Duration LocalClock::Until(Instant instant, Duration world) const {
  const Duration left = instant - At(world);
  if (left <= Duration::zero()) return Duration::zero();
  // Rounded up: a timer never fires early.
  return Duration((left.count() / 1000 + 1) * 1'000'000 / rate_ppm * 1000 + 1000);
}

Process::Process(const Surroundings& around, Options options, Disk& disk)
    : around_(around),
      options_(std::move(options)),
      name_(options_.founding.self.name),
      disk_(disk),
      machines_(disk.store()),
      life_(around.world) {}

std::unique_ptr<Process> Process::Start(const Surroundings& around, Options options, Disk& disk) {
  std::unique_ptr<Process> process(new Process(around, std::move(options), disk));
  if (const Status status = process->Recover(); !status.ok()) {
    const std::string what = process->name_ + " cannot start: " + Message(status);
    around.world.Trace(process->name_, what);
    if (!WasRemoved(process->recovery_, disk)) around.world.Fail(FailureKind::kWrong, what);
    return nullptr;
  }
  around.ledger.Started(process->options_.host, process->name_, disk.binding());
  process->StartThreads();
  return process;
}

Process::~Process() {
  for (auto& [id, call] : std::exchange(calls_, {})) call.done(std::nullopt);
}

Status Process::Recover() {
  KVD_ASSIGN_OR_RETURN(recovery_,
                       RecoverFrom(disk_, machines_, around_.world.random(), around_.sabotage));
  std::map<PartitionId, Index> applied;
  for (const node::RecoveredReplica& one : recovery_.replicas) {
    applied[one.partition] = one.restored.applied;
  }
  around_.consensus.Started(options_.host, applied);
  options_.founding.boot = disk_.boot();
  options_.founding.binding = disk_.binding();
  options_.founding.topology = recovery_.topology;
  options_.founding.fresh_cluster_id = Uuid::Draw(around_.world.random());
  const auto& topology = options_.founding.topology;
  if (!topology) return OkStatus();
  if (topology->Find(disk_.node_uuid()) == nullptr) {
    return MakeStatus(StatusCode::kFailedPrecondition, "it is no member of its topology");
  }
  const auto& boots = disk_.Kept(storage::KeptRecord::kBoots);
  if (boots) {
    KVD_ASSIGN_OR_RETURN(boots_, topology::Boots::Decode(*boots, topology->cluster_id));
  }
  return topology::CheckTerms(options_.founding.terms, *topology);
}

node::Node::Options Process::NodeOptions() {
  const Swarm& swarm = around_.swarm;
  node::Node::Options options{.founding = options_.founding,
                              .peers = {},
                              .replicas = swarm.replicas,
                              .snapshots = {},
                              .handback = swarm.handback,
                              .system = {},
                              .limits = {.max_inflight_bytes = swarm.max_inflight_bytes},
                              .recovered = std::move(recovery_.replicas),
                              .tombstones = recovery_.tombstones,
                              .boots = std::move(boots_)};
  options.stall_pause = swarm.stall_pause;
  options.system.reconciles = !swarm.steps.strikes();  // The oracle says who is where.
  options.system.removal.remove_after = swarm.remove_after;
  return options;
}

void Process::StartThreads() {
  StartWriter();
  StartApplier();
  uint32_t count = 1;
  if (around_.swarm.max_shards > 1) {
    count += static_cast<uint32_t>(around_.world.random().Below(around_.swarm.max_shards));
  }
  for (node::Node::Options& options : node::Divide(NodeOptions(), count)) {
    shards_.push_back({std::make_unique<node::Node>(std::move(options), Now()), {}});
  }
  around_.links.Attach(options_.host, options_.founding.self.peer_address, disk_.node_uuid(),
                       *this);
  for (uint32_t shard = 0; shard < shards(); ++shard) RunAfter(shard, Duration::zero());
  MeasureDisk();
}

void Process::StartWriter() {
  writer_ = std::make_unique<LogWriter>(
      around_, life_, disk_,
      LogWriter::Callbacks{
          .on_durable =
              [this](const LogWriter::Durable& durable) {
                for (const auto& each : durable) {
                  Post(node::ShardOf(each.first, shards()), [each](node::Node& node, Instant now) {
                    node.OnDurable(each.first, each.second, now);
                  });
                }
              },
          .on_bound =
              [this] { PostToFirst([](node::Node& node, Instant now) { node.OnBound(now); }); },
          .on_topology_stored =
              [this] {
                PostToFirst([](node::Node& node, Instant now) { node.OnTopologyStored(now); });
              },
          .on_boots_stored =
              [this] {
                PostToFirst([](node::Node& node, Instant now) { node.OnBootsStored(now); });
              },
          .on_fatal = [this](const Status& status) { Fatal(status); }});
}

void Process::StartApplier() {
  applier_ = std::make_unique<Applier>(
      around_, life_, disk_, machines_,
      Applier::Callbacks{
          .on_done =
              [this](const std::vector<Applier::Report>& done) {
                for (const Applier::Report& report : done) {
                  Post(report.shard_of(shards()), report.tell);
                }
              },
          .on_flushed = [this](const Applier::Truncations& flushed) { NoteFlushed(flushed); },
          .on_fatal = [this](const Status& status) { Fatal(status); },
          .on_applied = [this](const partition::ApplyJob& job,
                               const partition::Applied& applied) { NoteApplied(job, applied); },
          .on_installed = [this](PartitionId partition) { NoteInstalled(partition); },
          .on_dropped = [this](PartitionId partition) { NoteDropped(partition); }});
}

// Digests are taken of some indexes, the same everywhere, so that there is something to compare.
void Process::NoteApplied(const partition::ApplyJob& job, const partition::Applied& applied) {
  constexpr Index kDigestEvery = 4;
  const PartitionId partition = job.partition;
  around_.truth.Applied(name_, job, applied);
  around_.ledger.Applied(job, applied);
  const Index index = machines_.applied(partition).index;
  around_.consensus.Applied(options_.host, partition, index);
  if (index % kDigestEvery != 0) return;
  const auto digest = machines_.Digest(partition);
  if (digest.ok()) around_.truth.Digest(name_, partition, index, *digest);
}

void Process::NoteInstalled(PartitionId partition) {
  const Index index = machines_.applied(partition).index;
  if (index == 0) return;  // It has been dropped meanwhile.
  around_.consensus.Applied(options_.host, partition, index);
  around_.consensus.Flushed(options_.host, partition, index);
  const auto digest = machines_.Digest(partition);
  if (digest.ok()) around_.truth.Digest(name_, partition, index, *digest);
}

void Process::NoteFlushed(const Applier::Truncations& flushed) {
  for (const auto& [partition, through] : flushed) {
    around_.consensus.Flushed(options_.host, partition, through);
  }
  Applier::Truncations told = flushed;
  if (around_.sabotage == Sabotage::kTruncateUnflushed) {
    for (auto& [partition, through] : told) through += 10;
  }
  for (const auto& one : told) {
    Post(node::ShardOf(one.partition, shards()),
         [one](node::Node& node, Instant now) { node.OnFlushed({one}, now); });
  }
}

void Process::MeasureDisk() {
  const uint64_t used = disk_.log().disk_bytes() + disk_.store().disk_bytes();
  const topology::Disk disk{.used_bytes = used, .capacity_bytes = kDiskBytes};
  PostToAll([used, disk, full = disk_full_](node::Node& node, Instant now) {
    node.OnDisk(used, disk, full, now);
  });
  life_.After(kMeasureEvery, [this] { MeasureDisk(); });
}

void Process::SetDiskFull(bool full) {
  disk_full_ = full;
}

void Process::StartDraining() {
  PostToAll([](node::Node& node, Instant now) { node.StartDraining(now); });
}

void Process::StopAccepting() {
  PostToAll([](node::Node& node, Instant) { node.StopAccepting(); });
}

void Process::Call(node::Operation operation, Duration budget, CallDone done) {
  const node::CallId id{++last_id_};
  calls_[id].done = std::move(done);
  const uint32_t shard = ShardFor(operation);
  Post(shard, [this, id, operation = std::move(operation), budget](node::Node& node, Instant now) {
    calls_.at(id).bytes = node::SizeOf(operation);
    node.OnCall(id, operation, budget, now);
  });
}

void Process::Hello(const topology::HelloRequest& request, HelloDone done) {
  const topology::HelloId id{++last_id_};
  hellos_.emplace(id, std::move(done));
  PostToFirst([id, request](node::Node& node, Instant now) { node.OnHello(id, request, now); });
}

void Process::HelloAnswer(const std::string& name, const topology::HelloResponse& response) {
  PostToFirst(
      [name, response](node::Node& node, Instant now) { node.OnHelloAnswer(name, response, now); });
}

void Process::SendReports(NodeId to) {
  PostToAll([to](node::Node& node, Instant now) { node.SendReports(to, now); });
}

void Process::SendStep(NodeId leader, const node::Step& step) {
  PostToFirst([leader, step](node::Node& node, Instant now) { node.SendStep(leader, step, now); });
}

void Process::OnLinkUp(NodeId peer) {
  around_.world.Trace(name_, fmt::format("link to {} up", peer.value));
  PostToAll([peer](node::Node& node, Instant now) { node.OnLinkUp(peer, now); });
}

void Process::OnLinkDown(NodeId peer) {
  around_.world.Trace(name_, fmt::format("link to {} down", peer.value));
  PostToAll([peer](node::Node& node, Instant now) { node.OnLinkDown(peer, now); });
}

void Process::OnRefused(NodeId peer) {
  PostToAll([peer](node::Node& node, Instant now) { node.OnRefused(peer, now); });
}

void Process::OnFrame(NodeId peer, const node::Frame& frame) {
  if (around_.sabotage == Sabotage::kIgnoreReplicaIds) return OnFrameForAnyone(peer, frame);
  PostFrame(peer, frame);
}

// Whatever replica of the group is here takes it for its own.
void Process::OnFrameForAnyone(NodeId peer, node::Frame frame) {
  for (node::GroupMessage& each : frame.raft) {
    const node::Replicas* replicas = NodeOf(PartitionOf(each.group)).replicas();
    const raft::Replica* here =
        replicas == nullptr ? nullptr : replicas->Find(PartitionOf(each.group));
    if (here != nullptr) each.message.to = here->self().id;
  }
  PostFrame(peer, frame);
}

void Process::PostFrame(NodeId peer, const node::Frame& frame) {
  for (const auto& forward : frame.forwards) {
    around_.world.Trace(name_, fmt::format("gets forward {} of {}", forward.id, peer.value));
  }
  for (const auto& reply : frame.replies) {
    around_.world.Trace(name_, fmt::format("gets reply {} of {}", reply.id, peer.value));
  }
  for (auto& [shard, part] : node::Split(frame, shards())) {
    Post(shard, [peer, part = std::move(part)](node::Node& node, Instant now) {
      node.OnFrame(peer, part, now);
    });
  }
}

void Process::OnNotSent(const std::vector<uint64_t>& forward_ids) {
  if (forward_ids.empty()) return;
  Post(node::ShardOfNumber(forward_ids.front(), shards()),
       [forward_ids](node::Node& node, Instant now) { node.OnNotSent(forward_ids, now); });
}

uint32_t Process::ShardFor(const node::Operation& operation) const {
  if (operation.kind() == node::OperationKind::kAdminister) return node::kFirstShard;
  return node::ShardOf(PartitionOf(operation.key, around_.swarm.partitions), shards());
}

bool Process::AllOf(const std::function<bool(const node::Node&)>& holds) const {
  return std::ranges::all_of(shards_, [&](const Shard& shard) { return holds(*shard.node); });
}

void Process::PostToAll(const Event& event) {
  for (uint32_t shard = 0; shard < shards(); ++shard) Post(shard, event);
}

void Process::Post(uint32_t shard, Event event) {
  shards_[shard].mailbox.push_back(std::move(event));
  RunAfter(shard, lag_ + around_.world.Between(Duration::zero(), std::chrono::microseconds(100)));
}

void Process::RunAfter(uint32_t shard, Duration delay) {
  const Duration at = around_.world.now() + delay;
  if (at >= shards_[shard].run_at) return;
  shards_[shard].run_at = at;
  life_.After(delay, [this, shard, at] {
    if (shards_[shard].run_at == at) Run(shard);  // Else an earlier run took its place.
  });
}

void Process::Run(uint32_t shard) {
  shards_[shard].run_at = Duration::max();
  node::Node& node = *shards_[shard].node;
  const Instant now = Now();
  for (const Event& event : std::exchange(shards_[shard].mailbox, {})) event(node, now);
  node.Advance(now);
  if (TakeEffects(node, now)) TakeEffects(node, now);
  uint64_t held = 0;
  uint64_t largest = 0;
  for (const auto& [id, call] : calls_) {
    held += call.bytes;
    largest = std::max(largest, call.bytes);
  }
  // Each shard lets one operation in that alone exceeds its part.
  if (held > around_.swarm.max_inflight_bytes + shards_.size() * largest) {
    around_.world.Fail(FailureKind::kWrong,
                       fmt::format("{} holds {} bytes of requests", name_, held));
  }
  CheckShown();
  if (const Instant wake = node.NextWakeAt(); wake != Instant::max()) {
    RunAfter(shard, lag_ + options_.clock.Until(wake, around_.world.now()));
  }
}

// Whether a read was answered on the spot, which has effects of its own.
bool Process::TakeEffects(node::Node& node, Instant now) {
  node::Effects effects = node.TakeEffects();
  around_.consensus.Stepped(options_.host, node, effects);
  const auto answer = [&](const node::ReadJob& job) {
    const auto value = applier_->Peek(job);
    if (value) node.OnRead(job.ticket, *value, now);
    return value.has_value();
  };
  const bool more = !effects.condemned && std::erase_if(effects.reads, answer) > 0;
  Dispatch(std::move(effects));
  return more;
}

void Process::Dispatch(node::Effects effects) {
  for (const LogLine& line : effects.log) {
    around_.world.Trace(name_, line.message);
    if (!IsExpected(line)) around_.world.Fail(FailureKind::kWrong, name_ + " says " + line.message);
  }
  if (effects.condemned) return options_.on_condemned();
  if (!effects.appends.empty()) writer_->Append(std::move(effects.appends));
  if (effects.founding.bind) writer_->Bind(*effects.founding.bind);
  if (effects.founding.store) writer_->StoreTopology(*effects.founding.store);
  if (effects.boots) writer_->StoreBoots(*std::move(effects.boots));
  applier_->Do({.applies = std::move(effects.applies),
                .installs = std::move(effects.installs),
                .reads = std::move(effects.reads),
                .fetches = std::move(effects.fetches),
                .chunk_closes = std::move(effects.chunk_closes),
                .chunk_reads = std::move(effects.chunk_reads),
                .chunk_writes = std::move(effects.chunk_writes),
                .drops = std::move(effects.drops)});
  if (!effects.truncations.empty()) {
    for (const auto& prefix : effects.truncations) {
      around_.consensus.Truncates(options_.host, prefix);
    }
    writer_->Truncate(std::move(effects.truncations));
  }
  for (auto& [shard, aside] : effects.asides) {
    Post(shard,
         [aside = std::move(aside)](node::Node& node, Instant now) { node.OnAside(aside, now); });
  }
  if (effects.links) around_.links.SetTargets(options_.host, *effects.links);
  for (const auto& greeting : effects.founding.greetings) options_.greet(greeting);
  for (auto& [id, response] : effects.founding.answers) {
    around_.ledger.SaidBound(options_.host, disk_.node_uuid(), response.bound);
    const auto hello = hellos_.extract(id);
    if (!hello) {
      around_.world.Fail(FailureKind::kWrong, name_ + " answered a greeting twice");
      continue;
    }
    hello.mapped()(std::move(response));
  }
  for (auto& [call, answer] : effects.answers) Answer(call, std::move(answer));
  for (const auto& report : effects.reports) options_.reconciler.on_report(report);
  for (const auto& answer : effects.step_answers) options_.reconciler.on_answer(answer);
  for (auto& [peer, frame] : effects.frames) around_.links.Send(options_.host, peer, frame);
  if (effects.removed) options_.on_removed();
}

void Process::Answer(node::CallId id, node::Answer answer) {
  if (around_.sabotage == Sabotage::kForgetAnswer && around_.world.random().Chance(5'000)) return;
  const auto call = calls_.extract(id);
  if (!call) {
    return around_.world.Fail(FailureKind::kWrong,
                              fmt::format("{} answered call {} twice", name_, id.value));
  }
  call.mapped().done(std::move(answer));
}

void Process::CheckShown() {
  const topology::Topology* const topology = node().topology();
  if (topology == nullptr || topology->epoch == shown_) return;
  shown_ = topology->epoch;
  around_.ledger.Shows(options_.host, node().ViewCluster(Now()),
                       topology::EncodeTopology(*topology));
}

void Process::Fatal(const Status& status) {
  around_.world.Trace(name_, "stops at once: " + Message(status));
  if (status.code() == StatusCode::kDataLoss) {
    around_.world.Fail(FailureKind::kWrong, name_ + ": " + Message(status));
  }
  options_.on_fatal();
}

}  // namespace kvd::simulation
