// Which rules of changing a cluster's shape are broken, one at a time, to prove that the tests
// would notice.
//
// In kvd none is, and none can be: IsBroken() is a constant, the branches vanish. Only a test that
// compiles this room once more with KVD_TOPOLOGY_BREAKABLE can break one, through `broken`.
#pragma once

#include <cstdint>
#ifdef KVD_TOPOLOGY_BREAKABLE
#include <set>
#endif

namespace kvd::topology {

enum class Rule : uint8_t {
  kRemoveWhoCounts,  // A node is removed although groups still count on its replicas.
};

#ifdef KVD_TOPOLOGY_BREAKABLE
inline std::set<Rule> broken;
inline bool IsBroken(Rule rule) {
  return broken.contains(rule);
}
#else
constexpr bool IsBroken(Rule /*rule*/) {
  return false;
}
#endif

}  // namespace kvd::topology
