// What a cluster may never take back, seen from outside: which topology it has, who owns what, what
// was acknowledged, and that every call is answered once. Compared with what each process shows
// when it starts and while it runs.
//
// Threading: one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/node/view.h"
#include "server/partition/state_machines.h"
#include "server/topology/messages.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"

namespace kvd::simulation {

class Ledger {
 public:
  explicit Ledger(World& world) : world_(world) {}

  // `host` answered a greeting, saying that it is bound to `binding`.
  void SaidBound(HostId host, const topology::Binding& binding);

  // The store of `host` has flushed `partition` up to `index`.
  void Flushed(HostId host, PartitionId partition, Index index);

  // A node answered that a write was done, by a node called `owner`.
  void Acknowledged(PartitionId partition, const std::string& owner, Version version);

  // `host`, called `name`, starts with this on its disk.
  void Started(HostId host, const std::string& name, const topology::Binding& binding,
               const std::vector<partition::StateMachines::Recovered>& recovered);

  // `host` shows this ring.
  void Shows(HostId host, const node::RingView& view, const std::string& topology_bytes);

 private:
  void CheckNotBelow(const std::map<PartitionId, Index>& recovered,
                     const std::map<PartitionId, Index>& promised, const std::string& who,
                     const std::string& what);

  World& world_;
  std::optional<Uuid> cluster_id_;
  std::map<Epoch, std::string> topologies_;  // As bytes: one content per epoch.
  std::map<HostId, Epoch> epochs_;
  std::map<PartitionId, HostId> owners_;
  std::map<HostId, topology::Binding> bound_;
  std::map<HostId, std::map<PartitionId, Index>> flushed_;
  std::map<std::string, std::map<PartitionId, Index>> acknowledged_;
};

}  // namespace kvd::simulation
