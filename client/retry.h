// Decides, from how the tries of one operation ended, whether there is another one, where and when;
// and, when there is none, what is known of the operation as a whole.
//
// The rule for writes: once a try has ended without a definite answer, the write may be applied,
// and only a definite answer to a try under the same request id changes that. A refusal speaks of
// the refused try alone.
//
// Pure: time is the caller's. Threading: confined to its caller.
#pragma once

#include <optional>
#include <string>

#include "client/error.h"
#include "common/clock.h"
#include "common/random.h"

namespace kvd::client {

class Retry {
 public:
  static constexpr Duration kFirstPause = std::chrono::milliseconds(5);
  static constexpr Duration kLongestPause = std::chrono::milliseconds(50);
  static constexpr Duration kLeastTime = std::chrono::milliseconds(50);

  struct Options {
    bool writes = false;

    // The request id is the caller's: it was probably sent before, nobody knows with what result.
    bool sent_before = false;

    // Try again until the deadline, not only once at each endpoint.
    bool persistent = false;

    Duration timeout{};      // Of the whole operation; for people.
    Duration try_timeout{};  // Of the first try; zero: no limit.
  };

  enum class Step {
    kStop,       // Conclude().
    kElsewhere,  // Another endpoint may do better.
    kNeverHere,  // This endpoint never will.
    kHere,       // After Pause(), at the same endpoint.
    kNewBase,    // Nothing was applied; the base is too old.
  };

  Retry(const Options& options, uint64_t seed);

  // A try ended so.
  [[nodiscard]] Step OnError(const Error& error);

  // No endpoint could be connected to.
  void OnUnreachable(const Error& error);

  // All endpoints that could be asked have been asked; may they be asked again?
  // `has_connected`: somebody was reached at some time, if not by this operation.
  [[nodiscard]] bool MayAskAgain(bool has_connected) const;

  // How long to wait before asking again: what the node asked for, or a little longer every time.
  [[nodiscard]] Duration Pause();

  // How long the next try may take: twice as long after every one that was too short; zero: no
  // limit.
  [[nodiscard]] Duration TryTimeout() const;

  // The time without which another try does more harm than good: cut short, it would turn a write
  // that is known to be refused into one that nobody knows about.
  [[nodiscard]] Duration LeastTime() const;

  // What is known of an operation that ended without an answer. `request_id` is its name as text,
  // empty if it has none. REQUIRES: OnError() or OnUnreachable() was called.
  [[nodiscard]] Error Conclude(const std::string& request_id) const;

 private:
  [[nodiscard]] Step OnRefusal(const Error& error);
  [[nodiscard]] Error Unknown(const std::string& request_id) const;

  const Options options_;
  Random random_;
  std::optional<Error> last_;          // Of the last try that reached somebody.
  std::optional<Error> last_refusal_;  // What a node said is worth more than silence.
  std::optional<Error> unreachable_;
  bool unanswered_ = false;  // A write was sent that may be applied.
  bool stopped_ = false;     // Not for want of time.
  int timeouts_ = 0;
  Duration pause_ = kFirstPause;
  std::optional<Duration> asked_for_;
};

}  // namespace kvd::client
