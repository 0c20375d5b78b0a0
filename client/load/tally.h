// What became of a load's operations, kind by kind.
//
// Pure. Threading: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "client/error.h"
#include "client/load/histogram.h"
#include "client/load/operation.h"

namespace kvd::load {

// Of one kind.
struct Outcomes {
  Histogram latencies{};   // Of what was answered.
  uint64_t in_time = 0;    // Answered before the end of the run; the others came after it.
  uint64_t unknown = 0;    // May or may not have been applied.
  uint64_t errors = 0;     // Whatever else was no answer.
  uint64_t absent = 0;     // Answered: there is no such record.
  uint64_t conflicts = 0;  // Begun again, because somebody else wrote in between.

  [[nodiscard]] uint64_t answered() const { return latencies.count(); }
  [[nodiscard]] uint64_t failed() const { return unknown + errors; }
};

// How one operation ended.
struct Ended {
  std::optional<client::Error> error{};  // nullopt: it was answered.
  Duration latency{};
  bool in_time = true;
  bool absent = false;
  uint64_t conflicts = 0;
};

class Tally {
 public:
  void Record(Kind kind, const Ended& ended);

  void Add(const Tally& other);

  [[nodiscard]] const Outcomes& Of(Kind kind) const { return kinds_[static_cast<size_t>(kind)]; }

  // All kinds together.
  [[nodiscard]] Outcomes Total() const;

  // Of those that failed, the first that is worth telling: an outcome that is unknown before any
  // other. nullopt: none failed.
  [[nodiscard]] const std::optional<client::Error>& first_error() const {
    return first_unknown_ ? first_unknown_ : first_error_;
  }

 private:
  std::array<Outcomes, kKinds.size()> kinds_{};
  std::optional<client::Error> first_unknown_;
  std::optional<client::Error> first_error_;
};

}  // namespace kvd::load
