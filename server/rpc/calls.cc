#include "server/rpc/calls.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "common/check.h"

namespace kvd::rpc {
namespace {

node::CallId IdOf(const Calls::Call* call) {
  return node::CallId{reinterpret_cast<uintptr_t>(call)};
}

}  // namespace

bool Calls::Post(Asking asking) {
  Call& call = *asking.call;
  Begin(asking, clock_.Now());
  const uint32_t shard = runtime_.ShardFor(asking.operation);
  auto event = [asking = std::move(asking)](node::Node& node, Instant now) mutable {
    node.OnCall(IdOf(asking.call), std::move(asking.operation), asking.budget, now);
  };
  if (PostEvent(shard, 1, std::move(event))) return true;
  Overload(call, clock_.Now());
  return false;
}

std::vector<Calls::Call*> Calls::Post(std::vector<Asking> asking) {
  const Instant begun = clock_.Now();
  for (const Asking& one : asking) Begin(one, begun);
  std::vector<std::vector<Asking>> dealt(runtime_.shards());
  if (dealt.size() == 1) {
    dealt.front() = std::move(asking);
  } else {
    for (Asking& one : asking) dealt[runtime_.ShardFor(one.operation)].push_back(std::move(one));
  }
  std::vector<Call*> refused;
  for (uint32_t shard = 0; shard < dealt.size(); ++shard) {
    std::vector<Call*> calls;
    for (const Asking& one : dealt[shard]) calls.push_back(one.call);
    if (calls.empty()) continue;
    auto event = [mine = std::move(dealt[shard])](node::Node& node, Instant now) mutable {
      for (Asking& one : mine) {
        node.OnCall(IdOf(one.call), std::move(one.operation), one.budget, now);
      }
    };
    if (PostEvent(shard, calls.size(), std::move(event))) continue;
    for (const Call* call : calls) Overload(*call, begun);
    refused.insert(refused.end(), calls.begin(), calls.end());
  }
  return refused;
}

void Calls::Begin(const Asking& asking, Instant now) {
  asking.call->begun_ = metrics_.Begin(asking.operation, now);
}

void Calls::Overload(const Call& call, Instant now) {
  metrics_.End(call.begun_, Reason::kOverloaded, now);
}

bool Calls::PostEvent(uint32_t shard, uint64_t operations, runtime::Runtime::Event event) {
  {
    absl::MutexLock lock(&mu_);
    underway_ += operations;
  }
  const bool posted = runtime_.TryPost(shard, std::move(event));
  if (!posted) Answered(operations);
  return posted;
}

Refusal Calls::Overloaded() {
  return {.reason = Reason::kOverloaded,
          .message = "too many requests are queued at the node asked; try again in 50 ms",
          .retry_after = std::chrono::milliseconds(50)};
}

void Calls::Answer(std::vector<node::CallAnswer> answers) {
  const Instant now = clock_.Now();
  std::vector<std::pair<Batch*, uint64_t>> batches;
  for (node::CallAnswer& one : answers) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the id is the call's address, see Call.
    auto* call = reinterpret_cast<Call*>(one.first.value);
    const auto* refusal = std::get_if<Refusal>(&one.second.result);
    metrics_.End(call->begun_, refusal == nullptr ? std::nullopt : std::optional(refusal->reason),
                 now);
    Batch* batch = call->Answer(std::move(one.second));
    if (batch == nullptr) continue;
    const auto known = std::ranges::find(batches, batch, &std::pair<Batch*, uint64_t>::first);
    auto& [to, count] = known != batches.end() ? *known : batches.emplace_back(batch, 0);
    ++count;
  }
  for (const auto& [batch, count] : batches) batch->Send(count);
  Answered(answers.size());
}

void Calls::AwaitAnswered() {
  const auto all_answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return underway_ == 0; };
  absl::MutexLock lock(&mu_, absl::Condition(&all_answered));
}

void Calls::Answered(uint64_t operations) {
  absl::MutexLock lock(&mu_);
  KVD_CHECK_OP(>=, underway_, operations);
  underway_ -= operations;
}

}  // namespace kvd::rpc
