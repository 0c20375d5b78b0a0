// Decides, from one look at a job after another, when its progress is worth a line, and what to say
// of the time it took and of how far it came.
//
// Pure: time is the caller's, from when it began to look. Threading: confined to its caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/change.h"

namespace kvd::kvctl {

class Progress {
 public:
  // A line says what the one before it did not: so much later, or so much further.
  static constexpr Duration kEvery = std::chrono::seconds(5);
  static constexpr uint64_t kStepPercent = 10;

  // True if this look is worth a line: the first one is, a new state is, and what kEvery and
  // kStepPercent say.
  [[nodiscard]] bool OnLook(const client::Job& job, Duration now);

  // How long the job had run at the last look; zero if nobody told. Nodes count from when they
  // began to lead, and know nothing once it has ended: so it is the longest that follows from any
  // look.
  [[nodiscard]] Duration age() const { return age_; }

  // The job when it last went forward: a job that is aborted counts what is to be undone. nullopt:
  // it has not been seen to.
  [[nodiscard]] const std::optional<client::Job>& forward() const { return forward_; }

 private:
  struct Said {
    client::JobState state;
    uint64_t percent = 0;
    Duration at{};
  };

  std::optional<Said> said_;
  std::optional<client::Job> forward_;
  std::optional<Duration> born_at_;  // By the looks so far: below zero, if it had begun before.
  Duration age_{};
};

// How long to go on asking when nobody answers.
class Patience {
 public:
  static constexpr Duration kLimit = std::chrono::seconds(10);

  void OnAnswer() { silent_since_.reset(); }

  // True if nobody has answered for too long.
  [[nodiscard]] bool OnSilence(Duration now);

 private:
  std::optional<Duration> silent_since_;
};

}  // namespace kvd::kvctl
