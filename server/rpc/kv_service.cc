#include "server/rpc/kv_service.h"

#include <grpcpp/support/async_unary_call.h>

#include <chrono>
#include <optional>
#include <utility>

#include "common/check.h"
#include "server/rpc/convert.h"

namespace kvd::rpc {
namespace {

// Calls announced to gRPC at any time, per method: what arrives beyond them waits in gRPC.
constexpr int kAnnounced = 64;

// The time the caller still allows; nullopt if it set no deadline.
std::optional<Duration> BudgetOf(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  const auto now = std::chrono::system_clock::now();
  if (deadline - now > std::chrono::hours(24 * 365)) return std::nullopt;
  return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(deadline - now));
}

template <typename Request, typename Response>
class UnaryCall : public KvService::Call {
 public:
  using Service = pb::KV::AsyncService;
  using Announce = void (Service::*)(grpc::ServerContext*, Request*,
                                     grpc::ServerAsyncResponseWriter<Response>*,
                                     grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*);

  // What all calls of a method share.
  struct Method {
    Service& service;
    Announce announce;
    grpc::ServerCompletionQueue& queue;
    runtime::Runtime& runtime;
    KvService& owner;
  };

  // Owns itself: deleted when its answer is out, or when the queue shuts down.
  static void New(const Method& method) {
    auto* call = new UnaryCall(method);
    (method.service.*method.announce)(&call->context_, &call->request_, &call->writer_,
                                      &method.queue, &method.queue, static_cast<Call*>(call));
  }

  void Proceed(bool ok) override {
    if (finishing_ || !ok) {
      delete this;
      return;
    }
    finishing_ = true;  // The next thing the queue says of this call is that its answer is out.
    if (!method_.owner.stopping()) New(method_);
    Asked asked = FromProto(request_);
    if (const auto* refusal = std::get_if<Refusal>(&asked)) return Refuse(*refusal);
    const node::CallId id{reinterpret_cast<uintptr_t>(static_cast<Call*>(this))};
    method_.owner.Posted();
    const bool posted = method_.runtime.TryPost(
        [id, operation = std::get<node::Operation>(std::move(asked)), budget = BudgetOf(context_)](
            node::Node& node, Instant now) mutable {
          node.OnCall(id, std::move(operation), budget, now);
        });
    if (posted) return;
    method_.owner.Answered();
    Refuse(Overloaded());
  }

  void Finish(node::Answer answer) override {
    if (const auto* refusal = std::get_if<Refusal>(&answer.result)) return Refuse(*refusal);
    ToProto(std::move(answer), response_);
    writer_.Finish(response_, grpc::Status::OK, static_cast<Call*>(this));
  }

 private:
  explicit UnaryCall(const Method& method) : method_(method), writer_(&context_) {}

  void Refuse(const Refusal& refusal) {
    writer_.FinishWithError(ToGrpc(refusal), static_cast<Call*>(this));
  }

  static Refusal Overloaded() {
    return {.reason = Reason::kOverloaded,
            .message = "too many requests are queued at the node asked; try again in 50 ms",
            .retry_after = std::chrono::milliseconds(50)};
  }

  const Method method_;
  grpc::ServerContext context_;
  Request request_;
  Response response_;
  grpc::ServerAsyncResponseWriter<Response> writer_;
  bool finishing_ = false;
};

}  // namespace

void KvService::Register(grpc::ServerBuilder& builder) {
  builder.RegisterService(&service_);
  queue_ = builder.AddCompletionQueue();
}

void KvService::Start() {
  using GetCall = UnaryCall<pb::GetRequest, pb::GetResponse>;
  using PutCall = UnaryCall<pb::PutRequest, pb::PutResponse>;
  using DeleteCall = UnaryCall<pb::DeleteRequest, pb::DeleteResponse>;
  using IncrementCall = UnaryCall<pb::IncrementRequest, pb::IncrementResponse>;
  using BatchCall = UnaryCall<pb::BatchRequest, pb::BatchResponse>;
  using Service = pb::KV::AsyncService;
  for (int i = 0; i < kAnnounced; ++i) {
    GetCall::New({service_, &Service::RequestGet, *queue_, runtime_, *this});
    PutCall::New({service_, &Service::RequestPut, *queue_, runtime_, *this});
    DeleteCall::New({service_, &Service::RequestDelete, *queue_, runtime_, *this});
    IncrementCall::New({service_, &Service::RequestIncrement, *queue_, runtime_, *this});
    BatchCall::New({service_, &Service::RequestBatch, *queue_, runtime_, *this});
  }
  thread_ = std::thread([this] { Poll(); });
}

void KvService::Poll() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    if (tag != &last_) {
      static_cast<Call*>(tag)->Proceed(ok);
      continue;
    }
    // Nothing may be started on a queue that was shut down: first what the node still has.
    AwaitAnswers();
    queue_->Shutdown();
  }
}

void KvService::AwaitAnswers() {
  const auto all_answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return underway_ == 0; };
  absl::MutexLock lock(&mu_, absl::Condition(&all_answered));
}

void KvService::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  last_.Set(queue_.get(), gpr_now(GPR_CLOCK_REALTIME), &last_);
  thread_.join();
}

void KvService::Answer(node::CallId call, node::Answer answer) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the id is the call's address, see Call.
  reinterpret_cast<Call*>(call.value)->Finish(std::move(answer));
  Answered();
}

void KvService::Posted() {
  absl::MutexLock lock(&mu_);
  ++underway_;
}

void KvService::Answered() {
  absl::MutexLock lock(&mu_);
  KVD_CHECK_OP(>, underway_, uint64_t{0});
  --underway_;
}

}  // namespace kvd::rpc
