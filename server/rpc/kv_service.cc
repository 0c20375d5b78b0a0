#include "server/rpc/kv_service.h"

#include <chrono>
#include <optional>
#include <utility>

#include "common/check.h"
#include "server/rpc/convert.h"
#include "server/rpc/unary_call.h"

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

Refusal Overloaded() {
  return {.reason = Reason::kOverloaded,
          .message = "too many requests are queued at the node asked; try again in 50 ms",
          .retry_after = std::chrono::milliseconds(50)};
}

template <typename Request, typename Response>
class KvCall final : public UnaryCall<pb::KV::AsyncService, Request, Response, KvService::Call> {
 public:
  using Base = UnaryCall<pb::KV::AsyncService, Request, Response, KvService::Call>;
  using Method = typename Base::Method;

  static void New(const Method& method, KvService& owner) {
    (new KvCall(method, owner))->Announce();
  }

  void Answer(node::Answer answer) override {
    if (const auto* refusal = std::get_if<Refusal>(&answer.result)) return Refuse(*refusal);
    ToProto(std::move(answer), this->response());
    this->Finish(grpc::Status::OK);
  }

 private:
  KvCall(const Method& method, KvService& owner) : Base(method), owner_(owner) {}

  void AnnounceNext() override { New(this->method(), owner_); }

  void Handle() override {
    Asked asked = FromProto(this->request());
    if (const auto* refusal = std::get_if<Refusal>(&asked)) return Refuse(*refusal);
    const node::CallId id{reinterpret_cast<uintptr_t>(static_cast<KvService::Call*>(this))};
    const bool posted =
        owner_.Post(id, std::get<node::Operation>(std::move(asked)), BudgetOf(this->context()));
    if (!posted) Refuse(Overloaded());
  }

  void Refuse(const Refusal& refusal) { this->Finish(ToGrpc(refusal)); }

  KvService& owner_;
};

}  // namespace

void KvService::Start() {
  using Service = pb::KV::AsyncService;
  for (int i = 0; i < kAnnounced; ++i) {
    KvCall<pb::GetRequest, pb::GetResponse>::New({service_, &Service::RequestGet, loop_}, *this);
    KvCall<pb::PutRequest, pb::PutResponse>::New({service_, &Service::RequestPut, loop_}, *this);
    KvCall<pb::DeleteRequest, pb::DeleteResponse>::New({service_, &Service::RequestDelete, loop_},
                                                       *this);
    KvCall<pb::IncrementRequest, pb::IncrementResponse>::New(
        {service_, &Service::RequestIncrement, loop_}, *this);
    KvCall<pb::BatchRequest, pb::BatchResponse>::New({service_, &Service::RequestBatch, loop_},
                                                     *this);
  }
}

void KvService::Stop() {
  // What was matched before the shutdown is posted first.
  loop_.AwaitReported();
  const auto all_answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return underway_ == 0; };
  absl::MutexLock lock(&mu_, absl::Condition(&all_answered));
}

bool KvService::Post(node::CallId call, node::Operation operation, std::optional<Duration> budget) {
  Posted();
  const bool posted = runtime_.TryPost(
      [call, operation = std::move(operation), budget](node::Node& node, Instant now) mutable {
        node.OnCall(call, std::move(operation), budget, now);
      });
  if (!posted) Answered();
  return posted;
}

void KvService::Answer(node::CallId call, node::Answer answer) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the id is the call's address, see Call.
  reinterpret_cast<Call*>(call.value)->Answer(std::move(answer));
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
