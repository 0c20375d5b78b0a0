#include "client/load/schedule.h"

#include "common/check.h"

namespace kvd::load {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

Schedule::Schedule(std::optional<uint64_t> per_second) : per_second_(per_second) {
  KVD_CHECK(!per_second || (*per_second >= 1 && *per_second <= kMaxPerSecond),
            "a rate that can be kept");
}

// Whole seconds apart, so that nothing overflows and no error grows.
Duration Schedule::DueAt(uint64_t number, Duration now) const {
  if (!per_second_) return now;
  return Duration(number / *per_second_ * kSecond + number % *per_second_ * kSecond / *per_second_);
}

uint64_t Schedule::DueBefore(Duration end) const {
  if (!per_second_ || end <= Duration::zero()) return 0;
  // Number n is due at floor(n / rate): before `end` are those below end * rate, rounded up.
  const auto ns = static_cast<uint64_t>(end.count());
  return ns / kSecond * *per_second_ + (ns % kSecond * *per_second_ + kSecond - 1) / kSecond;
}

}  // namespace kvd::load
