// The rules of the cluster file that are about more than one key: counts that must fit the nodes,
// names and ports that must differ, plaintext that must not leave the machine.
//
// Pure. Threading: confined to the parse it belongs to.
#pragma once

#include "config/cluster_file.h"
#include "config/section.h"

namespace kvd::config {

// Reports what does not fit together. Keys that could not be read have their defaults in `file`,
// and addresses that could not be read have port 0; what depends on them is not judged.
// `cluster_exists`: more nodes may be in it than are listed.
void CheckRules(const ClusterFile& file, bool cluster_exists, Reading& reading);

}  // namespace kvd::config
