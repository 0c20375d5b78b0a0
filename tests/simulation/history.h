// What clients saw of one key, and whether a register that does one operation at a time could have
// answered like that (linearizability is local, so keys are judged apart; Herlihy & Wing 1990,
// theorem 1). The search is that of Wing & Gong with Lowe's memory of the states seen.
//
// An operation without a certain outcome may have happened at any time since it began, or never. A
// refused operation is left out: what it did, if anything, must not show. So is a read that may be
// stale: it is judged elsewhere.
//
// A key is either a register, of unique values, or a counter, which is incremented and never put.
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

enum class OpKind : uint8_t { kPut, kGet, kDelete, kIncrement };

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
  int64_t by = 0;                       // Increment.
  int64_t number = 0;  // What an Increment made of it, or a Get of a counter found.

  // Done only if the key was at this version, 0: absent; `mismatch`: it was at `version` instead.
  std::optional<Version> if_version = {};
  bool mismatch = false;
  bool stale = false;     // Get: of any replica.
  bool in_batch = false;  // Delete: nobody is told whether there was a value.
  PartitionId partition{};
};

enum class Judgement : uint8_t { kLinearizable, kNot, kTooHard };

// Whether the operations of one key could have happened one at a time, versions increasing.
[[nodiscard]] Judgement JudgeKey(const std::vector<Op>& ops);

// Acknowledged increments <= value <= attempted ones, behind all operations.
[[nodiscard]] std::optional<std::string> JudgeCount(const std::vector<Op>& ops,
                                                    const std::string& key, int64_t value);

// What is wrong with the history of all keys; nullopt if nothing is. Too hard histories count as
// right, and are counted in `too_hard`.
struct Verdict {
  std::optional<std::string> wrong = {};
  uint32_t too_hard = 0;
};
// Operations of one id are one batch.
[[nodiscard]] Verdict JudgeHistory(const std::vector<Op>& ops);

// "put "a" v12 through n3: done, version 7 (1.5 s to 1.7 s)".
[[nodiscard]] std::string Describe(const Op& op);

}  // namespace kvd::simulation
