#include "tests/simulation/process.h"

#include <fmt/format.h>

#include <utility>

#include "tests/simulation/recovery.h"

namespace kvd::simulation {
namespace {

constexpr Duration kMeasureEvery = std::chrono::seconds(1);

uint64_t SizeOf(const node::Operation& operation) {
  const auto* put = std::get_if<node::Put>(&operation.action);
  return 512 + operation.key.size() + (put != nullptr ? put->value.size() : 0);
}

// A full disk is a fault of ours; every other error is the node's.
bool IsExpected(const LogLine& line) {
  return line.level != LogLevel::kError || line.message.starts_with("disk is full");
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
    around.world.Fail(FailureKind::kWrong, process->name_ + " cannot start: " + Message(status));
    return nullptr;
  }
  around.ledger.Started(process->options_.host, process->name_, disk.binding(),
                        process->recovered_);
  process->StartThreads();
  return process;
}

Process::~Process() {
  for (auto& [id, call] : std::exchange(calls_, {})) call.done(std::nullopt);
}

Status Process::Recover() {
  const RecoveryOptions how{.reuse_boot = around_.sabotage == Sabotage::kReuseBoot,
                            .lose_replay = around_.sabotage == Sabotage::kLoseReplay};
  KVD_ASSIGN_OR_RETURN(auto recovery, RecoverFrom(disk_, machines_, around_.world.random(), how));
  recovered_ = std::move(recovery.partitions);
  options_.founding.boot = disk_.boot();
  options_.founding.binding = disk_.binding();
  options_.founding.topology = std::move(recovery.topology);
  options_.founding.fresh_cluster_id = Uuid::Draw(around_.world.random());
  if (!options_.founding.topology) return OkStatus();
  return topology::CheckTerms(options_.founding.terms, *options_.founding.topology);
}

void Process::StartThreads() {
  writer_ = std::make_unique<LogWriter>(
      around_, life_, disk_,
      LogWriter::Callbacks{
          .on_durable =
              [this](LogWriter::Durable durable) {
                Post([durable = std::move(durable)](node::Node& node, Instant now) {
                  for (const auto& [partition, index] : durable) {
                    node.OnDurable(partition, index, now);
                  }
                });
              },
          .on_bound = [this] { Post([](node::Node& node, Instant now) { node.OnBound(now); }); },
          .on_topology_stored =
              [this] { Post([](node::Node& node, Instant now) { node.OnTopologyStored(now); }); },
          .on_fatal = [this](const Status& status) { Fatal(status); }});
  applier_ = std::make_unique<Applier>(
      around_, life_, machines_,
      Applier::Callbacks{.on_done =
                             [this](std::vector<partition::Applied> applied, Applier::Reads reads) {
                               Post([applied = std::move(applied), reads = std::move(reads)](
                                        node::Node& node, Instant now) {
                                 for (const partition::Applied& one : applied)
                                   node.OnApplied(one, now);
                                 for (const auto& [ticket, value] : reads)
                                   node.OnRead(ticket, value, now);
                               });
                             },
                         .on_flushed =
                             [this](Applier::Truncations truncations) {
                               for (const auto& [partition, through] : truncations) {
                                 around_.ledger.Flushed(options_.host, partition, through);
                               }
                               writer_->Truncate(std::move(truncations));
                             },
                         .on_fatal = [this](const Status& status) { Fatal(status); }});
  node_ = std::make_unique<node::Node>(
      node::Node::Options{.founding = options_.founding,
                          .peers = {},
                          .limits = {.max_inflight_bytes = around_.swarm.max_inflight_bytes},
                          .recovered = recovered_},
      Now());
  around_.links.Attach(options_.host, name_, disk_.node_uuid(), *this);
  RunAfter(Duration::zero());
  MeasureDisk();
}

void Process::MeasureDisk() {
  const uint64_t used = disk_.log().disk_bytes() + disk_.store().disk_bytes();
  Post([used, full = disk_full_](node::Node& node, Instant now) { node.OnDisk(used, full, now); });
  life_.After(kMeasureEvery, [this] { MeasureDisk(); });
}

void Process::SetDiskFull(bool full) {
  disk_full_ = full;
}

void Process::StopAccepting() {
  Post([](node::Node& node, Instant now) {
    node.StartDraining(now);
    node.StopAccepting();
  });
}

void Process::Call(node::Operation operation, Duration budget, CallDone done) {
  const node::CallId id{++last_id_};
  calls_[id].done = std::move(done);
  Post([this, id, operation = std::move(operation), budget](node::Node& node, Instant now) {
    calls_.at(id).bytes = SizeOf(operation);
    node.OnCall(id, operation, budget, now);
  });
}

void Process::Hello(const topology::HelloRequest& request, HelloDone done) {
  const topology::HelloId id{++last_id_};
  hellos_.emplace(id, std::move(done));
  Post([id, request](node::Node& node, Instant now) { node.OnHello(id, request, now); });
}

void Process::HelloAnswer(const std::string& name, const topology::HelloResponse& response) {
  Post(
      [name, response](node::Node& node, Instant now) { node.OnHelloAnswer(name, response, now); });
}

void Process::OnLinkUp(NodeId peer) {
  around_.world.Trace(name_, fmt::format("link to {} up", peer.value));
  Post([peer](node::Node& node, Instant now) { node.OnLinkUp(peer, now); });
}

void Process::OnLinkDown(NodeId peer) {
  around_.world.Trace(name_, fmt::format("link to {} down", peer.value));
  Post([peer](node::Node& node, Instant now) { node.OnLinkDown(peer, now); });
}

void Process::OnRefused(NodeId peer) {
  Post([peer](node::Node& node, Instant now) { node.OnRefused(peer, now); });
}

void Process::OnFrame(NodeId peer, const node::Frame& frame) {
  for (const auto& forward : frame.forwards) {
    around_.world.Trace(name_, fmt::format("gets forward {} of {}", forward.id, peer.value));
  }
  for (const auto& reply : frame.replies) {
    around_.world.Trace(name_, fmt::format("gets reply {} of {}", reply.id, peer.value));
  }
  Post([peer, frame](node::Node& node, Instant now) { node.OnFrame(peer, frame, now); });
}

void Process::OnNotSent(const std::vector<uint64_t>& forward_ids) {
  Post([forward_ids](node::Node& node, Instant now) { node.OnNotSent(forward_ids, now); });
}

void Process::Post(Event event) {
  mailbox_.push_back(std::move(event));
  RunAfter(around_.world.Between(Duration::zero(), std::chrono::microseconds(100)));
}

void Process::RunAfter(Duration delay) {
  const Duration at = around_.world.now() + delay;
  if (at >= run_at_) return;
  run_at_ = at;
  life_.After(delay, [this, at] {
    if (run_at_ == at) Run();  // Else an earlier run took its place.
  });
}

void Process::Run() {
  run_at_ = Duration::max();
  const Instant now = Now();
  for (const Event& event : std::exchange(mailbox_, {})) event(*node_, now);
  node_->Advance(now);
  Dispatch(node_->TakeEffects());
  uint64_t held = 0;
  for (const auto& [id, call] : calls_) held += call.bytes;
  if (held > around_.swarm.max_inflight_bytes) {
    around_.world.Fail(FailureKind::kWrong,
                       fmt::format("{} holds {} bytes of requests", name_, held));
  }
  CheckShown();
  if (const Instant wake = node_->NextWakeAt(); wake != Instant::max()) {
    RunAfter(options_.clock.Until(wake, around_.world.now()));
  }
}

void Process::Dispatch(node::Effects effects) {
  for (const LogLine& line : effects.log) {
    around_.world.Trace(name_, line.message);
    if (!IsExpected(line)) around_.world.Fail(FailureKind::kWrong, name_ + " says " + line.message);
  }
  if (!effects.appends.empty()) writer_->Append(std::move(effects.appends));
  if (effects.founding.bind) writer_->Bind(*effects.founding.bind);
  if (effects.founding.store) writer_->StoreTopology(*effects.founding.store);
  if (!effects.applies.empty()) applier_->Apply(std::move(effects.applies));
  if (!effects.reads.empty()) applier_->Read(std::move(effects.reads));
  if (effects.links) around_.links.SetTargets(options_.host, *effects.links);
  for (const auto& greeting : effects.founding.greetings) options_.greet(greeting);
  for (auto& [id, response] : effects.founding.answers) {
    around_.ledger.SaidBound(options_.host, response.bound);
    const auto hello = hellos_.extract(id);
    if (!hello) {
      around_.world.Fail(FailureKind::kWrong, name_ + " answered a greeting twice");
      continue;
    }
    hello.mapped()(std::move(response));
  }
  for (auto& [call, answer] : effects.answers) Answer(call, std::move(answer));
  for (auto& [peer, frame] : effects.frames) around_.links.Send(options_.host, peer, frame);
}

void Process::Answer(node::CallId id, node::Answer answer) {
  if (around_.sabotage == Sabotage::kForgetAnswer && around_.world.random().Chance(5'000)) return;
  const auto call = calls_.extract(id);
  if (!call) {
    return around_.world.Fail(FailureKind::kWrong,
                              fmt::format("{} answered call {} twice", name_, id.value));
  }
  const auto* written = std::get_if<node::Written>(&answer.result);
  if (written != nullptr) {
    around_.ledger.Acknowledged(answer.partition, answer.owner, written->version);
  }
  call.mapped().done(std::move(answer));
}

// What a node owns and which topology it has is decided when it adopts one.
void Process::CheckShown() {
  if (shown_ || node_->topology() == nullptr) return;
  shown_ = true;
  around_.ledger.Shows(options_.host, *node_->ViewRing(Now()),
                       topology::EncodeTopology(*node_->topology()));
}

void Process::Fatal(const Status& status) {
  around_.world.Trace(name_, "stops at once: " + Message(status));
  if (status.code() == StatusCode::kDataLoss) {
    around_.world.Fail(FailureKind::kWrong, name_ + ": " + Message(status));
  }
  options_.on_fatal();
}

}  // namespace kvd::simulation
