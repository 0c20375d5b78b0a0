// Drives one Node in real time: its shard, the log writer and the applier. Threads and time live
// here, decisions do not.
//
//   rpc threads --Post--> [mailbox] --> shard: Node --appends--> log writer --durable--> [mailbox]
//                                          |  \----applies, reads--> applier --done----> [mailbox]
//                                          \--frames, answers--> Transport
//
// Owns: three threads. Threading: thread-safe, but Start() and Stop(), which belong to the
// assembler.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "server/node/node.h"
#include "server/runtime/applier_thread.h"
#include "server/runtime/log_writer.h"
#include "server/runtime/queue.h"
#include "server/runtime/transport.h"
#include "server/storage/data_dir.h"
#include "server/storage/log.h"

namespace kvd::runtime {

class Runtime {
 public:
  struct Options {
    node::Node::Options node;
    size_t mailbox_capacity = 1U << 16U;  // Events of clients; those of peers and disk are bounded
                                          // by what they answer to.
    Duration flush_every = std::chrono::seconds(60);
    std::function<DiskSpace()> measure_disk;

    // The node cannot go on (a failed write or fsync, an entry that cannot be read): the process
    // must stop, without another word to anyone. Called once, on any thread.
    std::function<void(Status)> on_fatal;
  };

  // Everything referred to must outlive the runtime. `machines` has recovered.
  Runtime(Options options, storage::Log& log, storage::DataDir& data_dir,
          partition::StateMachines& machines, const Clock& clock, Logger& logger);
  ~Runtime();

  // Starts the threads. `transport` must outlive Stop().
  void Start(Transport& transport);

  // Ends the threads: what was queued for the disk is written and flushed, what was not handled is
  // dropped. Nothing is posted to the transport afterwards. Repeating is a no-op.
  void Stop();

  // An event for the node: runs on the shard, with the node and the time. False, and the event is
  // dropped, if the mailbox is full or closed.
  using Event = absl::AnyInvocable<void(node::Node&, Instant)>;
  bool TryPost(Event event) { return mailbox_.TryPush(std::move(event)); }

  // For peers and disk: never refused for want of room.
  void Post(Event event) { mailbox_.Push(std::move(event)); }

  // Waits until `predicate` holds for the node, asking every few milliseconds. False: `timeout`
  // passed first. Not from the shard.
  [[nodiscard]] bool WaitUntil(std::function<bool(const node::Node&)> predicate, Duration timeout);

 private:
  void Run();
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

  Queue<Event> mailbox_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> fatal_ = false;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<ApplierThread> applier_;
  std::thread shard_;
};

}  // namespace kvd::runtime
