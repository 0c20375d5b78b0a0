// One stream of KV.Pipeline to one node, opened again and again. What is sent while a write is
// outstanding becomes the next message.
//
// Threading: thread-safe; completions come to whoever polls the queue. Calls neither gRPC nor its
// listener with its lock held.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/v1/cluster.grpc.pb.h"
#include "kvd/v1/kv.grpc.pb.h"

namespace kvd::client {

// A step of a call: its address is the step's tag in the queue.
class Step {
 public:
  explicit Step(std::function<void(bool)> done) : done_(std::move(done)) {}
  void Done(bool ok) { done_(ok); }

 private:
  const std::function<void(bool)> done_;
};

class Lane;

// Called on the thread that polls the queue.
class LaneListener {
 public:
  virtual ~LaneListener() = default;
  virtual void OnOpen(Lane& lane) = 0;
  virtual void OnAnswers(Lane& lane, v1::PipelineResponse& response) = 0;

  // Closed. What was sent and not answered may have reached the node if it `was_open`.
  virtual void OnClosed(Lane& lane, bool was_open, const grpc::Status& status) = 0;
};

class Lane {
 public:
  // `address` as gRPC takes it for a target. Queue and listener outlive the lane, which outlives
  // what it has in the queue.
  Lane(std::string address, const std::shared_ptr<grpc::Channel>& channel,
       grpc::CompletionQueue& queue, LaneListener& listener);

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] v1::Cluster::Stub& cluster() { return *cluster_; }

  enum class State { kClosed, kOpening, kOpen, kClosing };
  [[nodiscard]] State state() const ABSL_LOCKS_EXCLUDED(mu_);

  // The stream that is underway has been open: what was queued for it may have been sent.
  [[nodiscard]] bool was_open() const ABSL_LOCKS_EXCLUDED(mu_);

  // No-op unless closed.
  void Open() ABSL_LOCKS_EXCLUDED(mu_);

  // Queues an operation for the stream that is open or opening. False: there is none.
  [[nodiscard]] bool Send(v1::PipelineRequest::Operation operation) ABSL_LOCKS_EXCLUDED(mu_);

  // Sends what is queued, if no write is outstanding.
  void Flush() ABSL_LOCKS_EXCLUDED(mu_);

  // Breaks the stream; the end is reported as ever.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Stream = grpc::ClientAsyncReaderWriter<v1::PipelineRequest, v1::PipelineResponse>;
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream;
    v1::PipelineRequest request;    // Of the write that is outstanding.
    v1::PipelineResponse response;  // Of the read.
    grpc::Status status;
  };

  void Started(bool ok);
  void Read(bool ok);
  void Written();
  void End();
  void Finished();
  void Fill(v1::PipelineRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string address_;
  grpc::CompletionQueue& queue_;
  LaneListener& listener_;
  const std::unique_ptr<v1::KV::Stub> kv_;
  const std::unique_ptr<v1::Cluster::Stub> cluster_;
  Step started_{[this](bool ok) { Started(ok); }};
  Step read_{[this](bool ok) { Read(ok); }};
  Step written_{[this](bool) { Written(); }};
  Step finished_{[this](bool) { Finished(); }};
  std::unique_ptr<Call> call_;  // Set and reset while closed, or with nothing underway.

  mutable absl::Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kClosed;
  bool was_open_ ABSL_GUARDED_BY(mu_) = false;
  int using_ ABSL_GUARDED_BY(mu_) = 0;  // Writes underway, and threads that use the call.
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<v1::PipelineRequest::Operation> queued_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kvd::client
