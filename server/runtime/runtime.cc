#include "server/runtime/runtime.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/hash.h"
#include "server/runtime/thread_name.h"

namespace kvd::runtime {
namespace {

using Truncations = std::vector<partition::StateMachines::Truncation>;

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

// Which of `count` shards it is for.
struct Addressee {
  uint32_t count;

  uint32_t operator()(const partition::Applied& applied) const {
    return node::ShardOf(applied.partition, count);
  }
  uint32_t operator()(const ApplierThread::InstallResult& installed) const {
    return node::ShardOf(installed.partition, count);
  }
  uint32_t operator()(const ApplierThread::ReadResult& read) const {
    return node::ShardOfNumber(read.ticket.value, count);
  }
  uint32_t operator()(const ApplierThread::FetchResult& fetch) const {
    return node::ShardOf(fetch.partition, count);
  }
  uint32_t operator()(const ApplierThread::ChunkResult& read) const {
    return node::ShardOfNumber(read.stream.value, count);
  }
  uint32_t operator()(const ApplierThread::DropResult& dropped) const {
    return node::ShardOf(dropped.partition, count);
  }
  uint32_t operator()(const ApplierThread::WriteResult& written) const {
    return node::ShardOf(written.partition, count);
  }
};

// Where there are several shards: so many events of one are worth waking its thread for.
constexpr size_t kWorthAThread = 8;

}  // namespace

Runtime::Runtime(Options options, storage::Log& log, storage::DataDir& data_dir,
                 partition::StateMachines& machines, const Clock& clock, Logger& logger)
    : options_(std::move(options)),
      partitions_(options_.node.founding.terms.partitions),
      log_(log),
      data_dir_(data_dir),
      machines_(machines),
      clock_(clock),
      logger_(logger) {
  for (uint32_t i = 0; i < options_.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(options_.mailbox_capacity));
  }
}

Runtime::~Runtime() {
  Stop();
}

void Runtime::Start(Transport& transport) {
  transport_ = &transport;
  writer_ = std::make_unique<LogWriter>(log_, data_dir_, WriterCallbacks());
  applier_ = std::make_unique<ApplierThread>(machines_, log_, clock_, options_.flush_every,
                                             ApplierCallbacks());
  auto divided = node::Divide(std::move(options_.node), shards());
  // All nodes before any thread: one shard posts to another.
  for (uint32_t i = 0; i < shards(); ++i) {
    shards_[i]->node.emplace(std::move(divided[i]), clock_.Now());
  }
  for (const auto& shard : shards_) {
    shard->keeper = std::thread([this, &one = *shard] { Keep(one); });
  }
}

void Runtime::Stop() {
  if (!shards_.front()->keeper.joinable()) return;
  for (const auto& shard : shards_) shard->turns.Close();
  for (const auto& shard : shards_) shard->keeper.join();
  applier_.reset();
  writer_.reset();
}

uint32_t Runtime::ShardFor(const node::Operation& operation) const {
  if (shards() == 1 || operation.kind() == node::OperationKind::kAdminister) {
    return node::kFirstShard;
  }
  return node::ShardOf(PartitionOf(operation.key, partitions_), shards());
}

bool Runtime::Post(uint32_t shard, Event event, bool always) {
  Shard& one = *shards_[shard];
  const auto put = one.turns.Add(std::move(event), always);
  if (put == Turns<Event>::Put::kYourTurn) Round(one);
  return put != Turns<Event>::Put::kRefused;
}

void Runtime::PostToAll(const std::function<void(node::Node&, Instant)>& event) {
  for (uint32_t i = 0; i < shards(); ++i) Post(i, event);
}

// Has each shard handle those of `items` that are for it.
template <typename T, typename ShardOf, typename Handle>
void Runtime::Deal(std::vector<T> items, const ShardOf& shard_of, const Handle& handle) {
  std::vector<std::vector<T>> dealt(shards());
  if (shards() == 1) {
    dealt.front() = std::move(items);
  } else {
    for (T& item : items) dealt[shard_of(item)].push_back(std::move(item));
  }
  for (uint32_t i = 0; i < shards(); ++i) {
    if (dealt[i].empty()) continue;
    Post(i, [handle, mine = std::move(dealt[i])](node::Node& node, Instant now) mutable {
      handle(node, std::move(mine), now);
    });
  }
}

// A turn that ends with something left to do is followed by one of the keeper's.
void Runtime::PostAside(uint32_t shard, Event event) {
  Turns<Event>& turns = shards_[shard]->turns;
  const auto put = turns.Add(std::move(event), /*always=*/true);
  if (put == Turns<Event>::Put::kYourTurn) turns.Finish(Instant::max());
}

void Runtime::Keep(Shard& shard) {
  NameThread("kvd-keeper");
  while (shard.turns.AwaitTurn()) Round(shard);
}

Instant Runtime::SleepUntil() {
  Instant until = Instant::max();
  for (const auto& shard : shards_) until = std::min(until, shard->turns.Watch());
  return until;
}

void Runtime::RoundIfDue() {
  for (const auto& shard : shards_) {
    if (shard->turns.TakeIfDue()) Round(*shard);
  }
}

bool Runtime::Gather() {
  bool any = false;
  for (const auto& shard : shards_) {
    shard->gathered = shard->turns.Gather();
    any = any || shard->gathered;
  }
  return any;
}

void Runtime::RoundOfGathered() {
  for (const auto& shard : shards_) {
    if (!std::exchange(shard->gathered, false)) continue;
    if (shards() > 1 && shard->turns.LeaveToKeeper(kWorthAThread)) continue;
    if (shard->turns.HasGathered()) Round(*shard);
  }
}

void Runtime::StopWatching() {
  for (const auto& shard : shards_) shard->turns.Unwatch();
}

// In a turn.
void Runtime::Round(Shard& shard) {
  auto events = shard.turns.Take();
  node::Node& node = *shard.node;
  if (!fatal_) {
    const Instant now = clock_.Now();
    for (Event& event : events) event(node, now);
    node.Advance(now);
    node::Effects effects = node.TakeEffects();
    // Who is condemned answers nobody.
    const bool more = !effects.condemned && AnswerFromMemory(node, effects.reads, now);
    Dispatch(std::move(effects));
    if (more) Dispatch(node.TakeEffects());
  }
  shard.turns.Finish(fatal_ ? Instant::max() : node.NextWakeAt());
}

// What it answers is taken out of `reads`. False: nothing.
bool Runtime::AnswerFromMemory(node::Node& node, std::vector<node::ReadJob>& reads, Instant now) {
  return std::erase_if(reads, [&](const node::ReadJob& job) {
           auto known = applier_->Peek(job);
           if (!known) return false;
           node.OnRead(job.ticket, std::move(known->value), now);
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
  for (auto& [shard, aside] : effects.asides) {
    Post(shard, [aside = std::move(aside)](node::Node& node, Instant now) mutable {
      node.OnAside(std::move(aside), now);
    });
  }
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
  return {
      .on_durable =
          [this](LogWriter::Durable durable) {
            Deal(
                std::move(durable),
                [this](const auto& each) { return node::ShardOf(each.first, shards()); },
                [](node::Node& node, const LogWriter::Durable& mine, Instant now) {
                  for (const auto& [group, number] : mine) node.OnDurable(group, number, now);
                });
          },
      .on_bound = [this] { PostToFirst([](node::Node& node, Instant now) { node.OnBound(now); }); },
      .on_topology_stored =
          [this] {
            PostToFirst([](node::Node& node, Instant now) { node.OnTopologyStored(now); });
          },
      .on_boots_stored =
          [this] { PostToFirst([](node::Node& node, Instant now) { node.OnBootsStored(now); }); },
      .on_fatal = [this](const Status& status) { Fatal(status); }};
}

ApplierThread::Callbacks Runtime::ApplierCallbacks() {
  return {.on_done =
              [this](ApplierThread::Done done) {
                Deal(
                    std::move(done),
                    [this](const auto& each) { return std::visit(Addressee{shards()}, each); },
                    [](node::Node& node, ApplierThread::Done mine, Instant now) {
                      for (auto& result : mine) std::visit(Report{node, now}, std::move(result));
                    });
              },
          .on_flushed =
              [this](Truncations truncations) {
                Deal(
                    std::move(truncations),
                    [this](const auto& each) { return node::ShardOf(each.partition, shards()); },
                    [](node::Node& node, const Truncations& mine, Instant now) {
                      node.OnFlushed(mine, now);
                    });
              },
          .on_disk =
              [this](const DiskSpace& disk) {
                PostToAll([disk](node::Node& node, Instant now) {
                  node.OnDisk(disk.used_bytes, disk.disk, disk.full, now);
                });
              },
          .measure_disk = options_.measure_disk,
          .on_fatal = [this](const Status& status) { Fatal(status); },
          .on_applied = options_.on_applied};
}

void Runtime::Fatal(const Status& status) {
  if (fatal_.exchange(true)) return;
  options_.on_fatal(status);
}

bool Runtime::WaitUntil(const std::function<bool(const node::Node&)>& predicate, Duration timeout) {
  const Instant deadline = clock_.Now() + timeout;
  do {
    bool holds = true;
    for (uint32_t i = 0; i < shards(); ++i) holds = HoldsFor(i, predicate) && holds;
    if (holds) return true;
    absl::SleepFor(absl::Milliseconds(5));
  } while (clock_.Now() < deadline);
  return false;
}

// Not bounded by a deadline: the event refers to `predicate`. A stopped shard never answers, and
// Stop() is called by the thread that waits here.
bool Runtime::HoldsFor(uint32_t shard, const std::function<bool(const node::Node&)>& predicate) {
  struct Probe {
    absl::Mutex mu;
    bool asked = false;
    bool holds = false;
  };
  const auto probe = std::make_shared<Probe>();
  Post(shard, [probe, &predicate](node::Node& node, Instant) {
    absl::MutexLock lock(&probe->mu);
    probe->holds = predicate(node);
    probe->asked = true;
  });
  absl::MutexLock lock(&probe->mu, absl::Condition(&probe->asked));
  return probe->holds;
}

}  // namespace kvd::runtime
