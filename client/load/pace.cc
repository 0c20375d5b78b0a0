#include "client/load/pace.h"

#include <algorithm>
#include <thread>

namespace kvd::load {
namespace {

// So long may Stop() go unheard.
constexpr Duration kNap = std::chrono::milliseconds(100);

}  // namespace

Pace::Pace(Schedule schedule, Duration length)
    : schedule_(schedule), began_at_(std::chrono::steady_clock::now()), end_(length.count()) {}

std::optional<Duration> Pace::AwaitNext() {
  const Duration now = Now();
  if (now >= end()) return std::nullopt;
  const Duration due = schedule_.DueAt(next_.fetch_add(1), now);
  while (true) {
    const Duration left = due - Now();
    if (left <= Duration::zero()) break;
    if (due >= end()) return std::nullopt;
    std::this_thread::sleep_for(std::min(left, kNap));
  }
  begun_.fetch_add(1);
  return due;
}

void Pace::Stop() {
  const Duration::rep now = Now().count();
  Duration::rep end = end_.load();
  while (now < end && !end_.compare_exchange_weak(end, now)) {
  }
}

Duration Pace::Now() const {
  return std::chrono::steady_clock::now() - began_at_;
}

uint64_t Pace::NotBegun() const {
  const uint64_t begun = begun_.load();
  const uint64_t due = schedule_.DueBefore(std::min(Now(), end()));
  return due > begun ? due - begun : 0;
}

}  // namespace kvd::load
