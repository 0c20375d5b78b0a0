// What a cluster may never take back, seen from outside: which topologies it has had, and which
// cluster a node is bound to. Compared with what each process shows when it starts and while it
// runs.
//
//   S1   the epoch that a node knows never falls, across restarts too
//   S15  epochs are consecutive, have one content each, and are the system group's to decide:
//        nobody holds one that is not committed and applied there
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/uuid.h"
#include "server/node/view.h"
#include "server/partition/command.h"
#include "server/partition/state_machines.h"
#include "server/topology/messages.h"
#include "tests/simulation/consensus.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

class Ledger {
 public:
  Ledger(World& world, Consensus& consensus) : world_(world), consensus_(consensus) {}

  // `host`, the node `self`, answered a greeting, saying that it is bound to `binding`.
  void SaidBound(HostId host, const Uuid& self, const topology::Binding& binding);

  // `host`, called `name`, starts with this on its disk.
  void Started(HostId host, const std::string& name, const topology::Binding& binding);

  // The disk of `host` was emptied: it is somebody else.
  void Wiped(HostId host);

  // A replica of the system group applied this.
  void Applied(const partition::ApplyJob& job, const partition::Applied& applied);

  // `host` shows this cluster.
  void Shows(HostId host, const node::ClusterView& view, const std::string& topology_bytes);

  // The newest topology that was decided; nullopt: the one of the founding, or none.
  [[nodiscard]] const std::optional<topology::Topology>& newest() const { return newest_; }

 private:
  [[nodiscard]] bool MayBecome(const topology::Binding& said, const topology::Binding& now) const;
  void Decided(const std::string& record);

  World& world_;
  Consensus& consensus_;
  std::optional<Uuid> cluster_id_;
  std::map<Epoch, std::string> topologies_;  // As bytes: that of the founding, and decided ones.
  std::optional<topology::Topology> newest_;
  std::map<HostId, Epoch> epochs_;
  std::map<HostId, topology::Binding> bound_;
};

}  // namespace kvd::simulation
