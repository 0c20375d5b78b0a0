#include "client/pipeline_operation.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace kvd::client {
namespace {

using Request = PipelineOperation::Request;

Deadline After(Deadline now, Duration timeout) {
  return timeout == Duration::zero() ? Deadline::max() : now + timeout;
}

v1::RequestId& IdIn(Request& request) {
  switch (request.request_case()) {
    case Request::kPut:
      return *request.mutable_put()->mutable_request_id();
    case Request::kDelete:
      return *request.mutable_delete_()->mutable_request_id();
    case Request::kIncrement:
      return *request.mutable_increment()->mutable_request_id();
    default:
      return *request.mutable_batch()->mutable_request_id();
  }
}

uint32_t Milliseconds(Duration time) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(whole, 1, kMost));
}

}  // namespace

PipelineOperation::PipelineOperation(Asking asked, Duration timeout_, Duration try_timeout_,
                                     Deadline now)
    : asking(std::move(asked)),
      timeout(timeout_),
      try_timeout(try_timeout_),
      deadline(After(now, timeout_)),
      next_at(now) {
  if (asking.writes && asking.options.request_id) id = *asking.options.request_id;
}

const std::string& PipelineOperation::key() const {
  switch (asking.request.request_case()) {
    case Request::kPut:
      return asking.request.put().key();
    case Request::kDelete:
      return asking.request.delete_().key();
    case Request::kIncrement:
      return asking.request.increment().key();
    case Request::kBatch:
      return asking.request.batch().items(0).key();
    default:
      return asking.request.get().key();
  }
}

Request PipelineOperation::Try(uint64_t tag, Deadline now) {
  sent_at = now;
  next_at = std::min(deadline, After(now, TryTimeout()));
  Request request = asking.request;
  request.set_tag(tag);
  if (deadline != Deadline::max()) request.set_timeout_ms(Milliseconds(deadline - now));
  if (!asking.writes) return request;
  v1::RequestId& name = IdIn(request);
  name.set_client(id.client);
  name.set_sequence(id.sequence);
  name.set_done_below(id.done_below);
  name.set_base(id.base);
  return request;
}

Retry& PipelineOperation::retry() {
  if (retry_) return *retry_;
  const Retry::Options options{.writes = asking.writes,
                               .sent_before = asking.options.request_id.has_value(),
                               .persistent = true,
                               .timeout = timeout,
                               .try_timeout = try_timeout};
  return retry_.emplace(options,
                        /*seed=*/static_cast<uint64_t>(sent_at.time_since_epoch().count()));
}

Error PipelineOperation::Conclude() {
  return retry().Conclude(asking.writes ? id.ToString() : "");
}

}  // namespace kvd::client
