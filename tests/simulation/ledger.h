// What a cluster may never take back, seen from outside: which topology it has, and which cluster a
// node is bound to. Compared with what each process shows when it starts and while it runs.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/node/view.h"
#include "server/topology/messages.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

class Ledger {
 public:
  explicit Ledger(World& world) : world_(world) {}

  // `host` answered a greeting, saying that it is bound to `binding`.
  void SaidBound(HostId host, const topology::Binding& binding);

  // `host`, called `name`, starts with this on its disk.
  void Started(HostId host, const std::string& name, const topology::Binding& binding);

  // `host` shows this cluster.
  void Shows(HostId host, const node::ClusterView& view, const std::string& topology_bytes);

 private:
  World& world_;
  std::optional<Uuid> cluster_id_;
  std::map<Epoch, std::string> topologies_;  // As bytes: one content per epoch.
  std::map<HostId, Epoch> epochs_;
  std::map<HostId, topology::Binding> bound_;
};

}  // namespace kvd::simulation
