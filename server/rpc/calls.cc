#include "server/rpc/calls.h"

#include <algorithm>
#include <chrono>

#include "common/check.h"

namespace kvd::rpc {
namespace {

node::CallId IdOf(const Calls::Call* call) {
  return node::CallId{reinterpret_cast<uintptr_t>(call)};
}

}  // namespace

bool Calls::Post(Asking asking) {
  return PostEvent(1, [asking = std::move(asking)](node::Node& node, Instant now) mutable {
    node.OnCall(IdOf(asking.call), std::move(asking.operation), asking.budget, now);
  });
}

bool Calls::Post(std::vector<Asking> asking) {
  const uint64_t operations = asking.size();
  return PostEvent(operations, [asking = std::move(asking)](node::Node& node, Instant now) mutable {
    for (Asking& one : asking) {
      node.OnCall(IdOf(one.call), std::move(one.operation), one.budget, now);
    }
  });
}

bool Calls::PostEvent(uint64_t operations, runtime::Runtime::Event event) {
  {
    absl::MutexLock lock(&mu_);
    underway_ += operations;
  }
  const bool posted = runtime_.TryPost(std::move(event));
  if (!posted) Answered(operations);
  return posted;
}

Refusal Calls::Overloaded() {
  return {.reason = Reason::kOverloaded,
          .message = "too many requests are queued at the node asked; try again in 50 ms",
          .retry_after = std::chrono::milliseconds(50)};
}

void Calls::Answer(std::vector<node::CallAnswer> answers) {
  std::vector<Batch*> batches;
  for (node::CallAnswer& one : answers) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the id is the call's address, see Call.
    Batch* batch = reinterpret_cast<Call*>(one.first.value)->Answer(std::move(one.second));
    if (batch == nullptr || std::ranges::find(batches, batch) != batches.end()) continue;
    batches.push_back(batch);
  }
  for (Batch* batch : batches) batch->Send();
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
