// What applying one entry came to: decided by the state machine, the same on every replica.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "common/types.h"

namespace kvd::partition {

// Something was written, or a key that was there was deleted. The version is the entry's index.
struct Written {
  Version version = 0;

  friend bool operator==(const Written&, const Written&) = default;
};

// A deletion, its condition met, of a key that is not there.
struct Absent {
  friend bool operator==(const Absent&, const Absent&) = default;
};

// A condition failed, and nothing was written.
struct Mismatch {
  std::string key;     // Whose condition.
  Version actual = 0;  // 0: it is absent.

  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

struct Incremented {
  int64_t value = 0;  // After it.
  Version version = 0;

  friend bool operator==(const Incremented&, const Incremented&) = default;
};

// The value to be incremented is no decimal 64-bit integer, and nothing was written.
struct NotANumber {
  std::string key;
  Version actual = 0;

  friend bool operator==(const NotANumber&, const NotANumber&) = default;
};

// The sum would not fit 64 bits, and nothing was written.
struct Overflow {
  std::string key;
  int64_t value = 0;  // As it is.

  friend bool operator==(const Overflow&, const Overflow&) = default;
};

// Never executed by this entry: the client had said that the request is done.
struct Stale {
  uint64_t done_below = 0;

  friend bool operator==(const Stale&, const Stale&) = default;
};

// Never executed by this entry: if it was executed before, that has been forgotten.
struct BaseTooOld {
  Index floor = 0;

  friend bool operator==(const BaseTooOld&, const BaseTooOld&) = default;
};

// The entry is no command: a leader's empty one, or a configuration.
struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

struct Outcome {
  Index index = 0;  // Of the entry.
  Term term = 0;

  // `what` was decided by an earlier entry of the same request id; this one did nothing.
  bool duplicate = false;

  std::variant<Nothing, Written, Absent, Mismatch, Incremented, NotANumber, Overflow, Stale,
               BaseTooOld>
      what = Nothing{};

  // What `what` says, for callers that look no closer; 0 if nothing was written.
  Version version = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

}  // namespace kvd::partition
