// Decides, from one look after another at what takes its time, when its progress is worth a line;
// and of a job, what to say of the time it took and of how far it came.
//
// Pure: time is the caller's, from when it began to look. Threading: confined to its caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/change.h"

namespace kvd::kvctl {

class Milestones {
 public:
  // A line says what the one before it did not: so much later, or so much further.
  static constexpr Duration kEvery = std::chrono::seconds(5);
  static constexpr uint64_t kStepPercent = 10;

  // True if this look is worth a line: the first one is, and what kEvery and kStepPercent say.
  [[nodiscard]] bool OnLook(uint64_t percent, Duration now);

  // The next look is worth a line.
  void Reset() { said_.reset(); }

 private:
  struct Said {
    uint64_t percent = 0;
    Duration at{};
  };

  std::optional<Said> said_;
};

// How fast something is, from one look at what is done after another.
class Speedometer {
 public:
  // Over which the speed is averaged, so that it can be read.
  static constexpr Duration kWindow = std::chrono::seconds(1);

  // Per second, in the last window that has ended; in the first one, since it began.
  [[nodiscard]] double OnLook(uint64_t done, Duration now);

 private:
  uint64_t done_before_ = 0;
  Duration since_{};
  std::optional<double> per_second_;
};

// Of a job.
class Progress {
 public:
  // True if this look is worth a line: a new state is, and what Milestones say.
  [[nodiscard]] bool OnLook(const client::Job& job, Duration now);

  // How long the job had run at the last look; zero if nobody told. Nodes count from when they
  // began to lead, and know nothing once it has ended: so it is the longest that follows from any
  // look.
  [[nodiscard]] Duration age() const { return age_; }

  // The job when it last went forward: a job that is aborted counts what is to be undone. nullopt:
  // it has not been seen to.
  [[nodiscard]] const std::optional<client::Job>& forward() const { return forward_; }

 private:
  Milestones milestones_;
  std::optional<client::JobState> state_;  // At the last look.
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
