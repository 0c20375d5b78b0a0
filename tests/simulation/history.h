// What clients saw of one key, and whether a register that does one operation at a time could have
// answered like that (linearizability is local, so keys are judged apart; Herlihy & Wing 1990,
// theorem 1). The search is that of Wing & Gong with Lowe's memory of the states seen.
//
// An operation without a certain outcome may have happened at any time since it began, or never. A
// refused operation is left out: what it did, if anything, must not show.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/types.h"

namespace kvd::simulation {

enum class OpKind : uint8_t { kPut, kGet, kDelete };

enum class OpState : uint8_t { kOpen, kDone, kRefused };

struct Op {
  uint64_t id = 0;
  std::string node = {};  // Asked.
  std::string key = {};
  OpKind kind = OpKind::kGet;
  std::string value = {};  // Put, unique; or what a Get found.
  Duration began{};
  Duration ended = Duration::max();
  OpState state = OpState::kOpen;
  bool found = false;                   // Get: there was a value. Delete: it removed one.
  std::optional<Version> version = {};  // Created or found.
  PartitionId partition{};
};

enum class Judgement : uint8_t { kLinearizable, kNot, kTooHard };

// Whether the operations of one key could have happened one at a time, versions increasing.
[[nodiscard]] Judgement JudgeKey(const std::vector<Op>& ops);

// What is wrong with the history of all keys; nullopt if nothing is. Too hard histories count as
// right, and are counted in `too_hard`.
struct Verdict {
  std::optional<std::string> wrong = {};
  uint32_t too_hard = 0;
};
[[nodiscard]] Verdict JudgeHistory(const std::vector<Op>& ops);

// "put "a" v12 through n3: done, version 7 (1.5 s to 1.7 s)".
[[nodiscard]] std::string Describe(const Op& op);

}  // namespace kvd::simulation
