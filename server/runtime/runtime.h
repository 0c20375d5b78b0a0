// Drives a Node in real time, or several: the shards of one node (node/shard.h). Threads and time
// live here, decisions do not.
//
//   event loop, keeper  --Post--> turn: Node --appends--> log writer --durable--> Post
//                                         |  |--applies, reads--> applier --done--> Post
//                                         |--frames, answers--> Transport
//
// Whoever posts an event to a shard while nobody is at work there runs it himself, for one round;
// what comes meanwhile is its keeper's next round (turns.h). One thread at a time is "the shard".
// Where there are several, the event loop leaves what is worth a thread to the keepers.
//
// Owns: a thread per shard, and two. Threading: thread-safe, but Start() and Stop(), which belong
// to the assembler.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "server/node/node.h"
#include "server/node/shard.h"
#include "server/runtime/applier_thread.h"
#include "server/runtime/log_writer.h"
#include "server/runtime/transport.h"
#include "server/runtime/turns.h"
#include "server/runtime/watch.h"
#include "server/storage/data_dir.h"
#include "server/storage/log.h"

namespace kvd::runtime {

class Runtime final : public Watch {
 public:
  struct Options {
    node::Node::Options node;
    uint32_t shards = 1;
    size_t mailbox_capacity = 1U << 16U;  // Events of clients; those of peers and disk are bounded
                                          // by what they answer to.
    ApplierThread::FlushEvery flush_every;
    std::function<DiskSpace()> measure_disk;
    std::function<void(Duration)> on_applied = {};  // As ApplierThread has it; may be empty.

    // The node cannot go on (a failed write or fsync, an entry that cannot be read): the process
    // must stop, without another word to anyone. Called once, on any thread.
    std::function<void(Status)> on_fatal;

    // What is on the disk must not be used any more, for this reason: the process must stop as
    // above, and refuse to start on it. Instead of on_fatal.
    std::function<void(const std::string&)> on_condemned;

    // The node is no member of its cluster any more: the process should stop, in order. On any
    // thread.
    std::function<void()> on_removed;
  };

  // Everything referred to must outlive the runtime. `machines` has recovered.
  Runtime(Options options, storage::Log& log, storage::DataDir& data_dir,
          partition::StateMachines& machines, const Clock& clock, Logger& logger);
  ~Runtime() override;

  // Starts the threads. `transport` must outlive Stop().
  void Start(Transport& transport);

  // Ends the threads: what was queued for the disk is written and flushed, what was not handled is
  // dropped. Nothing is posted to the transport afterwards. Repeating is a no-op.
  void Stop();

  [[nodiscard]] uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }

  // The shard that serves an operation.
  [[nodiscard]] uint32_t ShardFor(const node::Operation& operation) const;

  // An event for a shard: runs on it, which may be the calling thread, with its node and the time.
  // False, and the event is dropped, if the mailbox is full or closed. Not with a lock held that
  // the node's effects need.
  using Event = absl::AnyInvocable<void(node::Node&, Instant)>;
  bool TryPost(uint32_t shard, Event event) {
    return Post(shard, std::move(event), /*always=*/false);
  }

  // For peers and disk: never refused for want of room.
  void Post(uint32_t shard, Event event) { (void)Post(shard, std::move(event), /*always=*/true); }

  // What the first shard does for all of them; and what each does.
  void PostToFirst(Event event) { Post(node::kFirstShard, std::move(event)); }
  void PostToAll(const std::function<void(node::Node&, Instant)>& event);

  // As Post(), but never runs on the calling thread: for whoever must not be held up if the node
  // is.
  void PostAside(uint32_t shard, Event event);

  // Events that no round has taken yet.
  [[nodiscard]] size_t mailbox_depth(uint32_t shard) { return shards_[shard]->turns.pending(); }

  [[nodiscard]] Instant SleepUntil() override;
  void RoundIfDue() override;
  [[nodiscard]] bool Gather() override;
  void RoundOfGathered() override;
  void StopWatching() override;

  // Waits until `predicate` holds for every shard, asking every few milliseconds. False: `timeout`
  // passed first. Not from a shard.
  [[nodiscard]] bool WaitUntil(const std::function<bool(const node::Node&)>& predicate,
                               Duration timeout);

 private:
  struct Shard {
    explicit Shard(size_t mailbox_capacity) : turns(mailbox_capacity) {}

    Turns<Event> turns;
    std::optional<node::Node> node;  // Of whoever has the turn.
    std::thread keeper;
    bool gathered = false;  // The watch's.
  };

  bool Post(uint32_t shard, Event event, bool always);
  template <typename T, typename ShardOf, typename Handle>
  void Deal(std::vector<T> items, const ShardOf& shard_of, const Handle& handle);
  void Keep(Shard& shard);
  void Round(Shard& shard);
  [[nodiscard]] bool AnswerFromMemory(node::Node& node, std::vector<node::ReadJob>& reads,
                                      Instant now);
  [[nodiscard]] bool HoldsFor(uint32_t shard,
                              const std::function<bool(const node::Node&)>& predicate);
  void Dispatch(node::Effects effects);
  void Fatal(const Status& status);
  [[nodiscard]] LogWriter::Callbacks WriterCallbacks();
  [[nodiscard]] ApplierThread::Callbacks ApplierCallbacks();

  Options options_;
  const uint32_t partitions_;
  storage::Log& log_;
  storage::DataDir& data_dir_;
  partition::StateMachines& machines_;
  const Clock& clock_;
  Logger& logger_;
  Transport* transport_ = nullptr;

  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<bool> fatal_ = false;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<ApplierThread> applier_;
};

}  // namespace kvd::runtime
