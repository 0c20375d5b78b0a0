// The one completion queue of the process and the one thread that polls it: every call that comes
// in, every answer that goes out and every frame of every link passes here. A second thread that
// waited in gRPC, for whatever, would take turns with this one at polling the sockets: each event
// would wake the one and be handed to the other, which costs more than the event itself. Hence no
// callback service and no second queue that anybody polls.
//
// Owns: the queue and the thread. Threading: thread-safe; steps are reported on the loop's thread,
// which must not be blocked.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/runtime/watch.h"

namespace kvd::rpc {

// Whom the queue tells that a step of a call is done; its address is the step's tag.
class Completion {
 public:
  virtual ~Completion() = default;

  // `ok`: the step succeeded. May destroy the completion.
  virtual void Proceed(bool ok) = 0;
};

// A completion that calls a function: for calls with several steps underway at a time.
class Tag final : public Completion {
 public:
  explicit Tag(std::function<void(bool)> proceed) : proceed_(std::move(proceed)) {}
  void Proceed(bool ok) override { proceed_(ok); }

 private:
  const std::function<void(bool)> proceed_;
};

class EventLoop {
 public:
  // The loop's thread is also the one of `watch`.
  explicit EventLoop(runtime::Watch& watch);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // As builder.BuildAndStart(), of a server whose calls come to this loop. The first one brings the
  // queue, and comes with a service; nullptr if it cannot listen.
  [[nodiscard]] std::unique_ptr<grpc::Server> Serve(grpc::ServerBuilder& builder);

  // After the first Serve().
  void Start();

  // Runs `function` on the loop's thread, soon; drops it once Stop() was called.
  void Post(std::function<void()> function) ABSL_LOCKS_EXCLUDED(mu_);

  // Returns when everything that the queue had by then was reported. Not on the loop's thread.
  void AwaitReported();

  // Ends the thread, if it was started. Nothing may be started on the queue any more. No-op if
  // done. REQUIRES: the servers were shut down, but not destroyed; all other calls are done.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  [[nodiscard]] grpc::ServerCompletionQueue& queue() { return *queue_; }

 private:
  using Status = grpc::CompletionQueue::NextStatus;
  struct Next {
    Status status;
    Completion* completion;
    bool ok;
  };

  void Run();
  Next Await(gpr_timespec deadline);
  void HandleAllAtHand(Next next);

  runtime::Watch& watch_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> unused_;  // Of the other servers.
  std::thread thread_;
  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
