#include "client/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "config/units.h"

namespace kvd::client {
namespace {

constexpr int kMostDoublings = 6;

// What is left of a timeout is no round figure; people know the round one.
std::string NoAnswer(Duration timeout) {
  const Duration unit =
      timeout < std::chrono::seconds(1) ? Duration(1'000'000) : Duration(100'000'000);
  const Duration rounded = std::max(unit, (timeout + unit / 2) / unit * unit);
  return "no answer after " + config::FormatDuration(rounded);
}

}  // namespace

Retry::Retry(const Options& options, uint64_t seed) : options_(options), random_(seed) {}

Retry::Step Retry::OnError(const Error& error) {
  last_ = error;
  asked_for_ = error.retry_after;
  if (error.kind == ErrorKind::kRefused) return OnRefusal(error);
  if (error.kind == ErrorKind::kFault) {
    last_refusal_ = error;  // It answered, if not as it should.
    return Step::kNeverHere;
  }
  if (error.kind == ErrorKind::kBadRequest) {
    stopped_ = true;
    return Step::kStop;
  }
  if (error.kind == ErrorKind::kOutcomeUnknown) unanswered_ = true;
  if (error.timed_out) timeouts_ = std::min(timeouts_ + 1, kMostDoublings);
  return Step::kElsewhere;
}

Retry::Step Retry::OnRefusal(const Error& error) {
  last_refusal_ = error;
  switch (error.reason.value_or(Reason::kInternal)) {
    case Reason::kNoMajority:
    case Reason::kNodeDraining:
    case Reason::kNodeJoining:
    case Reason::kNotOwner:
      return Step::kElsewhere;
    case Reason::kOverloaded:
      return error.retry_after && options_.persistent ? Step::kHere : Step::kElsewhere;
    case Reason::kBaseTooOld:
      if (options_.writes && !options_.sent_before && !unanswered_) return Step::kNewBase;
      break;
    default:
      break;
  }
  stopped_ = true;
  return Step::kStop;
}

void Retry::OnUnreachable(const Error& error) {
  unreachable_ = error;
}

bool Retry::MayAskAgain(bool has_connected) const {
  if (!options_.persistent) return false;
  if (!last_) return has_connected;
  // A cluster that is not founded yet will not be within a request's time.
  const bool joining = last_refusal_ && last_refusal_->reason == Reason::kNodeJoining;
  // An endpoint that is not kvd will not become it.
  const bool foreign = last_->kind == ErrorKind::kFault;
  return unanswered_ || !(joining || foreign);
}

Duration Retry::Pause() {
  if (asked_for_) return *std::exchange(asked_for_, std::nullopt);
  const auto longest = static_cast<uint64_t>(pause_.count());
  pause_ = std::min(2 * pause_, kLongestPause);
  return Duration(static_cast<int64_t>(random_.Between(longest / 2, longest)));
}

Duration Retry::TryTimeout() const {
  return options_.try_timeout * (1 << timeouts_);
}

Duration Retry::LeastTime() const {
  return options_.writes && last_refusal_ && !unanswered_ ? kLeastTime : Duration::zero();
}

Error Retry::Conclude(const std::string& request_id) const {
  KVD_CHECK(last_ || unreachable_, "a conclusion from something");
  if (!last_) return *unreachable_;
  const bool base_lost = last_->reason == Reason::kBaseTooOld;
  if (unanswered_ || (options_.sent_before && (!stopped_ || base_lost))) {
    return Unknown(request_id);
  }
  if (last_refusal_) return *last_refusal_;
  if (last_->timed_out) {
    Error error = *last_;
    error.message = fmt::format("{} from {}", NoAnswer(options_.timeout), last_->endpoint);
    return error;
  }
  return unreachable_ ? *unreachable_ : *last_;
}

Error Retry::Unknown(const std::string& request_id) const {
  Error error = *last_;
  error.kind = ErrorKind::kOutcomeUnknown;
  error.retry_after.reset();
  const bool refused = last_->kind == ErrorKind::kRefused;
  // The time is what a caller knows; what happened last explains it, if it is not just silence.
  const std::string why = stopped_ ? last_->message
                          : last_->timed_out
                              ? NoAnswer(options_.timeout)
                              : fmt::format("{} ({})", NoAnswer(options_.timeout), last_->message);
  error.message = fmt::format("{}; {}the write may or may not be applied", why,
                              refused && stopped_ ? "but it was sent before: " : "");
  error.reason = Reason::kOutcomeUnknown;
  // Once the record of it is gone, sending it again can tell nothing.
  const bool repeatable = !request_id.empty() && last_->reason != Reason::kBaseTooOld;
  if (repeatable) error.metadata["request_id"] = request_id;
  return error;
}

}  // namespace kvd::client
