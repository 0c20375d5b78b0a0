// One call of a unary method, from its announcement to gRPC to the end of its answer, on the event
// loop. Announces the next one when it begins.
//
// Threading: the loop's; Finish() on any thread.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include "server/rpc/event_loop.h"

namespace kvd::rpc {

// Owns itself: deleted when its answer is out, or when its server shuts down.
template <typename Service, typename Request, typename Response>
class UnaryCall : public Completion {
 public:
  // What all calls of a method share.
  struct Method {
    Service& service;
    void (Service::*announce)(grpc::ServerContext*, Request*,
                              grpc::ServerAsyncResponseWriter<Response>*, grpc::CompletionQueue*,
                              grpc::ServerCompletionQueue*, void*);
    EventLoop& loop;
  };

  void Proceed(bool ok) final {
    if (finishing_ || !ok) {
      delete this;
      return;
    }
    finishing_ = true;  // The next thing the queue says of this call is that its answer is out.
    AnnounceNext();
    Handle();
  }

 protected:
  explicit UnaryCall(const Method& method) : method_(method), writer_(&context_) {}

  void Announce() {
    auto* queue = &method_.loop.queue();
    (method_.service.*method_.announce)(&context_, &request_, &writer_, queue, queue,
                                        static_cast<Completion*>(this));
  }

  // Makes the method's next call and announces it.
  virtual void AnnounceNext() = 0;

  // The request is there: call Finish() once, now or later.
  virtual void Handle() = 0;

  // Sends response() if `status` is OK. Nothing may touch the call afterwards.
  void Finish(const grpc::Status& status) {
    auto* tag = static_cast<Completion*>(this);
    status.ok() ? writer_.Finish(response_, status, tag) : writer_.FinishWithError(status, tag);
  }

  [[nodiscard]] const Method& method() const { return method_; }
  [[nodiscard]] const grpc::ServerContext& context() const { return context_; }
  [[nodiscard]] Request& request() { return request_; }
  [[nodiscard]] Response& response() { return response_; }

 private:
  const Method method_;
  grpc::ServerContext context_;
  Request request_;
  Response response_;
  grpc::ServerAsyncResponseWriter<Response> writer_;
  bool finishing_ = false;
};

}  // namespace kvd::rpc
