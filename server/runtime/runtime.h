// Drives one Node in real time. Threads and time live here, decisions do not.
//
//   event loop, keeper  --Post--> turn: Node --appends--> log writer --durable--> Post
//                                         |  |--applies, reads--> applier --done--> Post
//                                         |--frames, answers--> Transport
//
// Whoever posts an event while nobody is at work runs the node himself, for one round; what comes
// meanwhile is the keeper's next round (turns.h). One thread at a time is "the shard".
//
// Owns: three threads. Threading: thread-safe, but Start() and Stop(), which belong to the
// assembler.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "server/node/node.h"
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
    size_t mailbox_capacity = 1U << 16U;  // Events of clients; those of peers and disk are bounded
                                          // by what they answer to.
    ApplierThread::FlushEvery flush_every;
    std::function<DiskSpace()> measure_disk;

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

  // An event for the node: runs on the shard, which may be the calling thread, with the node and
  // the time. False, and the event is dropped, if the mailbox is full or closed. Not with a lock
  // held that the node's effects need.
  using Event = absl::AnyInvocable<void(node::Node&, Instant)>;
  bool TryPost(Event event) { return Post(std::move(event), /*always=*/false); }

  // For peers and disk: never refused for want of room.
  void Post(Event event) { (void)Post(std::move(event), /*always=*/true); }

  [[nodiscard]] Instant SleepUntil() override { return turns_.Watch(); }
  void RoundIfDue() override;
  [[nodiscard]] bool Gather() override { return turns_.Gather(); }
  void RoundOfGathered() override;
  void StopWatching() override { turns_.Unwatch(); }

  // Waits until `predicate` holds for the node, asking every few milliseconds. False: `timeout`
  // passed first. Not from the shard.
  [[nodiscard]] bool WaitUntil(std::function<bool(const node::Node&)> predicate, Duration timeout);

 private:
  bool Post(Event event, bool always);
  void Keep();
  void Round();
  [[nodiscard]] bool AnswerFromMemory(std::vector<node::ReadJob>& reads, Instant now);
  void Dispatch(node::Effects effects);
  void Fatal(const Status& status);
  [[nodiscard]] LogWriter::Callbacks WriterCallbacks();
  [[nodiscard]] ApplierThread::Callbacks ApplierCallbacks();

  Options options_;
  storage::Log& log_;
  storage::DataDir& data_dir_;
  partition::StateMachines& machines_;
  const Clock& clock_;
  Logger& logger_;
  Transport* transport_ = nullptr;

  Turns<Event> turns_;
  std::optional<node::Node> node_;  // Of whoever has the turn.
  std::atomic<bool> fatal_ = false;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<ApplierThread> applier_;
  std::thread keeper_;
};

}  // namespace kvd::runtime
