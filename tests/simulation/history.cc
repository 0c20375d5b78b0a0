#include "tests/simulation/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "common/bytes.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {
namespace {

constexpr size_t kMaxStates = 100'000;

constexpr size_t kAbsent = std::numeric_limits<size_t>::max();
constexpr size_t kCounter = kAbsent - 1;

struct Register {
  size_t writer = kAbsent;  // The put whose value is there, by position; kCounter: a number is.
  int64_t number = 0;
  Version version = 0;  // Of the last write; at least this if it is not known.
  bool known = true;

  friend auto operator<=>(const Register&, const Register&) = default;
};

bool IsWrite(const Op& op) {
  return op.kind != OpKind::kGet && !op.mismatch && op.version.has_value();
}

// Depth first over all orders that respect real time. Operations are sorted by their beginning.
class Search {
 public:
  explicit Search(std::vector<Op> ops) : ops_(std::move(ops)), taken_(ops_.size(), false) {
    std::ranges::stable_sort(ops_, {}, &Op::began);
    for (size_t i = 0; i < ops_.size(); ++i) {
      if (ops_[i].kind == OpKind::kPut) writers_[ops_[i].value] = i;
      left_ += ops_[i].state == OpState::kDone ? 1U : 0U;
    }
    ShareVersions();
  }

  Judgement Run() {
    if (contradiction_) return Judgement::kNot;
    if (Extend({})) return Judgement::kLinearizable;
    return states_.size() >= kMaxStates ? Judgement::kTooHard : Judgement::kNot;
  }

 private:
  // A get tells the version of the put it saw, even of one that was never answered.
  void ShareVersions() {
    const bool counts =
        std::ranges::any_of(ops_, [](const Op& op) { return op.kind == OpKind::kIncrement; });
    if (counts) return;
    for (Op& op : ops_) {
      if (op.kind != OpKind::kGet || !op.found) continue;
      const auto writer = writers_.find(op.value);
      if (writer == writers_.end()) {
        contradiction_ = true;
        return;
      }
      std::optional<Version>& version = ops_[writer->second].version;
      if (version.value_or(*op.version) != *op.version) contradiction_ = true;
      version = op.version;
    }
  }

  // Whether the register may be at `version`.
  static bool MayBeAt(const Register& at, Version version) {
    if (at.writer == kAbsent) return version == 0;
    return at.known ? at.version == version : version > at.version;
  }

  // Behind a write of a version that may not be known.
  static std::optional<Register> Written(const Op& op, const Register& at, Register next) {
    if (op.version && *op.version <= at.version) return std::nullopt;
    next.version = op.version.value_or(at.version);
    next.known = op.version.has_value();
    return next;
  }

  // The register behind `op`, if it can be next.
  [[nodiscard]] std::optional<Register> Do(size_t i, const Register& at) const {
    const Op& op = ops_[i];
    if (op.mismatch) {
      return MayBeAt(at, op.version.value_or(0)) ? std::optional(at) : std::nullopt;
    }
    if (op.if_version && !MayBeAt(at, *op.if_version)) return std::nullopt;
    const bool present = at.writer != kAbsent;
    switch (op.kind) {
      case OpKind::kGet:
        return Sees(op, at) ? std::optional(at) : std::nullopt;
      case OpKind::kPut:
        return Written(op, at, {.writer = i});
      case OpKind::kDelete:
        if (op.in_batch) return Written(op, at, {});
        if (op.state == OpState::kDone && op.found != present) return std::nullopt;
        if (!present) return at;
        return Written(op, at, {});
      case OpKind::kIncrement:
        if (op.state == OpState::kDone && op.number != at.number + op.by) return std::nullopt;
        return Written(op, at, {.writer = kCounter, .number = at.number + op.by});
    }
    return std::nullopt;
  }

  [[nodiscard]] bool Sees(const Op& op, const Register& at) const {
    if (op.found != (at.writer != kAbsent)) return false;
    if (!op.found) return true;
    if (!MayBeAt(at, *op.version)) return false;
    return at.writer == kCounter ? op.number == at.number : ops_[at.writer].value == op.value;
  }

  bool Extend(Register at) {
    if (left_ == 0) return true;
    if (states_.size() >= kMaxStates || !states_.emplace(taken_, at).second) return false;
    // Whoever begins after someone not yet placed has ended cannot be next.
    Duration first_end = Duration::max();
    for (size_t i = first_; i < ops_.size(); ++i) {
      if (!taken_[i]) first_end = std::min(first_end, ops_[i].ended);
    }
    const auto may_be_next = [&](size_t i) { return !taken_[i] && ops_[i].began <= first_end; };
    // What fits and changes nothing may as well be next: no choice is lost by it.
    for (size_t i = first_; i < ops_.size() && ops_[i].began <= first_end; ++i) {
      if (may_be_next(i) && ops_[i].state == OpState::kDone && Do(i, at) == at) return Place(i, at);
    }
    for (size_t i = first_; i < ops_.size() && ops_[i].began <= first_end; ++i) {
      if (!may_be_next(i) || IsNameless(ops_[i])) continue;
      if (const auto next = Do(i, at); next && Place(i, *next)) return true;
    }
    return ExtendNameless(at, first_end);
  }

  // A write without an answer that nobody saw: one is as good as another of its kind, and each is
  // as good later, so it is enough to try the first, and last.
  static bool IsNameless(const Op& op) {
    return op.state == OpState::kOpen && !op.version && !op.if_version &&
           op.kind != OpKind::kIncrement;
  }

  bool ExtendNameless(Register at, Duration first_end) {
    for (const OpKind kind : {OpKind::kPut, OpKind::kDelete}) {
      for (size_t i = first_; i < ops_.size() && ops_[i].began <= first_end; ++i) {
        if (taken_[i] || ops_[i].kind != kind || !IsNameless(ops_[i])) continue;
        if (const auto next = Do(i, at); next && Place(i, *next)) return true;
        break;
      }
    }
    return false;
  }

  bool Place(size_t i, Register next) {
    const bool done = ops_[i].state == OpState::kDone;
    const size_t first = first_;
    taken_[i] = true;
    left_ -= done ? 1U : 0U;
    while (first_ < ops_.size() && taken_[first_]) ++first_;
    if (Extend(next)) return true;
    first_ = first;
    left_ += done ? 1U : 0U;
    taken_[i] = false;
    return false;
  }

  std::vector<Op> ops_;
  std::vector<bool> taken_;
  std::map<std::string, size_t> writers_;
  std::set<std::pair<std::vector<bool>, Register>> states_;
  size_t left_ = 0;   // Done and not placed.
  size_t first_ = 0;  // All before are placed.
  bool contradiction_ = false;
};

// Versions of a partition: one per write, and a write that began after another ended has the
// higher.
std::optional<std::string> JudgeVersions(std::vector<const Op*> writes) {
  std::map<Version, const Op*> by_version;
  for (const Op* op : writes) {
    const auto [other, fresh] = by_version.emplace(*op->version, op);
    if (!fresh && other->second->id != op->id)
      return "one version twice: " + Describe(*other->second) + "; " + Describe(*op);
  }
  // From the highest version down: none may begin after one of a higher version has ended.
  const Op* earliest_end = nullptr;
  for (auto it = by_version.rbegin(); it != by_version.rend(); ++it) {
    const Op* op = it->second;
    if (earliest_end != nullptr && earliest_end->ended < op->began) {
      return "versions went back: " + Describe(*earliest_end) + "; then " + Describe(*op);
    }
    if (earliest_end == nullptr || op->ended < earliest_end->ended) earliest_end = op;
  }
  return std::nullopt;
}

// The smallest beginning of a wrong history that is wrong itself, for people: its last operation is
// the one that does not fit.
std::string Explain(const std::string& key, std::vector<Op> ops) {
  std::vector<Duration> ends;
  for (const Op& op : ops) {
    if (op.state == OpState::kDone) ends.push_back(op.ended);
  }
  std::ranges::sort(ends);
  for (const Duration end : ends) {
    std::vector<Op> beginning;
    const Op* last = nullptr;
    for (const Op& op : ops) {
      if (op.began > end) continue;
      beginning.push_back(op);
      if (op.ended == end) last = &op;
      if (op.ended <= end) continue;
      if (op.kind == OpKind::kGet) {
        beginning.pop_back();
      } else {
        beginning.back().state = OpState::kOpen;
        beginning.back().ended = Duration::max();
        beginning.back().version.reset();
        beginning.back().mismatch = false;
      }
    }
    if (JudgeKey(beginning) == Judgement::kNot) {
      return fmt::format("history of {} is not linearizable at {}", Quoted(key), Describe(*last));
    }
  }
  return fmt::format("history of {} is not linearizable", Quoted(key));
}

}  // namespace

std::optional<std::string> JudgeCount(const std::vector<Op>& ops, const std::string& key,
                                      int64_t value) {
  int64_t acknowledged = 0;
  int64_t attempted = 0;
  for (const Op& op : ops) {
    if (op.key != key || op.kind != OpKind::kIncrement || op.state == OpState::kRefused) continue;
    attempted += op.by;
    if (op.state == OpState::kDone) acknowledged += op.by;
  }
  if (acknowledged <= value && value <= attempted) return std::nullopt;
  return fmt::format("counter {} is {}, {} was acknowledged and {} attempted", Quoted(key), value,
                     acknowledged, attempted);
}

Judgement JudgeKey(const std::vector<Op>& ops) {
  return Search(ops).Run();
}

Verdict JudgeHistory(const std::vector<Op>& ops) {
  std::map<std::string, std::vector<Op>> keys;
  std::map<PartitionId, std::vector<const Op*>> writes;
  for (const Op& op : ops) {
    if (op.state == OpState::kRefused) continue;
    if (op.kind == OpKind::kGet && (op.state == OpState::kOpen || op.stale)) continue;
    keys[op.key].push_back(op);
    if (op.state == OpState::kDone && IsWrite(op)) {
      writes[op.partition].push_back(&op);
    }
  }
  Verdict verdict;
  for (const auto& [key, history] : keys) {
    const Judgement judgement = JudgeKey(history);
    if (judgement == Judgement::kTooHard) ++verdict.too_hard;
    if (judgement == Judgement::kNot && !verdict.wrong) verdict.wrong = Explain(key, history);
  }
  for (auto& [partition, some] : writes) {
    if (!verdict.wrong) verdict.wrong = JudgeVersions(std::move(some));
  }
  return verdict;
}

std::string Describe(const Op& op) {
  constexpr std::array kKinds = {"put", "get", "delete", "increment"};
  std::string text =
      fmt::format("op {}: {} {}", op.id, kKinds[static_cast<size_t>(op.kind)], Quoted(op.key));
  if (op.kind == OpKind::kPut) text += fmt::format(" {}", op.value.substr(0, 8));
  if (op.kind == OpKind::kIncrement) text += fmt::format(" by {}", op.by);
  if (op.if_version) text += fmt::format(" if at {}", *op.if_version);
  text += fmt::format(" through {}", op.node);
  if (op.state == OpState::kOpen) return text + ": outcome unknown";
  if (op.state == OpState::kRefused) return text + ": refused";
  text += op.mismatch ? ": is not" : ": done";
  if (op.kind == OpKind::kGet) {
    text += op.found ? fmt::format(", found {}", op.value.substr(0, 8)) : ", absent";
  }
  if (op.kind == OpKind::kDelete && !op.mismatch) text += op.found ? ", removed" : ", absent";
  if (op.kind == OpKind::kIncrement) text += fmt::format(", now {}", op.number);
  if (op.version) text += fmt::format(", version {}", *op.version);
  return text + fmt::format(" ({} to {})", ForPeople(op.began), ForPeople(op.ended));
}

}  // namespace kvd::simulation
