// What `kvd recover` tells the operator before anything is done.
//
// Pure. Threading: values.
#pragma once

#include <map>
#include <string>

#include "common/types.h"
#include "server/topology/salvage.h"

namespace kvd::daemon {

// `newest` is the topology that `salvage` was planned from, `paths` where the directory of each
// survivor is.
[[nodiscard]] std::string DescribeSalvage(const topology::Salvage& salvage,
                                          const topology::Topology& newest,
                                          const std::map<NodeId, std::string>& paths);

}  // namespace kvd::daemon
