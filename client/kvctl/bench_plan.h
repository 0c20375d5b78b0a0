// What `kvctl bench` was asked for.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "client/kvctl/command_line.h"
#include "client/kvctl/failure.h"
#include "client/load/records.h"
#include "client/load/run.h"
#include "client/load/workload.h"

namespace kvd::kvctl {

struct BenchPlan {
  load::Workload workload;
  load::RecordFormat::Options format{};
  uint64_t records = 100'000;
  std::vector<size_t> callers = {16};  // A run each, in this order.
  bool pipelined = false;
  std::optional<uint64_t> per_second{};  // nullopt: a closed loop.
  Duration length = std::chrono::seconds(10);
  uint64_t seed = 1;

  // What is done, in this order.
  bool loads = true;
  bool runs = true;
  bool cleans = false;

  // One of its runs.
  [[nodiscard]] load::RunOptions RunWith(size_t some_callers) const;
};

// Fails with an error that names the option: of usage, or of a limit if values are larger than any
// cluster takes.
[[nodiscard]] std::variant<BenchPlan, Failure> MakeBenchPlan(const CommandLine& line);

}  // namespace kvd::kvctl
