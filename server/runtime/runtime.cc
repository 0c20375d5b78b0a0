#include "server/runtime/runtime.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/runtime/thread_name.h"

namespace kvd::runtime {
namespace {

// Tells the node what the applier has done.
struct Report {
  node::Node& node;
  Instant now;

  void operator()(const partition::Applied& applied) const { node.OnApplied(applied, now); }
  void operator()(ApplierThread::InstallResult installed) const {
    node.OnInstalled(installed.partition, installed.snapshot, std::move(installed.keys), now);
  }
  void operator()(ApplierThread::ReadResult read) const {
    node.OnRead(read.ticket, std::move(read.value), now);
  }
  void operator()(ApplierThread::FetchResult fetch) const {
    node.OnFetched(fetch.partition, fetch.follower, std::move(fetch.entries), now);
  }
  void operator()(ApplierThread::ChunkResult read) const {
    node.OnChunkRead(read.stream, std::move(read.chunk), now);
  }
  void operator()(ApplierThread::DropResult dropped) const {
    node.OnDropped(dropped.partition, now);
  }
  void operator()(ApplierThread::WriteResult written) const {
    node.OnChunkWritten(written.stream, written.peer, written.ok, now);
  }
};

}  // namespace

Runtime::Runtime(Options options, storage::Log& log, storage::DataDir& data_dir,
                 partition::StateMachines& machines, const Clock& clock, Logger& logger)
    : options_(std::move(options)),
      log_(log),
      data_dir_(data_dir),
      machines_(machines),
      clock_(clock),
      logger_(logger),
      turns_(options_.mailbox_capacity) {}

Runtime::~Runtime() {
  Stop();
}

void Runtime::Start(Transport& transport) {
  transport_ = &transport;
  writer_ = std::make_unique<LogWriter>(log_, data_dir_, WriterCallbacks());
  applier_ = std::make_unique<ApplierThread>(machines_, log_, clock_, options_.flush_every,
                                             ApplierCallbacks());
  node_.emplace(std::move(options_.node), clock_.Now());
  keeper_ = std::thread([this] { Keep(); });
}

void Runtime::Stop() {
  if (!keeper_.joinable()) return;
  turns_.Close();
  keeper_.join();
  applier_.reset();
  writer_.reset();
}

bool Runtime::Post(Event event, bool always) {
  const auto put = turns_.Add(std::move(event), always);
  if (put == Turns<Event>::Put::kYourTurn) Round();
  return put != Turns<Event>::Put::kRefused;
}

void Runtime::Keep() {
  NameThread("kvd-keeper");
  while (turns_.AwaitTurn()) Round();
}

void Runtime::RoundIfDue() {
  if (turns_.TakeIfDue()) Round();
}

void Runtime::RoundOfGathered() {
  if (turns_.HasGathered()) Round();
}

// In a turn.
void Runtime::Round() {
  auto events = turns_.Take();
  if (!fatal_) {
    const Instant now = clock_.Now();
    for (Event& event : events) event(*node_, now);
    node_->Advance(now);
    node::Effects effects = node_->TakeEffects();
    // Who is condemned answers nobody.
    const bool more = !effects.condemned && AnswerFromMemory(effects.reads, now);
    Dispatch(std::move(effects));
    if (more) Dispatch(node_->TakeEffects());
  }
  turns_.Finish(fatal_ ? Instant::max() : node_->NextWakeAt());
}

// What it answers is taken out of `reads`. False: nothing.
bool Runtime::AnswerFromMemory(std::vector<node::ReadJob>& reads, Instant now) {
  return std::erase_if(reads, [&](const node::ReadJob& job) {
           auto known = applier_->Peek(job);
           if (!known) return false;
           node_->OnRead(job.ticket, std::move(known->value), now);
           return true;
         }) > 0;
}

void Runtime::Dispatch(node::Effects effects) {
  for (const LogLine& line : effects.log) logger_.Write(line);
  if (effects.condemned) {
    if (!fatal_.exchange(true)) options_.on_condemned(*effects.condemned);
    return;
  }
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
  if (!effects.truncations.empty()) writer_->Truncate(std::move(effects.truncations));
  if (effects.links) transport_->SetLinks(*std::move(effects.links));
  for (auto& greeting : effects.founding.greetings) transport_->Greet(std::move(greeting));
  for (auto& [id, response] : effects.founding.answers) {
    transport_->AnswerHello(id, std::move(response));
  }
  if (!effects.answers.empty()) transport_->AnswerCalls(std::move(effects.answers));
  for (auto& [peer, frame] : effects.frames) transport_->Send(peer, std::move(frame));
  if (effects.removed && options_.on_removed) options_.on_removed();
}

LogWriter::Callbacks Runtime::WriterCallbacks() {
  return {.on_durable =
              [this](LogWriter::Durable durable) {
                Post([durable = std::move(durable)](node::Node& node, Instant now) {
                  for (const auto& [group, number] : durable) node.OnDurable(group, number, now);
                });
              },
          .on_bound = [this] { Post([](node::Node& node, Instant now) { node.OnBound(now); }); },
          .on_topology_stored =
              [this] { Post([](node::Node& node, Instant now) { node.OnTopologyStored(now); }); },
          .on_boots_stored =
              [this] { Post([](node::Node& node, Instant now) { node.OnBootsStored(now); }); },
          .on_fatal = [this](const Status& status) { Fatal(status); }};
}

ApplierThread::Callbacks Runtime::ApplierCallbacks() {
  return {.on_done =
              [this](ApplierThread::Done done) {
                Post([done = std::move(done)](node::Node& node, Instant now) mutable {
                  for (auto& result : done) std::visit(Report{node, now}, std::move(result));
                });
              },
          .on_flushed =
              [this](std::vector<partition::StateMachines::Truncation> truncations) {
                Post([flushed = std::move(truncations)](node::Node& node, Instant now) {
                  node.OnFlushed(flushed, now);
                });
              },
          .on_disk =
              [this](DiskSpace disk) {
                Post([disk](node::Node& node, Instant now) {
                  node.OnDisk(disk.used_bytes, disk.disk, disk.full, now);
                });
              },
          .measure_disk = options_.measure_disk,
          .on_fatal = [this](const Status& status) { Fatal(status); }};
}

void Runtime::Fatal(const Status& status) {
  if (fatal_.exchange(true)) return;
  options_.on_fatal(status);
}

bool Runtime::WaitUntil(std::function<bool(const node::Node&)> predicate, Duration timeout) {
  struct Probe {
    absl::Mutex mu;
    bool asked = false;
    bool holds = false;
  };
  const Instant deadline = clock_.Now() + timeout;
  do {
    const auto probe = std::make_shared<Probe>();
    Post([probe, &predicate](node::Node& node, Instant) {
      absl::MutexLock lock(&probe->mu);
      probe->holds = predicate(node);
      probe->asked = true;
    });
    // Not bounded by the deadline: the event refers to `predicate`. A stopped shard never answers,
    // and Stop() is called by the thread that waits here.
    probe->mu.LockWhen(absl::Condition(&probe->asked));
    const bool holds = probe->holds;
    probe->mu.Unlock();
    if (holds) return true;
    absl::SleepFor(absl::Milliseconds(5));
  } while (clock_.Now() < deadline);
  return false;
}

}  // namespace kvd::runtime
