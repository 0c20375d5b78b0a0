#include "server/rpc/calls.h"

#include <utility>

#include "common/check.h"

namespace kvd::rpc {

bool Calls::Post(Call& call, node::Operation operation, std::optional<Duration> budget) {
  Posted();
  const node::CallId id{reinterpret_cast<uintptr_t>(&call)};
  const bool posted = runtime_.TryPost(
      [id, operation = std::move(operation), budget](node::Node& node, Instant now) mutable {
        node.OnCall(id, std::move(operation), budget, now);
      });
  if (!posted) Answered();
  return posted;
}

void Calls::Answer(node::CallId call, node::Answer answer) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the id is the call's address, see Call.
  reinterpret_cast<Call*>(call.value)->Answer(std::move(answer));
  Answered();
}

void Calls::AwaitAnswered() {
  const auto all_answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return underway_ == 0; };
  absl::MutexLock lock(&mu_, absl::Condition(&all_answered));
}

void Calls::Posted() {
  absl::MutexLock lock(&mu_);
  ++underway_;
}

void Calls::Answered() {
  absl::MutexLock lock(&mu_);
  KVD_CHECK_OP(>, underway_, uint64_t{0});
  --underway_;
}

}  // namespace kvd::rpc
