// Operations of clients on their way to the node and back: the event loop posts each to the shard
// that serves it, which answers it. Neither waits for the other.
//
// Threading: thread-safe.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/refusal.h"
#include "server/node/effects.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/rpc/request_metrics.h"
#include "server/runtime/runtime.h"
#include "server/runtime/steady_clock.h"

namespace kvd::rpc {

class Calls {
 public:
  explicit Calls(runtime::Runtime& runtime) : runtime_(runtime) {}

  // What answers are collected in until the shard has no more of them.
  class Batch {
   public:
    virtual ~Batch() = default;

    // So many of the shard's answers were collected. It may be gone once Send() was called for all
    // that were ever posted.
    virtual void Send(uint64_t answered) = 0;
  };

  // A call, as the node knows it: its CallId is its address.
  class Call {
   public:
    virtual ~Call() = default;

    // May destroy the call. What is to be sent with other answers, if any.
    virtual Batch* Answer(node::Answer answer) = 0;

   private:
    friend class Calls;

    RequestMetrics::Begun begun_;
  };

  // An operation of a call. nullopt: the caller set no limit.
  struct Asking {
    Call* call = nullptr;
    node::Operation operation;
    std::optional<Duration> budget = {};
  };

  // Posts an operation, counted until it is answered. False: it is not, the mailbox is full.
  [[nodiscard]] bool Post(Asking asking) ABSL_LOCKS_EXCLUDED(mu_);

  // Several at once. Returns those that are not posted.
  [[nodiscard]] std::vector<Call*> Post(std::vector<Asking> asking) ABSL_LOCKS_EXCLUDED(mu_);

  // What is answered then.
  [[nodiscard]] static Refusal Overloaded();

  // Answers calls that were posted under these ids. REQUIRES: once per operation.
  void Answer(std::vector<node::CallAnswer> answers) ABSL_LOCKS_EXCLUDED(mu_);

  // Of what is posted here, and of what is malformed and hence was not.
  [[nodiscard]] RequestMetrics& metrics() { return metrics_; }

  // Waits until the node has answered what was posted to it.
  void AwaitAnswered() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  [[nodiscard]] bool PostEvent(uint32_t shard, uint64_t operations, runtime::Runtime::Event event)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Begin(const Asking& asking, Instant now);
  void Overload(const Call& call, Instant now);
  void Answered(uint64_t operations) ABSL_LOCKS_EXCLUDED(mu_);

  runtime::Runtime& runtime_;
  const runtime::SteadyClock clock_;
  RequestMetrics metrics_;
  absl::Mutex mu_;
  uint64_t underway_ ABSL_GUARDED_BY(mu_) = 0;  // Operations that the node has and must answer.
};

}  // namespace kvd::rpc
