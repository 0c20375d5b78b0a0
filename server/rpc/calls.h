// Operations of clients on their way to the node and back: the event loop posts a call, the shard
// answers it. Neither waits for the other.
//
// Threading: thread-safe.
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/rpc/event_loop.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class Calls {
 public:
  explicit Calls(runtime::Runtime& runtime) : runtime_(runtime) {}

  // A call, as the node knows it: its CallId is its address.
  class Call : public Completion {
   public:
    virtual void Answer(node::Answer answer) = 0;
  };

  // Posts an operation of a call, counted until it is answered. False: the mailbox is full.
  [[nodiscard]] bool Post(Call& call, node::Operation operation, std::optional<Duration> budget)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Answers the call that was posted under this id. REQUIRES: once per call.
  void Answer(node::CallId call, node::Answer answer) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until the node has answered what was posted to it.
  void AwaitAnswered() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Posted() ABSL_LOCKS_EXCLUDED(mu_);
  void Answered() ABSL_LOCKS_EXCLUDED(mu_);

  runtime::Runtime& runtime_;
  absl::Mutex mu_;
  uint64_t underway_ ABSL_GUARDED_BY(mu_) = 0;  // Calls that the node has and must answer.
};

}  // namespace kvd::rpc
