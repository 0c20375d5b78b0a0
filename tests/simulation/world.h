// What a simulated cluster lives in: virtual time, chance, the trace of what happened, and the
// verdict on it. Everything that happens is an event of this queue, ordered by time and then by
// when it was asked for, so that a seed decides a run completely.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/random.h"

namespace kvd::simulation {

// The exit codes of kvsim.
enum class FailureKind : int { kCrash = 127, kNoProgress = 128, kWrong = 129 };

struct Failure {
  FailureKind kind = FailureKind::kWrong;
  std::string what;
  Duration at{};  // Since the world began.
};

class World {
 public:
  using Action = std::function<void()>;

  World(uint64_t seed, bool prints_trace) : random_(seed), prints_trace_(prints_trace) {}

  // Since the world began.
  [[nodiscard]] Duration now() const { return now_; }
  [[nodiscard]] Random& random() { return random_; }

  // Uniform in [low, high].
  [[nodiscard]] Duration Between(Duration low, Duration high);

  // `action` happens after `delay`, behind everything asked for earlier for that time.
  void After(Duration delay, Action action);

  // Lets the next event happen. False if there is none, or the world has failed.
  bool Step();

  // Notes what happened. Part of the digest, and printed if the world prints its trace.
  void Trace(std::string_view who, std::string_view what);

  // Ends the run. The first failure stands.
  void Fail(FailureKind kind, std::string what);

  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

  // Equal for two runs only if they took the same course.
  [[nodiscard]] uint64_t digest() const { return digest_; }

 private:
  struct Event {
    Duration at;
    uint64_t sequence;
    Action action;

    friend bool operator<(const Event& a, const Event& b) {  // The queue wants its first last.
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  Random random_;
  const bool prints_trace_;
  Duration now_{};
  uint64_t sequence_ = 0;
  uint64_t steps_at_now_ = 0;
  uint64_t digest_ = 0;
  std::priority_queue<Event> events_;
  std::optional<Failure> failure_;
};

// "12.345 s".
[[nodiscard]] std::string ForPeople(Duration time);

}  // namespace kvd::simulation
