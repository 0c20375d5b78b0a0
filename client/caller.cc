#include "client/caller.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "client/from_proto.h"
#include "client/grpc_time.h"
#include "client/translate.h"
#include "config/units.h"

namespace kvd::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

Deadline After(Duration timeout) {
  return timeout == Duration::zero() ? Deadline::max() : SteadyClock::now() + timeout;
}

}  // namespace

// One operation from its first try to its end.
class Caller::Operation {
 public:
  Operation(Caller& caller, const Plan& plan, const Send& send)
      : caller_(caller),
        plan_(plan),
        send_(send),
        deadline_(After(plan.timeout)),
        retry_({.writes = plan.writes,
                .sent_before = plan.request_id.has_value(),
                .persistent = plan.persistent,
                .timeout = plan.timeout,
                .try_timeout = caller.try_timeout_},
               /*seed=*/static_cast<uint64_t>(SteadyClock::now().time_since_epoch().count())) {
    if (plan.request_id) id_ = *plan.request_id;
    if (!OwnsId()) return;
    id_ = caller_.write_ids_.Begin();
    id_.base = caller_.bases_.Of(plan.key);
  }

  Result<Answered> Run() {
    while (true) {
      if (!HasTime(retry_.LeastTime())) return GiveUp();
      auto connected = caller_.failover_.Connect(passed_over_, deadline_);
      if (connected.ok()) {
        if (auto result = Try(*connected)) return *std::move(result);
        continue;
      }
      retry_.OnUnreachable(connected.error());
      if (!retry_.MayAskAgain(caller_.failover_.has_connected())) return GiveUp();
      if (!Sleep(retry_.Pause())) return GiveUp();
      passed_over_ = never_here_;
    }
  }

 private:
  [[nodiscard]] bool OwnsId() const { return plan_.writes && !plan_.request_id; }

  [[nodiscard]] bool HasTime(Duration time) const {
    return deadline_ == Deadline::max() || time == Duration::zero() ||
           deadline_ - SteadyClock::now() > time;
  }

  // False: the deadline comes first.
  [[nodiscard]] bool Sleep(Duration pause) const {
    if (!HasTime(pause)) return false;
    std::this_thread::sleep_for(pause);
    return true;
  }

  // Sends once. nullopt: once more.
  std::optional<Result<Answered>> Try(const std::shared_ptr<Connection>& at) {
    grpc::ClientContext context;
    context.set_deadline(ToGrpc(TryDeadline()));
    const auto sent_at = SteadyClock::now();
    const grpc::Status status = send_(*at, context, id_);
    if (status.ok()) {
      if (OwnsId()) caller_.write_ids_.Finish(id_);
      return Answered{.endpoint = at->name, .took = SteadyClock::now() - sent_at};
    }
    const Error error = Translate(status, {plan_.writes, at->name});
    const Retry::Step step = retry_.OnError(error);
    if (step == Retry::Step::kStop || SteadyClock::now() >= deadline_) return GiveUp();
    // What broke or is silent is not worth another try while there is something else.
    if (!error.reason) caller_.failover_.Forget(at);
    if (!Prepare(step, *at, error)) return GiveUp();
    return std::nullopt;
  }

  // The whole time, unless another endpoint could use what is left.
  [[nodiscard]] Deadline TryDeadline() const {
    const Duration limit = retry_.TryTimeout();
    const bool last = passed_over_.size() + 1 >= caller_.failover_.size();
    if (limit == Duration::zero() || (!plan_.persistent && last)) return deadline_;
    return std::min(deadline_, SteadyClock::now() + limit);
  }

  // False: there is no time for another try.
  bool Prepare(Retry::Step step, const Connection& at, const Error& error) {
    switch (step) {
      case Retry::Step::kHere:
        return Sleep(retry_.Pause());
      case Retry::Step::kNewBase:
        if (!RaiseBase(at, error)) passed_over_.insert(at.endpoint);
        return true;
      case Retry::Step::kNeverHere:
        never_here_.insert(at.endpoint);
        passed_over_.insert(at.endpoint);
        return true;
      case Retry::Step::kElsewhere: {
        // A connection may be found broken that was idle while its node restarted: one more chance.
        const bool broke = !error.reason && !error.timed_out;
        if (!broke || !broke_once_.insert(at.endpoint).second) passed_over_.insert(at.endpoint);
        return true;
      }
      case Retry::Step::kStop:
        return false;
    }
    return false;
  }

  // True if a newer base than before was found.
  bool RaiseBase(const Connection& at, const Error& refusal) {
    const Index before = id_.base;
    if (const auto told = refusal.metadata.find("base"); told != refusal.metadata.end()) {
      if (const auto base = config::ParseNumber(told->second); base.ok()) {
        id_.base = std::max(id_.base, *base);
      }
    }
    if (id_.base == before && caller_.FetchBases(at, TryDeadline())) {
      id_.base = std::max(id_.base, caller_.bases_.Of(plan_.key));
    }
    return id_.base > before;
  }

  Result<Answered> GiveUp() {
    Error error = retry_.Conclude(plan_.writes ? id_.ToString() : "");
    if (!OwnsId()) return error;
    if (error.kind == ErrorKind::kOutcomeUnknown) {
      caller_.write_ids_.Abandon(id_);
    } else {
      caller_.write_ids_.Finish(id_);
    }
    return error;
  }

  Caller& caller_;
  const Plan& plan_;
  const Send& send_;
  const Deadline deadline_;
  Retry retry_;
  RequestId id_;
  std::set<size_t> passed_over_;  // In this round.
  std::set<size_t> never_here_;
  std::set<size_t> broke_once_;
};

Caller::Caller(Options options)
    : try_timeout_(options.try_timeout),
      failover_(std::move(options.endpoints), std::move(options.credentials), options.tls),
      write_ids_(DrawClientNumber) {}

Result<Caller::Answered> Caller::Run(const Plan& plan, const Send& send) {
  return Operation(*this, plan, send).Run();
}

bool Caller::FetchBases(const Connection& at, Deadline deadline) {
  grpc::ClientContext context;
  context.set_deadline(ToGrpc(deadline));
  v1::GetRingResponse response;
  if (!at.cluster->GetRing(&context, {}, &response).ok()) return false;
  const auto ring = FromProto(response);
  if (ring) bases_.Learn(*ring);
  return ring.has_value();
}

}  // namespace kvd::client
