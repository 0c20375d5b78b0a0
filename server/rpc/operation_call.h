// A unary call that is one operation of the node: parsed on the event loop, answered by the shard.
//
// Threading: as UnaryCall.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "server/rpc/calls.h"
#include "server/rpc/convert.h"
#include "server/rpc/unary_call.h"

namespace kvd::rpc {

template <typename Service, typename Request, typename Response>
class OperationCall final : public UnaryCall<Service, Request, Response>, public Calls::Call {
 public:
  using Base = UnaryCall<Service, Request, Response>;
  using Method = typename Base::Method;

  // What a request asks for, or why it is none.
  using Parse = Asked (*)(Request& request);

  static void New(const Method& method, Parse parse, Calls& calls) {
    (new OperationCall(method, parse, calls))->Announce();
  }

  Calls::Batch* Answer(node::Answer answer) override {
    if (const auto* refusal = std::get_if<Refusal>(&answer.result)) {
      Refuse(*refusal);
    } else {
      ToProto(std::move(answer), this->response());
      this->Finish(grpc::Status::OK);
    }
    return nullptr;
  }

 private:
  OperationCall(const Method& method, Parse parse, Calls& calls)
      : Base(method), parse_(parse), calls_(calls) {}

  void AnnounceNext() override { New(this->method(), parse_, calls_); }

  void Handle() override {
    Asked asked = parse_(this->request());
    if (const auto* refusal = std::get_if<Refusal>(&asked)) {
      calls_.metrics().CountMalformed(refusal->reason);
      return Refuse(*refusal);
    }
    const bool posted = calls_.Post({.call = this,
                                     .operation = std::get<node::Operation>(std::move(asked)),
                                     .budget = Budget()});
    if (!posted) Refuse(Calls::Overloaded());
  }

  // The time the caller still allows; nullopt if it set no deadline.
  [[nodiscard]] std::optional<Duration> Budget() const {
    const auto deadline = this->context().deadline();
    const auto now = std::chrono::system_clock::now();
    if (deadline - now > std::chrono::hours(24 * 365)) return std::nullopt;
    return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(deadline - now));
  }

  void Refuse(const Refusal& refusal) { this->Finish(ToGrpc(refusal)); }

  const Parse parse_;
  Calls& calls_;
};

}  // namespace kvd::rpc
