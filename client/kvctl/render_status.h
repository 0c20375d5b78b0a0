// The state of the cluster: what is wrong, what it means for keys, and what to do.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/kvctl/layout.h"

namespace kvd::kvctl {

struct Problem {
  std::string node;     // Empty: of the cluster as a whole.
  std::string message;  // "n3 is unreachable for 4m12s (connection refused); ..."
};

struct Health {
  enum class State : uint8_t { kHealthy, kFounding, kDegraded };

  State state = State::kHealthy;
  size_t nodes_up = 0;
  uint64_t partitions_unavailable = 0;  // Without an owner.
  std::vector<Problem> problems;
};

// Healthy means founded, every node up, and every partition owned.
[[nodiscard]] Health JudgeHealth(const client::ClusterStatus& status);

// "healthy", "founding", "degraded".
[[nodiscard]] std::string_view HealthName(Health::State state);

[[nodiscard]] Tint TintOf(client::NodeState state);

// How many jobs are under way; nullopt if nobody could say.
using JobCount = std::optional<uint64_t>;

// One screen: the summary, the problems with what to do next, the nodes.
[[nodiscard]] std::string RenderStatus(const client::ClusterStatus& status, JobCount jobs,
                                       bool colour);
[[nodiscard]] std::string StatusJson(const client::ClusterStatus& status, JobCount jobs);

// The nodes as a table, or as an object each.
[[nodiscard]] std::string NodesTable(const client::ClusterStatus& status, bool colour);
[[nodiscard]] std::string NodesJson(const client::ClusterStatus& status);

}  // namespace kvd::kvctl
