// The data path: kvd.v1.KV on one completion queue, polled by one thread (1.6 x the callback API on
// two cores: wake-ups cost more than bytes). The thread parses a call and posts it to the node; the
// shard answers it. Neither waits for the other.
//
// Owns: the thread. Threading: Answer() is called by the shard; the rest by the assembler.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/v1/kv.grpc.pb.h"
#include "server/node/messages.h"
#include "server/node/requests.h"
#include "server/runtime/runtime.h"

namespace kvd::rpc {

class KvService {
 public:
  explicit KvService(runtime::Runtime& runtime) : runtime_(runtime) {}

  // Before the server is built, and after it started.
  void Register(grpc::ServerBuilder& builder);
  void Start();

  // After the server was shut down: waits until the node has answered what was posted to it, then
  // drains the queue and ends the thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Answers the call that was posted under this id. REQUIRES: once per call.
  void Answer(node::CallId call, node::Answer answer);

  [[nodiscard]] bool stopping() const { return stopping_; }

  // Counts calls that the node has and must answer.
  void Posted() ABSL_LOCKS_EXCLUDED(mu_);
  void Answered() ABSL_LOCKS_EXCLUDED(mu_);

  // One call from its announcement to the end of its answer. The completion queue's tag, and the
  // CallId by which the node knows it.
  class Call {
   public:
    virtual ~Call() = default;

    // The queue has something for this call. `ok`: the step succeeded.
    virtual void Proceed(bool ok) = 0;
    virtual void Finish(node::Answer answer) = 0;
  };

 private:
  void Poll();
  void AwaitAnswers() ABSL_LOCKS_EXCLUDED(mu_);

  runtime::Runtime& runtime_;
  ::kvd::v1::KV::AsyncService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
  grpc::Alarm last_;  // Its tag comes after those of all calls that were matched.
  std::atomic<bool> stopping_ = false;
  absl::Mutex mu_;
  uint64_t underway_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace kvd::rpc
