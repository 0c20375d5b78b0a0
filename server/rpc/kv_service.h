// The data path: kvd.v1.KV. The event loop parses a call and posts it to the node; the shard
// answers it. Neither waits for the other.
//
// Threading: Answer() is called by the shard; the rest by the assembler.
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/v1/kv.grpc.pb.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/rpc/event_loop.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class KvService {
 public:
  KvService(EventLoop& loop, runtime::Runtime& runtime) : loop_(loop), runtime_(runtime) {}

  // To be registered with the server.
  [[nodiscard]] ::kvd::v1::KV::AsyncService& service() { return service_; }

  // After the server started.
  void Start();

  // After the server was shut down: waits until the node has answered what was posted to it.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Answers the call that was posted under this id. REQUIRES: once per call.
  void Answer(node::CallId call, node::Answer answer);

  // Posts an operation of a call, counted until it is answered. False: the mailbox is full.
  [[nodiscard]] bool Post(node::CallId call, node::Operation operation,
                          std::optional<Duration> budget) ABSL_LOCKS_EXCLUDED(mu_);

  // A call, as the node knows it: its CallId is its address.
  class Call : public Completion {
   public:
    virtual void Answer(node::Answer answer) = 0;
  };

 private:
  void Posted() ABSL_LOCKS_EXCLUDED(mu_);
  void Answered() ABSL_LOCKS_EXCLUDED(mu_);

  EventLoop& loop_;
  runtime::Runtime& runtime_;
  ::kvd::v1::KV::AsyncService service_;
  absl::Mutex mu_;
  uint64_t underway_ ABSL_GUARDED_BY(mu_) = 0;  // Calls that the node has and must answer.
};

}  // namespace kvd::rpc
