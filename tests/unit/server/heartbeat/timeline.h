// What the tests of this room are written in: a hand-written timeline in milliseconds, at one node
// watching peers 2, 3 and 4. No test sleeps.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/heartbeat/failure_detector.h"

namespace kvd::heartbeat {

inline constexpr NodeId kPeer2{2};
inline constexpr NodeId kPeer3{3};
inline constexpr NodeId kPeer4{4};

constexpr Duration Ms(int64_t ms) {
  return std::chrono::milliseconds(ms);
}
constexpr Instant At(int64_t ms) {
  return Instant{Ms(ms)};
}

MATCHER_P2(BecomesSuspect, peer, why, "") {
  return arg.peer == peer && arg.to == Health::kSuspect && arg.why == why;
}
MATCHER_P(BecomesAlive, peer, "") {
  return arg.peer == peer && arg.to == Health::kAlive && !arg.why;
}

}  // namespace kvd::heartbeat
