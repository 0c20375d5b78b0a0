// One operation of a pipeline, from its submission to its end: what is asked, under which name, and
// how its tries went.
//
// Threading: confined to its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "client/client.h"
#include "client/resolve.h"
#include "client/result.h"
#include "client/retry.h"
#include "kvd/v1/kv.pb.h"

namespace kvd::client {

class Lane;

class PipelineOperation {
 public:
  using Request = v1::PipelineRequest::Operation;

  struct Answered {
    v1::PipelineResponse::Answer answer;
    std::string endpoint;
    Duration took{};  // Of the try that was sent last.
  };

  struct Asking {
    Request request;
    bool writes = false;
    RepeatOptions options;
    absl::AnyInvocable<void(Result<Answered>)> finish;
  };

  // `timeout`, `try_timeout`: zero for no limit.
  PipelineOperation(Asking asking, Duration timeout, Duration try_timeout, Deadline now);

  Asking asking;
  const Duration timeout;
  const Duration try_timeout;
  const Deadline deadline;
  RequestId id;  // Of a write.

  Lane* at = nullptr;  // With whom the last try is. nullptr: the next one begins at `next_at`.
  Deadline sent_at;
  Deadline next_at;                   // Else the last try may be over then.
  std::set<const Lane*> passed_over;  // In this round.
  std::set<const Lane*> never_there;

  [[nodiscard]] bool owns_id() const { return asking.writes && !asking.options.request_id; }
  [[nodiscard]] const std::string& key() const;

  // Begins a try: what to send for it.
  [[nodiscard]] Request Try(uint64_t tag, Deadline now);

  // How long the node may be silent about the last try; zero: for ever.
  [[nodiscard]] Duration TryTimeout() const { return retry_ ? retry_->TryTimeout() : try_timeout; }

  // What went wrong so far, and what follows from it.
  [[nodiscard]] Retry& retry();

  // Why it ends without an answer. REQUIRES: retry() knows of something that went wrong.
  [[nodiscard]] Error Conclude();

 private:
  std::optional<Retry> retry_;
};

}  // namespace kvd::client
