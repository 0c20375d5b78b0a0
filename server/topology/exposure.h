// What a single failure would cost: which node or zone, if it were lost now, would take data or a
// majority with it.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "server/topology/topology.h"

namespace kvd::topology {

struct Zone {
  std::string name;

  friend bool operator==(const Zone&, const Zone&) = default;
};

struct Exposure {
  std::variant<NodeId, Zone> failure;
  uint32_t lost = 0;     // Partitions whose every copy is there.
  uint32_t stopped = 0;  // Partitions that would have no majority, the lost ones included.

  friend bool operator==(const Exposure&, const Exposure&) = default;
};

// The failures of one node, in order of id, and then of one zone of several nodes, in order of
// name, that the ring of `topology` would not bear. Empty: it bears any of them.
[[nodiscard]] std::vector<Exposure> ExposuresOf(const Topology& topology);

}  // namespace kvd::topology
