#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "common/check.h"
#include "common/hash.h"

namespace kvd::simulation {
namespace {

// Events without the time moving on: something runs in circles.
constexpr uint64_t kMaxStepsAtOnce = 1'000'000;

}  // namespace

Duration World::Between(Duration low, Duration high) {
  const auto span = static_cast<uint64_t>((high - low).count());
  return low + Duration(static_cast<int64_t>(random_.Below(span + 1)));
}

void World::After(Duration delay, Action action) {
  KVD_CHECK(delay >= Duration::zero(), "nothing happens in the past");
  events_.push({now_ + delay, ++sequence_, std::move(action)});
}

bool World::Step() {
  if (events_.empty() || failure_) return false;
  // The queue only shows its first element; it is popped before anyone can look again.
  Event event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  steps_at_now_ = event.at == now_ ? steps_at_now_ + 1 : 0;
  if (steps_at_now_ > kMaxStepsAtOnce) {
    Fail(FailureKind::kNoProgress, "time stands still: a million events at one instant");
    return false;
  }
  now_ = event.at;
  digest_ = (digest_ ^ static_cast<uint64_t>(now_.count())) * 0x9e3779b97f4a7c15U;
  event.action();
  return true;
}

void World::Trace(std::string_view who, std::string_view what) {
  const std::string line = fmt::format("{:>11} {:<7} {}", ForPeople(now_), who, what);
  digest_ = (digest_ ^ Hash64(line)) * 0x9e3779b97f4a7c15U;
  if (prints_trace_) std::printf("%s\n", line.c_str());
}

void World::Fail(FailureKind kind, std::string what) {
  if (failure_) return;
  Trace("FAILED", what);
  failure_ = Failure{kind, std::move(what), now_};
}

std::string ForPeople(Duration time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return fmt::format("{}.{:06} s", us / 1'000'000, us % 1'000'000);
}

}  // namespace kvd::simulation
