// One stream of KV.Pipeline: reads operations and posts them a message at a time, and sends what is
// answered, as much as there is, whenever the last write is done. One read and one write are
// outstanding at a time. Reads on while little enough of it is underway: a client that sends faster
// than it is served, or does not read its answers, is slowed down by HTTP/2's flow control.
//
// Threading: Send() and answers on any thread, the rest on the loop's. Never calls gRPC with its
// lock held.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kvd/v1/kv.grpc.pb.h"
#include "server/rpc/calls.h"
#include "server/rpc/event_loop.h"

namespace kvd::rpc {

class PipelineCall;

// What the streams of a service share. Threading: the loop's.
struct Pipelines {
  EventLoop& loop;
  Calls& calls;
  std::set<PipelineCall*> open = {};
  bool stopping = false;
};

// Owns itself: deleted when the stream has ended and the node has answered all of it.
class PipelineCall final : public Calls::Batch {
 public:
  // Operations of one message.
  static constexpr int kMaxOperations = 1000;

  // Nothing more is read while so many operations are underway, or so many bytes of answers wait.
  static constexpr size_t kEnoughUnderway = 1000;
  static constexpr uint64_t kEnoughBytes = uint64_t{1} << 20U;

  // Announces the next stream to gRPC.
  static void New(::kvd::v1::KV::AsyncService& service, Pipelines& pipelines);

  void Send(uint64_t answered) override ABSL_LOCKS_EXCLUDED(mu_);

  // Reads nothing more; ends the stream when what is underway is answered.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Request = ::kvd::v1::PipelineRequest;
  using Response = ::kvd::v1::PipelineResponse;
  class Operation;
  enum class Step { kNone, kRead, kWrite, kFinish };
  struct Message {
    Response response;
    uint64_t bytes = 0;
  };

  PipelineCall(::kvd::v1::KV::AsyncService& service, Pipelines& pipelines)
      : service_(service), pipelines_(pipelines) {}
  ~PipelineCall() override;

  void Began(bool ok);
  void Read(bool ok) ABSL_LOCKS_EXCLUDED(mu_);
  void PostAll() ABSL_LOCKS_EXCLUDED(mu_);
  void Post(std::vector<Calls::Asking> asking) ABSL_LOCKS_EXCLUDED(mu_);
  void Written(bool ok) ABSL_LOCKS_EXCLUDED(mu_);
  void Finished() ABSL_LOCKS_EXCLUDED(mu_);

  void Answered(Response::Answer answer) ABSL_LOCKS_EXCLUDED(mu_);
  void Collect(Response::Answer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Starts what is to be started. The caller has counted itself among the `starting_`: the call is
  // not deleted before this, but may be when it returns.
  void GoOn() ABSL_LOCKS_EXCLUDED(mu_);
  [[nodiscard]] Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Start(Step step);

  ::kvd::v1::KV::AsyncService& service_;
  Pipelines& pipelines_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<Response, Request> stream_{&context_};
  Tag began_{[this](bool ok) { Began(ok); }};
  Tag read_{[this](bool ok) { Read(ok); }};
  Tag written_{[this](bool ok) { Written(ok); }};
  Tag end_{[this](bool) { Finished(); }};
  Request request_;    // Of the read that is outstanding.
  Response response_;  // Of the write.
  grpc::Status status_;

  absl::Mutex mu_;
  std::deque<Message> waiting_ ABSL_GUARDED_BY(mu_);  // All but the last are full.
  uint64_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t underway_ ABSL_GUARDED_BY(mu_) = 0;  // Operations that Send() was not called for yet.
  int starting_ ABSL_GUARDED_BY(mu_) = 0;       // Threads that may yet use the stream.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;    // Nothing more is read,
  bool broken_ ABSL_GUARDED_BY(mu_) = false;  // nor written.
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kvd::rpc
