// The workloads of YCSB (Cooper et al., "Benchmarking cloud serving systems with YCSB", SoCC 2010,
// table 2): what is done, and to which records.
//
// Deviations. E, which scans, is not there: kvd has no scans. In F the write of a read-modify-write
// has the version that was read as its condition and is tried again if somebody else was faster;
// YCSB's overwrites what the other wrote.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "client/load/mix.h"
#include "common/status.h"

namespace kvd::load {

// Which record an operation is about; inserts are about new ones.
enum class Choice : uint8_t {
  kUniform,  // Each as often as any other.
  kZipf,     // A few very often, wherever they are.
  kLatest,   // The newer the more often.
};

// "uniform", "zipf", "latest".
[[nodiscard]] std::string_view ChoiceName(Choice choice);

// Errors say what was probably meant.
[[nodiscard]] StatusOr<Choice> ParseChoice(std::string_view name);

struct Workload {
  std::string name;  // "a" to "f", or "mix".
  Mix mix;
  Choice choice = Choice::kZipf;
};

// By its letter, small or capital. E is refused with the reason.
[[nodiscard]] StatusOr<Workload> ParseWorkload(std::string_view name);

}  // namespace kvd::load
